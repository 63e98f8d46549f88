"""A segment scored with another plan, beside the forecast with the plan as it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from demand_forecast.modelling.arrays import Array, BoolArray, IntArray
from demand_forecast.modelling.decisions.familiarity import familiarity, never_together
from demand_forecast.modelling.decisions.what_if import AFTER, BEFORE, compared, summed
from demand_forecast.modelling.features.plans.plan import price_names
from demand_forecast.modelling.panel import KEY, Panel
from demand_forecast.modelling.totals.hierarchy import ALL, HORIZON, segment_errors, total_segments

Score = Callable[[Panel], pd.DataFrame]


class WhatIf(NamedTuple):
    """What a changed plan does to a segment.

    Attributes:
        before: The forecast table with the plan as it is.
        after: The same rows with the changed plan.
        rows: Both side by side, row by row; see
            :func:`demand_forecast.modelling.decisions.what_if.compared`.
        familiarity: Of each value that changed; see
            :func:`demand_forecast.modelling.decisions.familiarity.familiarity`.
        unseen: How many of the changed rows have a plan that was never seen as a whole.
        unanswered: How many of them are forecast by a model that does not answer to plans.
    """

    before: pd.DataFrame
    after: pd.DataFrame
    rows: pd.DataFrame
    familiarity: pd.DataFrame
    unseen: int
    unanswered: int

    @property
    def chosen(self) -> BoolArray:
        """``(rows,)`` which were asked about."""
        return self.rows["is_chosen"].to_numpy(bool)

    @property
    def differs(self) -> BoolArray:
        """``(rows,)`` which have another forecast with the changed plan."""
        return (self.rows["effect"] != 0).to_numpy(bool)

    def total(self, wanted: BoolArray, backtests: Sequence[pd.DataFrame]) -> dict[str, Any]:
        """Sums of some rows, with the intervals of the summed forecasts and of the whole effect.

        Args:
            wanted: ``(rows,)`` which rows, one at least.
            backtests: Of the last training of the segment: how far errors go together.
        """
        sums = summed(self.rows[wanted])
        for side, table in ((BEFORE, self.before), (AFTER, self.after)):
            rows = table[wanted]
            totals = total_segments({"": rows}, {"": segment_errors(rows, backtests)})
            whole = totals[(totals["level"] == ALL) & (totals["period"] == HORIZON)].iloc[0]
            sums |= {f"{name}{side}": float(whole[name]) for name in ("q10", "q90")}
        return sums


def what_if(
    score: Score,
    panel: Panel,
    changed: Panel,
    chosen: BoolArray,
    before: pd.DataFrame | None = None,
) -> WhatIf:
    """Forecast a segment again with a changed plan.

    The same code forecasts both, so that a plan that stays as it is changes nothing to the bit.

    Args:
        score: Gives the forecast table of a panel, as scoring does.
        panel: The segment.
        changed: The same with another plan, as from
            :func:`demand_forecast.modelling.decisions.plan_change.replanned`.
        chosen: ``(series,)`` whose plan was asked to change.
        before: The forecast with the plan as it is, if it is there already.

    Raises:
        ContractError: If there is nothing to forecast.
    """
    before = score(panel) if before is None else before
    after = before if changed is panel else score(changed)
    seen = familiarity(panel, changed)
    rows = _facts(panel, changed, chosen, seen, before)
    table = compared(before, after, rows, _given_up(panel, changed, before))
    moved = rows["is_changed"].to_numpy()
    unseen = int(rows["is_unseen"].sum())
    unanswered = int((moved & (before["source"] == "baseline").to_numpy()).sum())
    return WhatIf(before, after, table, seen[_is_forecast(seen, before)], unseen, unanswered)


def _facts(
    panel: Panel, changed: Panel, chosen: BoolArray, seen: pd.DataFrame, forecast: pd.DataFrame
) -> pd.DataFrame:
    """What :func:`compared` wants to know of each forecast row."""
    series, lead = _places(panel, forecast)
    horizon = int(forecast["horizon"].max())
    moved = np.zeros((panel.n_series, max(horizon, panel.n_future)), dtype=bool)
    moved[_places(panel, seen)] = True
    unseen = np.zeros_like(moved)
    held = slice(panel.n_future)
    unseen[:, held] = never_together(panel, changed, moved[:, held])
    return pd.DataFrame(
        {
            "is_chosen": chosen[series],
            "is_changed": moved[series, lead],
            "is_later": (np.cumsum(moved, axis=1) > moved)[series, lead],
            "is_unseen": unseen[series, lead],
        }
    )


def _places(panel: Panel, table: pd.DataFrame) -> tuple[IntArray, IntArray]:
    """Series and lead (from 0 on) of each row."""
    index = pd.MultiIndex.from_frame(panel.series[KEY].astype(str))
    series = index.get_indexer(pd.MultiIndex.from_frame(table[KEY].astype(str)))
    days = (pd.to_datetime(table["week"]) - panel.as_of).dt.days.to_numpy()
    return np.asarray(series, dtype=np.int64), np.asarray(days // 7 - 1, dtype=np.int64)


def _given_up(panel: Panel, changed: Panel, forecast: pd.DataFrame) -> Array | None:
    """``(rows,)`` by how much the changed prices are lower; None where no price has changed."""
    moved = [n for n in price_names(panel) if panel.known_future[n] is not changed.known_future[n]]
    if not moved:
        return None
    old, new = (p.known_future[moved[0]].dense()[:, panel.n_weeks :] for p in (panel, changed))
    series, lead = _places(panel, forecast)
    held = np.minimum(lead, panel.n_future - 1)
    lower = np.nan_to_num((old.astype(np.float64) - new)[series, held])
    return np.where(lead < panel.n_future, lower, 0.0)


def _is_forecast(seen: pd.DataFrame, before: pd.DataFrame) -> BoolArray:
    """Whether each changed value is of a row that is forecast."""
    keys = pd.MultiIndex.from_frame(before[[*KEY, "week"]])
    return np.asarray(pd.MultiIndex.from_frame(seen[[*KEY, "week"]]).isin(keys))
