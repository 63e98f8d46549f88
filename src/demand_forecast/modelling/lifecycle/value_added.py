"""What every step adds to a forecast that people have corrected, when its weeks have come.

Forecast value added (Gilliland, *Forecast Value Added Analysis: Step by Step*, SAS, 2013) compares
each step of a forecast with the one before it: the same week of last year, the historical average,
the model, the person. A week counts once, with the last forecast that was made for it, which is the
one that was ordered by. Where two overrides meet in a row, each is told what both did together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import Field

from demand_forecast.modelling.columns import BRANCH
from demand_forecast.modelling.decisions.economics import MONEY, UNITS, OrderParameters
from demand_forecast.modelling.decisions.value import gain_interval, worth
from demand_forecast.modelling.evaluation.metrics import credit
from demand_forecast.modelling.models.baseline import HistoricalAverage, SeasonalNaive
from demand_forecast.modelling.models.kinds import BASELINE, ENSEMBLE
from demand_forecast.modelling.panel import KEY, Panel
from demand_forecast.modelling.parameters import Parameters
from demand_forecast.modelling.resampling import resampled_weeks

Array = npt.NDArray[np.float64]

OVERRIDE: Final = "override"
STEPS: Final = (SeasonalNaive.name, BASELINE, ENSEMBLE, OVERRIDE)
ALL: Final = "all"
WORSE, BETTER, OPEN = "worse", "better", "open"
SEGMENT: Final = BRANCH[:2]
STEP_COLUMNS: Final = [
    "override_id",
    "owner",
    "reason",
    *SEGMENT,
    *KEY,
    "week",
    "step",
    "volume",
    "error",
    "value",
    "unpriced",
]
VALUE_ADDED_COLUMNS: Final = [
    "owner",
    "reason",
    "step",
    "overrides",
    "rows",
    "weeks",
    "first_week",
    "volume",
    "wape",
    "wape_gain",
    "wape_gain_lower",
    "wape_gain_upper",
    "value",
    "value_gain",
    "value_gain_lower",
    "value_gain_upper",
    "unit",
    "verdict",
]
_SIMPLE: Final = (SeasonalNaive, HistoricalAverage)
_GAINS: Final = ["wape_gain", "value_gain"]


class ValueAddedParameters(Parameters):
    """When it is said that overrides make forecasts worse or better."""

    min_rows: int = Field(
        default=20, ge=2, description="Least corrected stores, products and weeks that have come."
    )
    min_weeks: int = Field(default=4, ge=2, description="Least different weeks among them.")
    confidence: float = Field(
        default=0.9,
        gt=0.5,
        lt=1,
        description="Of the interval of what they have gained; it must lie on one side of 0.",
    )
    block_weeks: int = Field(default=4, ge=1, description="Length of a block of the bootstrap.")
    resamples: int = Field(default=2000, ge=100, description="How often weeks are drawn.")


def override_outcomes(
    outcomes: pd.DataFrame, panel: Panel, overrides: pd.DataFrame | None, rules: OrderParameters
) -> pd.DataFrame:
    """Errors and money of every step of the corrected forecasts that have come.

    Args:
        outcomes: See :func:`demand_forecast.modelling.lifecycle.accuracy.realised`; may be empty.
        panel: The segment.
        overrides: See :func:`demand_forecast.modelling.decisions.overrides.judge_overrides`.
        rules: What surplus and lost sales cost.

    Returns:
        ``STEP_COLUMNS``, one row per override, store, product, week and step. ``error`` is the
        absolute error of the mean, units; a forecast above a sold-out quantity has none. ``value``
        is what the order of the step was worth, money; units where ``unpriced``.
    """
    rows = _corrected(outcomes)
    if rows.empty or overrides is None:
        return pd.DataFrame(columns=STEP_COLUMNS)
    authors = overrides[["override_id", "owner", "reason"]]
    rows = rows.drop(columns="reason", errors="ignore")  # that of a forecast is another one
    rows = rows.merge(authors, on="override_id", validate="many_to_one")
    means = _simple_means(rows, panel)
    means |= {ENSEMBLE: rows["mean"], OVERRIDE: rows["overridden_mean"]}
    orders = means | {ENSEMBLE: rows["order_without_override"], OVERRIDE: rows["order_quantity"]}
    money = worth(rows, panel.series, rules, {step: orders[step] for step in STEPS})
    parts = [_step(rows, step, means[step], money) for step in STEPS]
    return pd.concat(parts, ignore_index=True)[STEP_COLUMNS]


def value_added(
    segments: Iterable[pd.DataFrame], rules: ValueAddedParameters | None = None
) -> pd.DataFrame:
    """What every step has added, by owner and reason and in all.

    Args:
        segments: From :func:`override_outcomes`, of all segments.
        rules: When a gain is said to be more than chance.

    Returns:
        ``VALUE_ADDED_COLUMNS``, step by step in the order of ``STEPS``; ``all`` stands for all
        owners and reasons. ``wape`` is in per cent and ``wape_gain`` in points of it, ``value`` and
        ``value_gain`` in ``unit``: what is better than in the step before is above 0. The intervals
        of the gains, from a block bootstrap over weeks, and ``verdict`` are those of the overrides:
        ``worse`` if they surely lost money, or surely lost accuracy and gained no money; ``better``
        if they surely gained money; else ``open``.
    """
    parts = [table for table in segments if len(table)]
    if not parts:
        return pd.DataFrame(columns=VALUE_ADDED_COLUMNS)
    table = pd.concat(parts, ignore_index=True)
    rules = rules or ValueAddedParameters()
    whole = table.drop_duplicates([*SEGMENT, *KEY, "week", "step"])
    tables = [_group(whole.assign(owner=ALL, reason=ALL), rules)]
    tables += [_group(rows, rules) for _, rows in table.groupby(["owner", "reason"])]
    return pd.concat(tables, ignore_index=True)[VALUE_ADDED_COLUMNS]


def _corrected(outcomes: pd.DataFrame) -> pd.DataFrame:
    """A row per override and corrected store, product and week, of the last forecast for it."""
    ids = ["forecast_override", "order_override"]
    if not {*ids} <= {*outcomes.columns}:  # empty, or all from before there were overrides
        return pd.DataFrame()
    last = outcomes.sort_values("as_of").drop_duplicates([*KEY, "week"], keep="last")
    parts = [last.assign(override_id=last[name].fillna("")) for name in ids]
    rows = pd.concat(parts, ignore_index=True)
    return rows[rows["override_id"] != ""].reset_index(drop=True)


def _simple_means(rows: pd.DataFrame, panel: Panel) -> dict[str, pd.Series[float]]:
    """Means of the simple steps in each row, as they would have been forecast."""
    tables: dict[str, list[pd.DataFrame]] = {model.name: [] for model in _SIMPLE}
    for as_of, horizon in rows.groupby("as_of")["horizon"].max().items():
        day = pd.Timestamp(str(as_of))
        past = panel.until(day)
        for model in _SIMPLE:
            made = model().fit(past).predict(past, day, int(horizon))
            tables[model.name].append(made[[*KEY, "week", "mean"]].assign(as_of=day))
    key = [*KEY, "week", "as_of"]
    return {
        name: rows[key].merge(pd.concat(made), on=key, how="left", validate="many_to_one")["mean"]
        for name, made in tables.items()
    }


def _step(
    rows: pd.DataFrame, step: str, mean: pd.Series[float], money: pd.DataFrame
) -> pd.DataFrame:
    worth_it = money[money["policy"] == step]
    actual = rows["actual"].to_numpy(dtype=np.float64)
    return rows.assign(
        step=step,
        volume=actual,
        error=np.abs(credit(mean, actual, rows["censored"]) - actual),
        value=worth_it["value"].to_numpy(dtype=np.float64) / 100,
        unpriced=worth_it["unpriced"].to_numpy(dtype=bool),
    )


def _group(rows: pd.DataFrame, rules: ValueAddedParameters) -> pd.DataFrame:
    """The steps of some overrides."""
    unit = UNITS if bool(rows["unpriced"].all()) else MONEY
    if unit == MONEY:
        rows = rows.assign(value=rows["value"].where(~rows["unpriced"].astype(bool), 0.0))
    sums = rows.groupby("step")[["volume", "error", "value"]].sum().loc[list(STEPS)]
    volume = sums["volume"].where(sums["volume"] > 0)
    table = sums.assign(wape=100 * sums["error"] / volume)
    table["wape_gain"], table["value_gain"] = -table["wape"].diff(), table["value"].diff()
    bounds = [f"{name}_{end}" for name in _GAINS for end in ("lower", "upper")]
    table[bounds] = np.nan
    last = _interval(rows, rules)
    table.loc[OVERRIDE, list(last)] = list(last.values())
    mine = rows[rows["step"] == OVERRIDE]
    facts: dict[str, Any] = {
        "owner": mine["owner"].iloc[0],
        "reason": mine["reason"].iloc[0],
        "overrides": mine["override_id"].nunique(),
        "rows": len(mine),
        "weeks": mine["week"].nunique(),
        "first_week": mine["week"].min(),
        "unit": unit,
    }
    table = table.assign(**facts, verdict="")
    table.loc[OVERRIDE, "verdict"] = _verdict(facts | table.to_dict("index")[OVERRIDE], rules)
    return table.rename_axis("step").reset_index()


def _interval(rows: pd.DataFrame, rules: ValueAddedParameters) -> dict[str, float]:
    """Ends of the intervals of both gains of the overrides, over the model's forecast."""
    weekly = rows.pivot_table(
        index="week", columns="step", values=["error", "value"], aggfunc="sum"
    )  # fmt: skip
    error = weekly["error"][ENSEMBLE] - weekly["error"][OVERRIDE]
    value = weekly["value"][OVERRIDE] - weekly["value"][ENSEMBLE]
    draw = partial(
        resampled_weeks, block_weeks=rules.block_weeks, resamples=rules.resamples, seed=0
    )
    lower, upper = gain_interval(np.column_stack([error, value]), draw, rules.confidence)
    total = float(rows.loc[rows["step"] == OVERRIDE, "volume"].sum())
    share = 100 / total if total > 0 else np.nan
    return {
        "wape_gain_lower": share * float(lower[0]),
        "wape_gain_upper": share * float(upper[0]),
        "value_gain_lower": float(lower[1]),
        "value_gain_upper": float(upper[1]),
    }


def _verdict(row: Mapping[Any, Any], rules: ValueAddedParameters) -> str:
    if row["rows"] < rules.min_rows or row["weeks"] < rules.min_weeks:
        return OPEN
    less_accurate = row["wape_gain_upper"] < 0 and row["value_gain"] <= 0
    if row["value_gain_upper"] < 0 or less_accurate:
        return WORSE
    return BETTER if row["value_gain_lower"] > 0 else OPEN
