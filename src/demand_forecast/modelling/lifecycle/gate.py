"""The gate: may the challenger be promoted? Each rule with its figures, for a person to read.

All models are compared on the same rows of the same origins, on which none was fitted. What serves
is the best that is known: a rule blocks the promotion where something else would serve better. The
contract's limit compares with nothing, so missing it is an alarm and blocks nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from demand_forecast.exceptions import ConfigurationError, ContractError, did_you_mean
from demand_forecast.modelling.evaluation.metrics import RANKING, summarise
from demand_forecast.modelling.evaluation.summary import best_simple
from demand_forecast.modelling.evaluation.weather_gap import KNOWN_WEATHER
from demand_forecast.modelling.lifecycle.incumbent import INCUMBENT, IncumbentRecord
from demand_forecast.modelling.lifecycle.records import Challenger
from demand_forecast.modelling.lifecycle.year_before import YearBefore
from demand_forecast.modelling.models.kinds import BASELINE, ENSEMBLE
from demand_forecast.modelling.panel import KEY
from demand_forecast.modelling.parameters import Parameters
from demand_forecast.modelling.protocol import POINTS, QUANTILES
from demand_forecast.modelling.resampling import resampled_weeks

Array = npt.NDArray[np.float64]
Figures = Mapping[str, Any]  # of one model, by measure
ROW = ["origin", *KEY, "week"]


class GateParameters(Parameters):
    """Limits of the gate; all shares in per cent. Null switches a rule off."""

    mape_limit: float | None = Field(
        default=45.0,
        gt=0,
        description="The contract: MAPE of the challenger at most this. Missing it is an alarm and "
        "does not keep the challenger from promotion.",
    )
    min_reduction: float | None = Field(
        default=0.0,
        description="MAPE of the challenger must be more than this below that of the historical "
        "average as it was used, its mean.",
    )
    simple_margin: float | None = Field(
        default=2.0,
        ge=0,
        description="How much higher, relatively, the WAPE of the challenger's median may be than "
        "that of the best simple contestant; a forecast above a sold-out quantity is no error.",
    )
    bias_floor: float | None = Field(
        default=25.0,
        ge=0,
        description="Bias of the challenger's mean, sold-out weeks credited, at most this either "
        "way, or at most that of the best simple contestant where that is higher. The bias of a "
        "few weeks is uncertain, and a narrow bound can refuse a good ensemble for it.",
    )
    margin: float | None = Field(
        default=2.0,
        ge=0,
        description="How much worse than the incumbent's, relatively, the challenger's MAPE may be "
        "at the upper end of its confidence interval and still count as not worse.",
    )
    min_gain: float | None = Field(
        default=0.0,
        ge=0,
        description="How much lower than the incumbent's, relatively, the challenger's MAPE must "
        "be where it has another recipe and the incumbent is fresh, so that models do not change "
        "to and fro by chance. A model of the same recipe needs no gain.",
    )
    confidence: float = Field(
        default=0.99,
        gt=0.5,
        lt=1,
        description="One-sided confidence of that upper end. An interval from about ten weeks is "
        "too narrow: at 0.99 about one in twenty is released that is worse by the margin.",
    )
    resamples: int = Field(default=1000, ge=100, description="Bootstrap resamples.")
    block_weeks: int = Field(
        default=4,
        ge=1,
        description="Consecutive weeks drawn together, as errors of neighbouring weeks correlate.",
    )
    bias_limit: float | None = Field(
        default=None, gt=0, description="Signed bias at most this, either way; null: no such rule."
    )
    bias_metric: Literal["bias", "bias_aware"] = Field(
        default="bias",
        description="bias: against observed demand; bias_aware: a forecast above a sold-out "
        "quantity is no error.",
    )
    seed: int = Field(default=0, description="Seed of the bootstrap.")
    year_before: bool = Field(
        default=False,
        description="Whether the recipe must also be better than the historical average, by "
        "`min_reduction`, in the same weeks a year before. That takes a second training.",
    )


class RuleResult(BaseModel):
    """One rule: what was measured, what was allowed, and a sentence about it.

    Attributes:
        name: Of the rule.
        passed: Whether the figure keeps to the limit.
        figure: What was measured; None where it cannot be.
        limit: What was allowed.
        detail: Both in words.
        blocks: Whether failing keeps the challenger from promotion; else it is an alarm.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    passed: bool
    figure: float | None
    limit: float
    detail: str
    blocks: bool = True


