"""Time-varying covariates of a panel: plans that are known ahead, and what is known afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from demand_forecast.conditioning.conditioned import ColumnFacts
from demand_forecast.conditioning.panel.grid import Grid, is_complete, positions
from demand_forecast.modelling.arrays import FloatArray, IntArray
from demand_forecast.modelling.panel import Covariate, CovariateKind, Group, PlanGroup

Columns = Mapping[str, ColumnFacts]

_GROUPS: Final[dict[CovariateKind, PlanGroup]] = {
    "event": Group.EVENTS,
    "weather": Group.WEATHER,
}


def shipment_covariates(
    shipments: pd.DataFrame,
    columns: Columns,
    role: Literal["known_future", "observed"],
    grid: Grid,
) -> dict[str, Covariate]:
    """Covariates that stand beside the shipments.

    Args:
        shipments: Standard table of one segment.
        columns: What the layout says about its columns (``role``).
        role: ``known_future`` or ``observed``.
        grid: Grid of the panel.
    """
    names = [n for n, c in columns.items() if c["role"] == role]
    if not names:
        return {}
    end = len(grid.weeks) if role == "known_future" else grid.n_weeks
    rows, weeks = grid.rows(shipments), grid.columns(shipments)
    shape = (len(grid.pairs), end)
    return {
        name: _declared(
            grid.compress(
                grid.scatter(rows, weeks, shipments[name].to_numpy(np.float64), shape),
                complete=True,
            ),
            columns[name],
        )
        for name in names
        if pd.api.types.is_numeric_dtype(shipments[name])
    }


def planned_covariates(
    plan: pd.DataFrame, columns: Columns, active: npt.NDArray[np.bool_], grid: Grid
) -> dict[str, Covariate]:
    """Covariates of the promotions table, for past and future weeks.

    Args:
        plan: Standard table ``promotions``, by store, by product or by both.
        columns: What the layout says about its columns (``role``, ``fill``).
        active: ``(series, weeks)`` where there was a delivery.
        grid: Grid of the panel.
    """
    groups, index = _groups(plan, grid)
    weeks = grid.columns(plan)
    covariates: dict[str, Covariate] = {}
    for name, column in columns.items():
        if column["role"] != "known_future":
            continue
        n = int(index.max(initial=0)) + 1
        values = plan[name].to_numpy(np.float64)
        dense = grid.scatter(groups, weeks, values, (n, len(grid.weeks)))
        if column["fill"] is not None:
            dense = _fill(dense, weeks, column["fill"])
        by_series = n == len(grid.pairs) and {"store_id", "product_id"} <= set(plan.columns)
        covariate = (
            grid.compress(dense, is_complete(active, dense))
            if by_series
            else Covariate(dense, index)
        )
        covariates[name] = _declared(covariate, column)
    return covariates


def _declared(covariate: Covariate, column: ColumnFacts) -> Covariate:
    """The covariate with the kind that the layout gives it, and the group that follows."""
    kind = column.get("kind")  # none: stored by an older version
    group = _GROUPS.get(kind, covariate.group) if kind else covariate.group
    return replace(covariate, kind=kind, group=group)


def _groups(plan: pd.DataFrame, grid: Grid) -> tuple[IntArray, IntArray]:
    """Group of each row of the plan, and of each series."""
    if {"store_id", "product_id"} <= set(plan.columns):
        return grid.rows(plan), np.arange(len(grid.pairs))
    if "store_id" in plan:
        return positions(grid.stores, plan["store_id"]), grid.store_index
    return positions(grid.products, plan["product_id"]), grid.product_index


def _fill(dense: FloatArray, weeks: IntArray, value: float) -> FloatArray:
    """Give cells without a row a value, from the first to the last week of the plan."""
    first, last = max(int(weeks.min(initial=0)), 0), int(weeks.max(initial=-1))
    covered = dense[:, first : last + 1]
    covered[np.isnan(covered)] = value
    return dense
