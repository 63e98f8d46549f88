"""Figures of a whole run, pooled over segments: ensembles against the historical average.

Like is compared with like: for each measure both models are taken by the same point of their
distribution, the one that is best for that measure (:mod:`.metrics`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple, Self

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from demand_forecast.modelling.evaluation.metrics import (
    BIAS,
    MAPE,
    MAPE_MEAN,
    RANKING,
    WAPE_MEDIAN,
    Average,
    Metric,
)
from demand_forecast.modelling.models.kinds import BASELINE, ENSEMBLE, SIMPLE
from demand_forecast.modelling.velocity import VELOCITIES

ALL: Final = "all"
BASELINE_MODELS: Final = "baseline"


class Record(BaseModel):
    """Part of a summary; ``model_dump(mode="json")`` is valid JSON, unknown figures are null."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Judged(NamedTuple):
    """The verdict on one velocity of one segment.

    Attributes:
        segment: Its namespace, ``north_texas.large``.
        velocity: ``fast`` or ``slow``.
        verdict: As stored: ``passed``, ``reason``, and ``metrics`` of each model, with one record
            per model as :func:`demand_forecast.modelling.evaluation.metrics.summarise` has them;
            without the ensemble's where there was none. Also ``alarm``.
    """

    segment: str
    velocity: str
    verdict: Mapping[str, Any]

    @property
    def has_ensemble(self) -> bool:
        """Whether there was an ensemble to be judged."""
        return any(row["model"] == ENSEMBLE for row in self.verdict["metrics"])


class Comparison(Record):
    """One measure of both models on the same rows, per cent; null where there is nothing to tell.

    Ensembles that do not exist, for want of history, are compared with nothing: the rows of their
    segment and velocity are left out on both sides.
    """

    baseline: float | None = Field(description="Of the historical average.")
    ensemble: float | None = Field(description="Of the ensembles.")
    reduction: float | None = Field(
        description="How much lower the ensemble's is, per cent of the baseline's; null for bias."
    )


class Accuracy(Record):
    """The three measures that a result is told by, each of its own point."""

    mape: Comparison = Field(description="Mean absolute percentage error, of `mape_point`.")
    wape: Comparison = Field(description="Absolute errors by volume, of the `median`.")
    bias: Comparison = Field(description="Signed errors by volume, of the `mean`.")
    mape_mean: Comparison = Field(
        description="MAPE of the `mean`: what the averages, used as they are, would have had."
    )

    @classmethod
    def of(cls, judged: Sequence[Judged]) -> Self:
        """Pooled over segments and velocities."""
        return cls(**{name: _comparison(judged, metric) for name, metric in HEADLINE.items()})


HEADLINE: Final[dict[str, Metric]] = {
    "mape": MAPE,
    "wape": WAPE_MEDIAN,
    "bias": BIAS,
    "mape_mean": MAPE_MEAN,
}


class Models(Record):
    """The models of one kind, and how they did."""

    kind: str = Field(description="`ensemble`, `baseline`, or `all` of them together.")
    velocity: str = Field(description="`fast` or `slow`, or `all`.")
    models: int = Field(description="How many were trained.")
    accuracy: Accuracy | None = Field(description="Null for the baselines: see beside ensembles.")
    share_passed: float | None = Field(
        description="Segments whose ensemble passed the gate, per cent of all segments."
    )


class Outcome(Record):
    """What the gate said of one velocity of one segment."""

    segment: str
    velocity: str
    passed: bool
    reason: str = Field(description="Which rules failed and why, or why there is no ensemble.")
    alarm: str = Field(description="Which rules failed that keep nothing from promotion, and why.")
    accuracy: Accuracy
    simple: str | None = Field(description="The simple contestant with the least WAPE.")
    simple_wape: float | None = Field(
        description="Its WAPE, of the `median`; a forecast above a sold-out quantity is no error."
    )
    ensemble_wape: float | None = Field(description="The same of the ensemble.")

    @property
    def simple_wins(self) -> bool:
        """Whether there is an ensemble, and a simple contestant has the lower WAPE."""
        simple, ensemble = self.simple_wape, self.ensemble_wape
        return simple is not None and ensemble is not None and simple < ensemble


class Rows(Record):
    """Rows of all sources; read = conditioned + quarantined + set aside.

    Rows that were added to others count as conditioned.
    """

    rows_in: int = 0
    rows_conditioned: int = 0
    rows_quarantined: int = 0
    rows_set_aside: int = 0


class RunSummary(Record):
    """The result of a run that validates; ``08_reporting/summary.json`` of a whole one."""

    points: dict[str, str] = Field(description="The point of which each measure is.")
    models: list[Models] = Field(description="Ensembles by velocity, the baselines, all together.")
    outcomes: list[Outcome] = Field(description="Every segment and velocity, the worst first.")
    rows: Rows
    seconds: dict[str, float] = Field(
        default_factory=dict, description="Work by stage over all processes; `total` by the clock."
    )

    failed: list[str] = Field(
        default_factory=list, description="What failed and why; it is missing from the rest."
    )

    @property
    def total(self) -> Models:
        """All models together."""
        return self.models[-1]