class Verdict(BaseModel):
    """All rules of one segment and velocity, and the metrics of every model in the comparison.

    ``incumbent`` says which champion it was compared with, and how; ``year_before`` how its recipe
    did in a second holdout. Either is None where nobody has asked.
    ``model_dump(mode="json")`` is valid JSON: figures that do not exist are null.
    """

    model_config = ConfigDict(frozen=True)

    passed: bool
    challenger: str
    rules: list[RuleResult]
    metrics: list[dict[str, Any]]
    incumbent: IncumbentRecord | None = None
    year_before: YearBefore | None = None

    @property
    def reason(self) -> str:
        """One line: which rules keep it from promotion and why, or that none does."""
        return self._failed(blocks=True) or "all rules passed"

    @property
    def alarm(self) -> str:
        """One line: which other rules failed and why; empty where none did."""
        return self._failed(blocks=False)

    def _failed(self, blocks: bool) -> str:
        failed = [rule for rule in self.rules if not rule.passed and rule.blocks == blocks]
        return "; ".join(f"{rule.name}: {rule.detail}" for rule in failed)


Check = tuple[float | None, Callable[[float], RuleResult]]  # a limit, and the rule that asks it


def judge(
    frame: pd.DataFrame,
    rules: GateParameters | None = None,
    *,
    challenger: str = "ensemble",
    baseline: str = "historical_average",
    incumbent: IncumbentRecord | None = None,
    year_before: YearBefore | None = None,
) -> Verdict:
    """Verdict on ``challenger`` from a backtest of one segment and velocity.

    Args:
        frame: From :func:`demand_forecast.modelling.evaluation.backtest.backtest`; the simple
            contestants are those of its models that are in ``SIMPLE``.
        rules: Limits; the defaults of :class:`GateParameters` if not given.
        challenger: Name in ``frame`` of the model that wants to be promoted.
        baseline: Name of the model that it must beat.
        incumbent: What is known of the model ``incumbent`` of ``frame``, the champion, which the
            challenger must not be worse than. Without such a model the rule does not apply and is
            not listed, unless a record says that both have the same recipe.
        year_before: Figures of the same weeks a year before; without them there is no such rule.

    Raises:
        ConfigurationError: If challenger or baseline is not in ``frame``.
        ContractError: If challenger and incumbent were not tried on the same rows.
    """
    rules = rules or GateParameters()
    figures = {str(row["model"]): row for row in _figures(frame)}
    models = list(figures)
    for name in (challenger, baseline):
        if name not in models:
            raise ConfigurationError(
                f"Model '{name}' is not in the backtest. {did_you_mean(name, models)}"
            )
    mine, average = figures[challenger], figures[baseline]
    simple = figures[best_simple(figures.values()) or baseline]
    rows = frame[frame["model"] == challenger]
    checks: list[Check] = [
        (rules.mape_limit, partial(_accurate, mine)),
        (rules.min_reduction, partial(_better, mine, average)),
        (rules.simple_margin, partial(_near_simple, mine, simple)),
        (rules.bias_floor, partial(_as_unbiased, mine, simple)),
        *_against_incumbent(frame, challenger, rules, incumbent),
        *_a_year_before(rules, year_before),
        (rules.bias_limit, partial(_unbiased, mine, rules.bias_metric)),
    ]
    results = [_finite(rows), *(rule(limit) for limit, rule in checks if limit is not None)]
    return Verdict(
        passed=all(result.passed for result in results if result.blocks),
        challenger=challenger,
        rules=results,
        metrics=_valid_json(figures.values()),
        incumbent=incumbent,
        year_before=year_before,
    )


def _a_year_before(rules: GateParameters, year_before: YearBefore | None) -> list[Check]:
    """The rule about the second holdout; where history does not reach there is none."""
    if year_before is None or year_before.reason:
        return []
    return [(rules.min_reduction, partial(_better_before, year_before))]


def _against_incumbent(
    frame: pd.DataFrame, challenger: str, rules: GateParameters, incumbent: IncumbentRecord | None
) -> list[Check]:
    """The rules that ask for a champion: as far as there is one to compare with."""
    if incumbent is not None and incumbent.how == "same_recipe":
        return [(rules.margin, partial(_same, incumbent))]
    if INCUMBENT not in set(frame["model"]):
        return []
    excess, upper = relative_excess(frame, challenger, INCUMBENT, rules)
    is_refitted = incumbent is not None and incumbent.how == "refitted"
    return beside_incumbent(excess, upper, rules, other_recipe=is_refitted)


def beside_incumbent(
    excess: float, upper: float, rules: GateParameters, *, other_recipe: bool
) -> list[Check]:
    """The rules about an incumbent, from what :func:`relative_excess` says of it.

    Args:
        excess: How much higher the MAPE of the challenger is, per cent of the incumbent's.
        upper: The upper end of its interval.
        rules: Limits.
        other_recipe: Whether the incumbent has another recipe, fitted on the same weeks.
    """
    checks: list[Check] = [(rules.margin, partial(_not_worse, excess, upper, rules.confidence))]
    if other_recipe:
        checks.append((rules.min_gain, partial(_gains, excess)))
    return checks


