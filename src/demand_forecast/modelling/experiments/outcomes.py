"""What came of both arms: errors, units and money by store and week.

A week counts once, with the last forecast that was made for it, which is the one that was ordered
by. Money is that of the model's own orders, before anything that people have corrected.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from demand_forecast.modelling.decisions.economics import OrderParameters
from demand_forecast.modelling.decisions.value import worth
from demand_forecast.modelling.evaluation.metrics import credit
from demand_forecast.modelling.experiments.assignment import CHALLENGER, CONTROL, SHADOWED
from demand_forecast.modelling.experiments.readout import SUMS
from demand_forecast.modelling.panel import KEY, Panel
from demand_forecast.modelling.protocol import QUANTILES

PLACE: Final = ["experiment", "region", "store_format", "store_id", "week", "arm"]
SUM_COLUMNS: Final = [*PLACE, "rows", "priced", *SUMS]
_ROW: Final = ["experiment", *KEY, "week", "as_of"]
_OWN: Final = "own order"


def arm_sums(
    outcomes: pd.DataFrame,
    shadow: pd.DataFrame,
    panel: Panel,
    rules: OrderParameters,
    before: pd.DataFrame | None,
) -> pd.DataFrame:
    """Sums of both arms of a segment's experiments.

    Args:
        outcomes: Delivered forecasts that have come, see
            :func:`demand_forecast.modelling.lifecycle.accuracy.realised`; may be empty.
        shadow: The same of forecasts in shadow; may be empty.
        panel: The segment.
        rules: What surplus and lost sales cost.
        before: The same table of an earlier day: weeks whose forecasts are no longer at hand stay
            as they were.

    Returns:
        ``SUM_COLUMNS``, one row per experiment, store, week and arm: ``rows``, those of them with a
        price and a cost, and what :data:`demand_forecast.modelling.experiments.readout.MEASURES`
        are made of.
    """
    rows = _both_arms(outcomes, shadow)
    new = pd.DataFrame(columns=SUM_COLUMNS)
    if len(rows):
        terms = _terms(rows, panel, rules)
        place = rows.assign(region=panel.region, store_format=panel.store_format)[PLACE]
        new = pd.concat([place, terms], axis=1).groupby(PLACE, as_index=False).sum()[SUM_COLUMNS]
    if before is None or before.empty:
        return new
    keys = pd.MultiIndex.from_frame(before[["experiment", "week"]])
    gone = before[~keys.isin(pd.MultiIndex.from_frame(new[["experiment", "week"]]))]
    return new if gone.empty else gone if new.empty else pd.concat([gone, new], ignore_index=True)


def _both_arms(outcomes: pd.DataFrame, shadow: pd.DataFrame) -> pd.DataFrame:
    """Rows of both arms, of each velocity and week in which both have some.

    ``world_...`` are the quantiles by which demand beyond a sell-out is told: in shadow those of
    the champion for both, so that both orders meet the same demand.
    """
    if "experiment" not in outcomes:  # empty, or all from before there were experiments
        return pd.DataFrame()
    last = outcomes.sort_values("as_of").drop_duplicates([*KEY, "week"], keep="last")
    rows = last[last["experiment"].fillna("") != ""]
    world = {f"world_{name}": rows[name] for name in QUANTILES}
    rows = rows.assign(**world, order=rows["order_without_override"])
    if len(shadow) and len(rows):
        of_world = rows[[*_ROW, *world]]
        seen = shadow.drop_duplicates(_ROW, keep="last").merge(of_world, on=_ROW)
        seen = seen.assign(arm=CHALLENGER, order=seen["order_quantity"])
        paired = pd.MultiIndex.from_frame(rows[_ROW]).isin(pd.MultiIndex.from_frame(seen[_ROW]))
        in_shadow = rows["experiment"].isin(shadow.loc[shadow["arm"] == SHADOWED, "experiment"])
        rows = pd.concat([rows[paired | ~in_shadow], seen], ignore_index=True)
    groups = rows.groupby(["experiment", "velocity", "week"])["arm"]
    return rows[groups.transform("nunique") == len((CONTROL, CHALLENGER))].reset_index(drop=True)


def _terms(rows: pd.DataFrame, panel: Panel, rules: OrderParameters) -> pd.DataFrame:
    """What each row adds."""
    actual = rows["actual"].to_numpy(np.float64)
    demanded = actual > 0
    share = np.abs(rows["mape_point"].to_numpy(np.float64) - actual)
    share = np.divide(share, actual, out=np.zeros(len(rows)), where=demanded)
    value, priced = _value(rows, panel, rules)
    counted = priced if priced.any() else np.ones(len(rows), bool)
    return pd.DataFrame(
        {
            "rows": 1,
            "priced": priced.astype(np.int64),
            "error": np.abs(credit(rows["median"], actual, rows["censored"]) - actual),
            "volume": actual,
            "percentage_error": share,
            "percentage_rows": demanded.astype(np.float64),
            "value": np.where(counted, value, 0.0),
            "value_volume": np.where(counted, actual, 0.0),
            "scale": np.nan_to_num(rows["scale"].to_numpy(np.float64)),
        }
    )


def _value(
    rows: pd.DataFrame, panel: Panel, rules: OrderParameters
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """What each row's order was worth, and whether that is money."""
    met = rows.assign(**{name: rows[f"world_{name}"] for name in QUANTILES})
    valued = worth(met, panel.series, rules, {_OWN: rows["order"]})
    return valued["value"].to_numpy(np.float64) / 100, ~valued["unpriced"].to_numpy(bool)
