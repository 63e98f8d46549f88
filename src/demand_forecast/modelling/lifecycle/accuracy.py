"""How past forecasts turned out, week by week, beside what the gate has seen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import pandas as pd

from demand_forecast.modelling.columns import require_columns
from demand_forecast.modelling.evaluation.backtest import naive_scale
from demand_forecast.modelling.evaluation.metrics import METRICS, summarise
from demand_forecast.modelling.experiments.assignment import CHALLENGER
from demand_forecast.modelling.models.kinds import ENSEMBLE
from demand_forecast.modelling.panel import KEY, Panel

ALL: Final = "all"
IN_STOCK, SOLD_OUT = "in_stock", "sold_out"
FIGURES: Final = ("mape", "rmse_zero", "rmse", "wape", "bias", "coverage_80")
PLACE: Final = ["velocity", "source", "model_version"]
# Of the forecasts of a place: each week and horizon, each week, each horizon, all.
_CUTS: Final = (("week", "horizon"), ("week",), ("horizon",), ())
ACCURACY_COLUMNS: Final = [
    "region",
    "store_format",
    *PLACE,
    "week",
    "horizon",
    "stock",
    "rows",
    "volume",
    *FIGURES,
    *(f"expected_{name}" for name in FIGURES),
]


def realised(forecasts: pd.DataFrame, panel: Panel) -> pd.DataFrame:
    """Past forecasts whose weeks have come, with the actuals.

    Args:
        forecasts: Past forecast tables of the segment, joined; if a week was forecast twice from
            the same ``as_of`` (a repeated run) the last row counts, the one that was delivered.
        panel: The segment today.

    Returns:
        The rows whose week has a delivery, with ``actual``, ``censored``, ``scale`` (today's, see
        ``backtest``), ``model`` (the row's ``source``) and ``origin`` (its ``as_of``): what
        :func:`demand_forecast.modelling.evaluation.metrics.summarise` and the gate read.

    Raises:
        ContractError: If ``forecasts`` lacks a column.
    """
    require_columns(forecasts, [*KEY, "week", "as_of", "source"])
    rows = forecasts.drop_duplicates([*KEY, "week", "as_of"], keep="last")
    history = pd.DatetimeIndex(panel.weeks[: panel.n_weeks])
    series = pd.MultiIndex.from_frame(panel.series[KEY]).get_indexer(
        pd.MultiIndex.from_frame(rows[KEY])
    )
    week = history.get_indexer(pd.DatetimeIndex(rows["week"]))
    come = (series >= 0) & (week >= 0)
    rows, series, week = rows[come], series[come], week[come]
    table = rows.assign(
        actual=panel.demand[series, week].astype(np.float64),
        censored=panel.censored[series, week],
        scale=naive_scale(panel)[series],
        model=rows["source"],
        origin=rows["as_of"],
    )
    observed = np.isfinite(table["actual"].to_numpy())
    outcomes: pd.DataFrame = table.loc[observed].reset_index(drop=True)
    return outcomes


def accuracy_table(outcomes: pd.DataFrame, panel: Panel, evidence: pd.DataFrame) -> pd.DataFrame:
    """Measures of the forecasts that have come, and those of the gate beside them.

    Args:
        outcomes: From :func:`realised`; may be empty.
        panel: The segment.
        evidence: Backtests that the champions were judged by, with ``velocity``; may be empty.

    Returns:
        ``ACCURACY_COLUMNS``. One row per velocity, ``source``, ``model_version``, ``week``,
        ``horizon`` and ``stock`` (``in_stock``, ``sold_out``); ``all`` in any of the last three
        stands for all of them together. ``expected_...`` are those of the gate at the same horizon
        and stock, over all weeks.
    """
    seen = _by_stock(outcomes)
    parts = [_cut(seen, [*PLACE, *cut]) for cut in _CUTS]
    table = pd.concat([pd.DataFrame(columns=[*PLACE, "week", "horizon", "stock"]), *parts])
    judged = _by_stock(evidence[evidence["model"] == ENSEMBLE])
    gate = [_cut(judged, ["velocity", *cut]) for cut in (("horizon",), ())]
    keys = ["velocity", "horizon", "stock"]
    expected = pd.concat([pd.DataFrame(columns=[*keys, *FIGURES]), *gate])
    named = expected[[*keys, *FIGURES]].rename(columns={n: f"expected_{n}" for n in FIGURES})
    joined = table.merge(named, on=keys, how="left")
    here = joined.assign(region=panel.region, store_format=panel.store_format)
    numbers = dict.fromkeys(ACCURACY_COLUMNS[ACCURACY_COLUMNS.index("rows") :], np.float64)
    return here.reindex(columns=ACCURACY_COLUMNS).astype(numbers)


def of_champions(outcomes: pd.DataFrame) -> pd.DataFrame:
    """The outcomes without those of challengers, who are judged by their experiment."""
    return outcomes if outcomes.empty else outcomes[outcomes["source"] != CHALLENGER]


def of_version(outcomes: pd.DataFrame, velocity: str, version: str | None) -> pd.DataFrame:
    """The outcomes of one version of a velocity's ensemble, and of no other model."""
    if outcomes.empty:
        return outcomes
    mine = (outcomes["velocity"] == velocity) & (outcomes["source"] != "baseline")
    return outcomes[mine & (outcomes["model_version"].astype(str) == str(version))]


def overall(accuracy: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """The rows of an accuracy table over all weeks and horizons."""
    everything = (accuracy[["week", "horizon"]] == ALL).all(axis=1)
    for row in accuracy[everything].to_dict("records"):
        yield {str(name): value for name, value in row.items()}


def _by_stock(outcomes: pd.DataFrame) -> pd.DataFrame:
    """Each row twice: among those in stock or sold out, and among all."""
    if outcomes.empty:
        return outcomes
    stock = np.where(outcomes["censored"].astype(bool), SOLD_OUT, IN_STOCK)
    return pd.concat([outcomes.assign(stock=stock), outcomes.assign(stock=ALL)], ignore_index=True)


def _cut(rows: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """The measures of one cut of the outcomes :func:`_by_stock`; nothing where there are none."""
    if rows.empty:
        return pd.DataFrame()
    table = summarise(rows, [*by, "stock"], [m for m in METRICS if m.name in FIGURES])
    if "week" in table:
        table["week"] = pd.to_datetime(table["week"]).dt.strftime("%Y-%m-%d")
    over_all = {name: ALL for name in ("week", "horizon") if name not in by}
    if "horizon" in by:
        table["horizon"] = table["horizon"].astype(str)
    return table.assign(**over_all)