def judge_challenger(
    backtest: pd.DataFrame,
    challenger: Challenger,
    rules: GateParameters,
    incumbent: IncumbentRecord | None = None,
    year_before: YearBefore | None = None,
) -> dict[str, Any]:
    """Verdict on one velocity as it is stored: JSON only.

    Without a model the challenger fails with the reason why there is none; the metrics are then
    those of the simple contestants.
    """
    rows = backtest[backtest["model"] != KNOWN_WEATHER]
    if challenger.model is None or rows.empty:
        reason = challenger.reason or "no week with a delivery in the validation window"
        metrics = [] if rows.empty else _valid_json(_figures(rows))
        verdict = Verdict(
            passed=False,
            challenger=ENSEMBLE,
            rules=[],
            metrics=metrics,
            incumbent=incumbent,
            year_before=year_before,
        )
        return verdict.model_dump(mode="json") | {"reason": reason, "alarm": ""}
    verdict = judge(
        rows,
        rules,
        challenger=ENSEMBLE,
        baseline=BASELINE,
        incumbent=incumbent,
        year_before=year_before,
    )
    told = {"reason": verdict.reason, "alarm": verdict.alarm}
    return verdict.model_dump(mode="json") | told


def relative_excess(
    frame: pd.DataFrame, model: str, reference: str, rules: GateParameters | None = None
) -> tuple[float, float]:
    """How much higher the MAPE of ``model`` is than that of ``reference``, per cent of the latter.

    The upper end is from a paired block bootstrap over target weeks
    (:func:`demand_forecast.modelling.resampling.resampled_weeks`): with all series in a week and
    both models at once, so that what the models share in it stays together.

    Returns:
        The excess and the upper end of its one-sided interval; NaN if no actual is above 0, or if
        the reference is not finite.

    Raises:
        ContractError: If the two were not tried on the same rows.
    """
    mine, other = _weekly_errors(frame, model, reference)
    return excess_of_weeks(mine, other, rules or GateParameters())


def excess_of_weeks(mine: Array, other: Array, rules: GateParameters) -> tuple[float, float]:
    """:func:`relative_excess` from ``(weeks,)`` sums of percentage errors, in order."""
    n_weeks = len(mine)
    if n_weeks == 0 or not np.isfinite(other).all():
        return float("nan"), float("nan")
    weeks = resampled_weeks(n_weeks, rules.block_weeks, rules.resamples, rules.seed)
    excess = _excess(mine[weeks].sum(axis=1), other[weeks].sum(axis=1))
    upper = float(np.quantile(excess, rules.confidence, method="higher"))
    return float(_excess(mine.sum(keepdims=True), other.sum(keepdims=True))[0]), upper


def _weekly_errors(frame: pd.DataFrame, model: str, reference: str) -> tuple[Array, Array]:
    """Sums of percentage errors by target week, of both."""
    columns = [*ROW, "actual", "mape_point"]
    pair = [frame.loc[frame["model"] == name, columns] for name in (model, reference)]
    both = pair[0].merge(
        pair[1].drop(columns="actual"), on=ROW, suffixes=("", "_reference"), how="outer",
        indicator=True, validate="one_to_one",
    )  # fmt: skip
    alone = int((both["_merge"] != "both").sum())
    if alone:
        raise ContractError(
            f"'{model}' and '{reference}' can only be compared on the same rows, but {alone} of "
            f"{len(both)} rows (origin, store, product, week) are of one of them only"
        )
    both = both[both["actual"] > 0]
    for name in ("mape_point", "mape_point_reference"):
        both[name] = (both[name] - both["actual"]).abs() / both["actual"]
    weekly = both.groupby("week", sort=True)[["mape_point", "mape_point_reference"]].sum()
    mine, other = weekly.to_numpy(dtype=np.float64).T
    return mine, other


def _excess(mine: Array, other: Array) -> Array:
    """``100 (mine / other - 1)``; both are sums over the same rows, so the counts cancel."""
    perfect = np.where(mine > 0, np.inf, 1.0)
    return 100 * (np.divide(mine, other, out=perfect, where=other > 0) - 1)


def _finite(rows: pd.DataFrame) -> RuleResult:
    values = rows[[*POINTS, *QUANTILES]].to_numpy(dtype=float)
    wrong = int((~np.isfinite(values) | (values < 0)).any(axis=1).sum())
    detail = f"{wrong} of {len(rows)} rows hold a forecast that is not finite or below 0"
    return RuleResult(name="finite", passed=wrong == 0, figure=wrong, limit=0, detail=detail)