def summarise(judged: Sequence[Judged], control_totals: Iterable[pd.DataFrame] = ()) -> RunSummary:
    """The summary of all that was judged.

    Args:
        judged: Verdicts of the segments, by velocity.
        control_totals: Control totals of the regions.
    """
    return RunSummary(
        points={name: metric.point for name, metric in HEADLINE.items()},
        models=_models(judged),
        outcomes=sorted((_outcome(one) for one in judged), key=_worst_first),
        rows=count_rows(control_totals),
    )


def count_rows(control_totals: Iterable[pd.DataFrame]) -> Rows:
    """What became of the rows of all regions and sources."""
    tables = list(control_totals)
    counts = {
        name: int(sum(t[name].sum() for t in tables if name in t))  # older versions have fewer
        for name in (*Rows.model_fields, "rows_merged")
    }
    counts["rows_conditioned"] += counts.pop("rows_merged")
    return Rows(**counts)


def _models(judged: Sequence[Judged]) -> list[Models]:
    lines = [_ensembles(velocity, judged) for velocity in VELOCITIES]
    baselines = len({one.segment for one in judged})
    whole = Models(
        kind=ALL,
        velocity=ALL,
        models=sum(line.models for line in lines) + baselines,
        accuracy=Accuracy.of(judged),
        share_passed=_share_passed(judged),
    )
    of_baselines = Models(
        kind=BASELINE_MODELS, velocity=ALL, models=baselines, accuracy=None, share_passed=None
    )
    return [*lines, of_baselines, whole]


def _ensembles(velocity: str, judged: Sequence[Judged]) -> Models:
    mine = [one for one in judged if one.velocity == velocity]
    return Models(
        kind=ENSEMBLE,
        velocity=velocity,
        models=sum(one.has_ensemble for one in mine),
        accuracy=Accuracy.of(mine),
        share_passed=_share_passed(mine),
    )


def _share_passed(judged: Sequence[Judged]) -> float | None:
    passed = [bool(one.verdict["passed"]) for one in judged]
    return 100 * sum(passed) / len(passed) if passed else None


def _outcome(one: Judged) -> Outcome:
    metrics = one.verdict["metrics"]
    simple = best_simple(metrics)
    wapes = {
        name: pool([row for row in metrics if row["model"] == name], RANKING)
        for name in (ENSEMBLE, simple)
    }
    return Outcome(
        segment=one.segment,
        velocity=one.velocity,
        passed=one.verdict["passed"],
        reason=one.verdict["reason"],
        alarm=one.verdict["alarm"],
        accuracy=Accuracy.of([one]),
        simple=simple,
        simple_wape=_rounded(wapes[simple]),
        ensemble_wape=_rounded(wapes[ENSEMBLE]),
    )


def _worst_first(outcome: Outcome) -> tuple[bool, float, str, str]:
    """What failed, by what it failed by; the rest by MAPE."""
    mape = outcome.accuracy.mape.ensemble
    worst = np.inf if mape is None else -mape
    return outcome.passed, worst, outcome.segment, outcome.velocity


def _comparison(judged: Sequence[Judged], metric: Metric) -> Comparison:
    rows = [row for one in judged if one.has_ensemble for row in one.verdict["metrics"]]
    baseline, ensemble = (
        pool([row for row in rows if row["model"] == model], metric)
        for model in (BASELINE, ENSEMBLE)
    )
    is_error = metric is not BIAS
    reduction = 100 * (1 - ensemble / baseline) if is_error and baseline > 0 else np.nan
    return Comparison(
        baseline=_rounded(baseline), ensemble=_rounded(ensemble), reduction=_rounded(reduction)
    )


def pool(rows: Sequence[Mapping[str, Any]], metric: Metric) -> float:
    """A measure over the rows of several groups, as if they were one; NaN of nothing.

    Each group counts by what its own denominator was, rows with demand or units, so that the
    pooled figure is exact.

    Args:
        rows: One record per group, with ``rows``, ``volume``, ``share_left_out`` and the measure.
        metric: Averaged over rows with demand, or by volume.
    """
    counted = [(row[metric.name], _weight(row, metric)) for row in rows]
    pairs = [(v, w) for v, w in counted if v is not None and not np.isnan(v) and w > 0]
    if not pairs:
        return float("nan")
    values, weights = zip(*pairs, strict=True)
    return float(np.average(values, weights=weights))


def best_simple(metrics: Iterable[Mapping[str, Any]]) -> str | None:
    """The simple contestant with the least WAPE of the median, sold-out weeks credited, if any.

    Args:
        metrics: Records of models as :func:`pool` takes them, of one group or of several, which are
            pooled.
    """
    rows = list(metrics)
    wapes = {name: pool([row for row in rows if row["model"] == name], RANKING) for name in SIMPLE}
    measured = {name: wape for name, wape in wapes.items() if not np.isnan(wape)}
    return min(measured, key=lambda name: measured[name]) if measured else None


def _weight(row: Mapping[str, Any], metric: Metric) -> float:
    if metric.average is Average.VOLUME:
        return float(row["volume"])
    return float(row["rows"] * (1 - row["share_left_out"] / 100))


def _rounded(value: float) -> float | None:
    return round(float(value), 3) if np.isfinite(value) else None
