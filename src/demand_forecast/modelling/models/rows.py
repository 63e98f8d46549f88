"""From a panel to the rows a direct model is trained on and forecasts for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from demand_forecast.exceptions import NotEnoughHistoryError
from demand_forecast.modelling.arrays import Array, BoolArray
from demand_forecast.modelling.features.design import Design
from demand_forecast.modelling.features.feature import Feature, display_names
from demand_forecast.modelling.features.sample import Sample
from demand_forecast.modelling.features.spec import FeatureSpec, learn_spec
from demand_forecast.modelling.models.calibration.cold_start import cold_start_rows
from demand_forecast.modelling.models.standardised import Slopes
from demand_forecast.modelling.panel import Panel

MIN_WEEKS = 6
MIN_ROWS = 20
ENOUGH_ROWS = 10_000
_FIRST_ORIGIN = 2
_MAX_SLOPE_PRODUCTS = 16
_MAX_CELLS = 25_000_000


@dataclass(frozen=True)
class Training:
    """Rows to train on.

    Attributes:
        spec: What the features learned.
        sample: The rows.
        is_train: ``(rows,)`` True for targets before the held-out weeks.
        features: The columns of ``sample.x``.
        plain_names: Names of the columns of ``sample.plain``.
        newcomers: Rows as if their series were new, to calibrate on; None where there are none.
    """

    spec: FeatureSpec
    sample: Sample
    is_train: BoolArray
    features: list[Feature]
    plain_names: list[str]
    newcomers: Sample | None

    @property
    def names(self) -> list[str]:
        """A name for each feature, no two alike."""
        return display_names(self.features)

    @property
    def dense(self) -> list[int]:
        """Columns that are no one-hot code (those are embedded in the network)."""
        return [k for k, feature in enumerate(self.features) if not feature.one_hot]

    @property
    def sizes(self) -> list[int]:
        """Number of known values of each column of ``sample.codes``."""
        return [category.size for category in self.spec.embedded]

    def with_demand(self, y: Array) -> Training:
        """The same rows with censored demand filled in."""
        sample = replace(self.sample, y=y, expected=y, censored=np.zeros(len(y), dtype=bool))
        return replace(self, sample=sample)

    @property
    def slopes(self) -> Slopes:
        """Own plans by product, where there are few products."""
        categories = self.spec.categories
        products = len(categories["product_id"])
        few = 1 < products <= _MAX_SLOPE_PRODUCTS
        columns = [k for k, feature in enumerate(self.features) if feature.own_plan and few]
        return Slopes(columns, list(categories).index("product_id"), products)


def neighbours(panel: Panel, mine: BoolArray, borrow: bool) -> list[Panel]:
    """What the series ``mine`` of a segment may borrow from: the others, if that is wanted."""
    return [panel.select(~mine)] if borrow and not mine.all() else []


def prepare(
    panel: Panel,
    leads: list[int],
    seed: int,
    pool: Sequence[Panel] = (),
    judged: FeatureSpec | None = None,
    plain: bool = False,
) -> Training:
    """Learn the features and lay out the training rows.

    Args:
        panel: The training panel.
        leads: Leads in weeks.
        seed: Seed of what is drawn.
        pool: Panels of the same weeks to borrow from where ``panel`` alone has fewer than
            ``ENOUGH_ROWS``: the answer to plans is learned on all of them, and as many of their
            rows before the held-out weeks as are missing are trained on too.
        judged: What the features of a judged model of the same series had learned, if there is one;
            see :func:`demand_forecast.modelling.features.spec.learn_spec`. Then no week is held
            out: what held-out weeks tell is known from that model.
        plain: Whether a model asks for the past as it was, too.

    Raises:
        NotEnoughHistoryError: With fewer than ``MIN_WEEKS`` weeks and the longest lead, or fewer
            than ``MIN_ROWS`` observed weeks of series.
    """
    needed, observed = MIN_WEEKS + max(leads), int(panel.active.sum())
    if panel.n_weeks < needed or observed < MIN_ROWS:
        raise NotEnoughHistoryError(
            f"segment {panel.region}.{panel.store_format}: a model for leads up to {max(leads)} "
            f"needs {needed} weeks and {MIN_ROWS} observed series-weeks; found "
            f"{panel.n_weeks} weeks and {observed} observed series-weeks"
        )
    held_out = _held_out_weeks(panel.n_weeks) if judged is None else 0
    missing = ENOUGH_ROWS - observed * len(leads)
    pool = pool if missing > 0 else ()
    spec = learn_spec(panel, leads, panel.n_weeks - held_out, pool, judged, plain)
    design = Design(panel, spec)
    origin, series, lead = design.training_rows(_FIRST_ORIGIN)
    most = max(_MAX_CELLS // len(design.features), 1000)
    if len(origin) > most:
        kept = np.random.default_rng(seed).choice(len(origin), most, replace=False)
        kept.sort()
        origin, series, lead = origin[kept], series[kept], lead[kept]
    sample = design.sample(origin, series, lead)
    is_train = sample.target < panel.n_weeks - held_out
    if is_train.sum() < MIN_ROWS // 2:
        raise NotEnoughHistoryError(
            f"segment {panel.region}.{panel.store_format}: {int(is_train.sum())} training rows "
            f"before the {held_out} held-out weeks; needed {MIN_ROWS // 2}"
        )
    borrowed = _borrowed(pool, spec, panel.weeks[panel.n_weeks - held_out - 1], missing, seed)
    return Training(
        spec,
        Sample.join([sample, *borrowed]),
        np.concatenate([is_train, *(np.ones(len(part.y), dtype=bool) for part in borrowed)]),
        design.features,
        design.plain.names if design.plain else [],
        cold_start_rows(panel, spec, _FIRST_ORIGIN, seed) if judged is None else None,
    )


def _held_out_weeks(n_weeks: int) -> int:
    """Weeks at the end of the history to look at before all weeks are learned from."""
    return int(np.clip(round(0.18 * n_weeks), min(4, n_weeks // 4), 26))


def _borrowed(
    pool: Sequence[Panel], spec: FeatureSpec, last: np.datetime64, count: int, seed: int
) -> list[Sample]:
    """Rows of other panels up to a week, ``count`` in all."""
    random, parts = np.random.default_rng(seed), []
    for panel in pool:
        design = Design(panel.until(last), spec)
        rows = np.stack(design.training_rows(_FIRST_ORIGIN), axis=1)
        kept = random.permutation(len(rows))[: count // len(pool)]
        parts.append(design.sample(*rows[np.sort(kept)].T))
    return parts


def forecast_design(panel: Panel, spec: FeatureSpec, as_of: pd.Timestamp, horizon: int) -> Design:
    """Features at origin ``as_of`` and before, for leads 1..horizon.

    Raises:
        ValueError: If ``horizon`` is below 1.
        KeyError: If ``as_of`` is not a week of the history.
    """
    if horizon < 1:
        raise ValueError(f"horizon is {horizon}; valid: 1 week or more")
    until = panel.until(as_of, max_future=horizon)
    return Design(until, spec, leads=list(range(1, horizon + 1)))


def forecast_rows(design: Design, origin: int | None = None) -> Sample:
    """Rows of a forecast: every series and lead of a design from one origin.

    Args:
        design: Features of the series.
        origin: Week position; the last week of the history if not given.
    """
    n_series, n_leads = len(design.offset), len(design.leads)
    series, lead = np.divmod(np.arange(n_series * n_leads), n_leads)
    position = design.n_weeks - 1 if origin is None else origin
    return design.sample(np.full(len(series), position), series, lead)


def forecast_sample(panel: Panel, spec: FeatureSpec, as_of: pd.Timestamp, horizon: int) -> Sample:
    """Rows of the forecast: every series and lead 1..horizon from origin ``as_of``.

    Raises:
        ValueError: If ``horizon`` is below 1.
        KeyError: If ``as_of`` is not a week of the history.
    """
    return forecast_rows(forecast_design(panel, spec, as_of, horizon))