def _accurate(mine: Figures, limit: float) -> RuleResult:
    return RuleResult(
        name="mape",
        passed=bool(mine["mape"] <= limit),
        figure=_number(mine["mape"]),
        limit=limit,
        detail=f"MAPE {_text(mine['mape'])}, at most {limit:g} %",
        blocks=False,
    )


def _better(mine: Figures, average: Figures, limit: float) -> RuleResult:
    """Against the average as the company used it, by its mean."""
    name, against = "better_than_baseline", f"the mean of {average['model']}"
    return _reduced(name, mine["mape"], average["mape_mean"], against, limit)


def _better_before(figures: YearBefore, limit: float) -> RuleResult:
    """The same in the weeks of a year before."""
    mape, other = (math.nan if x is None else x for x in (figures.mape, figures.baseline))
    against = f"the mean of {BASELINE} in the weeks until {figures.until}"
    return _reduced("better_a_year_before", mape, other, against, limit)


def _reduced(name: str, mape: float, other: float, against: str, limit: float) -> RuleResult:
    is_comparable = other > 0 and math.isfinite(other)  # beside an infinite one all else is perfect
    reduction = 100 * (1 - mape / other) if is_comparable else math.nan
    return RuleResult(
        name=name,
        passed=bool(reduction > limit),
        figure=_number(reduction),
        limit=limit,
        detail=(
            f"MAPE {_text(mape)} against {_text(other)} of {against}: "
            f"reduction {_text(reduction)}, must be more than {limit:g} %"
        ),
    )


def _near_simple(mine: Figures, simple: Figures, margin: float) -> RuleResult:
    wape, other = mine[RANKING.name], simple[RANKING.name]
    perfect = 0.0 if wape == other else math.inf
    reference = math.nan if other == math.inf else other
    excess = 100 * (wape / reference - 1) if reference != 0 else perfect
    return RuleResult(
        name="wape_against_simple",
        passed=bool(excess <= margin),
        figure=_number(excess),
        limit=margin,
        detail=(
            f"WAPE {_text(wape)} against {_text(other)} of {simple['model']}, sold-out weeks "
            f"credited: {_text(excess)} above, at most {margin:g} %"
        ),
    )


def _as_unbiased(mine: Figures, simple: Figures, floor: float) -> RuleResult:
    bias, other = mine["bias_aware"], simple["bias_aware"]
    limit = max(floor, abs(_number(other) or 0.0))
    return RuleResult(
        name="bias_against_simple",
        passed=bool(abs(bias) <= limit),
        figure=_number(bias),
        limit=limit,
        detail=(
            f"bias {_text(bias)} of the volume, {_text(other)} of {simple['model']}; at most "
            f"{limit:.1f} % either way"
        ),
    )


def _not_worse(excess: float, upper: float, confidence: float, margin: float) -> RuleResult:
    return RuleResult(
        name="not_worse_than_incumbent",
        passed=bool(upper <= margin),
        figure=_number(upper),
        limit=margin,
        detail=(
            f"MAPE {_text(excess)} above that of incumbent, at {100 * confidence:g} % "
            f"confidence at most {_text(upper)}, margin {margin:g} %"
        ),
    )


def _same(incumbent: IncumbentRecord, margin: float) -> RuleResult:
    """A model of the same recipe on the same weeks is the same model."""
    return RuleResult(
        name="not_worse_than_incumbent",
        passed=True,
        figure=0.0,
        limit=margin,
        detail=incumbent.detail,
    )


def _gains(excess: float, least: float) -> RuleResult:
    """Another recipe must be worth the change."""
    side = "above" if excess > 0 else "below"
    return RuleResult(
        name="gain_over_incumbent",
        passed=bool(-excess >= least),
        figure=_number(-excess),
        limit=least,
        detail=(
            f"MAPE {_text(abs(excess))} {side} that of incumbent, which has another recipe; must "
            f"be at least {least:g} % below"
        ),
    )


def _unbiased(mine: Figures, metric: str, limit: float) -> RuleResult:
    return RuleResult(
        name=metric,
        passed=bool(abs(mine[metric]) <= limit),
        figure=_number(mine[metric]),
        limit=limit,
        detail=f"{metric} {_text(mine[metric])} of the volume, at most {limit:g} % either way",
    )


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _text(value: float) -> str:
    return f"{value:.1f} %" if math.isfinite(value) else "unknown"


def _figures(frame: pd.DataFrame) -> list[Figures]:
    """All measures of each model."""
    return [
        {str(name): value for name, value in row.items()}
        for row in summarise(frame, by=["model"]).to_dict(orient="records")
    ]


def _valid_json(rows: Iterable[Figures]) -> list[dict[str, Any]]:
    """NaN and infinities become None."""
    return [{k: _number(v) if isinstance(v, float) else v for k, v in r.items()} for r in rows]
