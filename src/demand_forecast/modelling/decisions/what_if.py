"""What a changed plan does: forecast, order and margin before and after, and how sure that is.

The interval is one of the **effect**, the change of the *expected* demand that comes from the plan
alone. It is not the difference of two forecast intervals: the luck of a week is the same with
either plan, so it is no part of the effect, and the interval is much narrower than a forecast's.
What is uncertain is the answer to the plan. In logs its error has a part that is there for any
change and one that grows with the effect; where the product was never delivered under a plan like
it in any store of the segment, it is wider. Errors are mostly those of a product, which all its
stores share, so that intervals of sums shrink little.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd
from scipy.special import ndtri

from demand_forecast.modelling.arrays import Array, BoolArray
from demand_forecast.modelling.decisions.economics import MONEY
from demand_forecast.modelling.panel import KEY

ROWS: Final = [*KEY, "week"]
BEFORE, AFTER = "_before", "_after"
COMPARED: Final = ("mean", "q10", "q90", "order_quantity", "expected_margin")
ROW_COLUMNS: Final = [
    *ROWS, "horizon", "velocity", "source", "is_chosen", "is_changed",
    *(f"{name}{side}" for name in COMPARED for side in (BEFORE, AFTER)),
    "margin_unit", "price_given_up", "effect", "effect_low", "effect_high", "effect_error",
]  # fmt: skip
LEVEL: Final = 0.8

# Chosen on simulated companies of other seeds than those of `benchmarks/what_if.py`: standard
# deviation of the error in logs of any effect, of one per unit of effect, and its factor where
# nothing like the plan was ever seen.
_ALWAYS, _PER_EFFECT, _UNSEEN = 0.06, 0.2, 1.5
# Shares of its variance that all products have in common, and all stores of a product.
_SHARED, _SHARED_BY_PRODUCT = 0.2, 0.45
_FLOOR = 0.1  # units, added before logarithms
_Z: Final = float(ndtri(0.5 + LEVEL / 2))


def compared(
    before: pd.DataFrame, after: pd.DataFrame, rows: pd.DataFrame, given_up: Array | None = None
) -> pd.DataFrame:
    """Both forecasts side by side, with the effect and its interval.

    Args:
        before: Forecast table with the plan as it is.
        after: The same rows with the changed plan.
        rows: On the same rows ``is_chosen`` (whose plan was asked to change), ``is_changed`` (in
            this week it did), ``is_later`` (it did in an earlier week) and ``is_unseen`` (no plan
            like it was ever seen).
        given_up: ``(rows,)`` money that a unit earns less by the new price; None where no price
            has changed.

    Returns:
        ``ROW_COLUMNS``: points, quantiles, orders and margins ``_before`` and ``_after``;
        ``price_given_up``, what a lower price takes off the units that are expected to be sold,
        should the company pay for it (NaN where margins are not in money); ``effect`` in units
        with its 80 % interval and ``effect_error``, the standard deviation of its error in logs.
        The interval is NaN where what serves does not answer to plans.
    """
    table = before[[*ROWS, "horizon", "velocity", "source", "margin_unit"]].reset_index(drop=True)
    table[["is_chosen", "is_changed"]] = rows[["is_chosen", "is_changed"]].to_numpy()
    for name in COMPARED:
        table[f"{name}{BEFORE}"] = before[name].to_numpy()
        table[f"{name}{AFTER}"] = after[name].to_numpy()
    sold = (after["order_quantity"] - after["expected_waste"]).to_numpy()
    lost = np.zeros(len(table)) if given_up is None else given_up * np.maximum(sold, 0.0)
    table["price_given_up"] = np.where(table["margin_unit"] == MONEY, lost, np.nan)
    table["effect"] = table[f"mean{AFTER}"] - table[f"mean{BEFORE}"]
    return table.assign(**_with_interval(table, rows))[ROW_COLUMNS]


def _with_interval(table: pd.DataFrame, rows: pd.DataFrame) -> dict[str, Array]:
    error = effect_errors(
        table[f"mean{BEFORE}"].to_numpy(), table[f"mean{AFTER}"].to_numpy(),
        own=(rows["is_changed"] | rows["is_later"]).to_numpy(bool),
        unseen=rows["is_unseen"].to_numpy(bool),
    )  # fmt: skip
    answers = ~(rows["is_changed"] & (table["source"] == "baseline").to_numpy()).to_numpy(bool)
    error = np.where(answers, error, np.nan)
    low, high = _interval(table[f"mean{BEFORE}"].to_numpy(), table[f"mean{AFTER}"], error)
    return {"effect_error": error, "effect_low": low, "effect_high": high}


def effect_errors(before: Array, after: Array, own: BoolArray, unseen: BoolArray) -> Array:
    """Standard deviation of the error of each effect in logs, ``(rows,)``.

    Args:
        before: ``(rows,)`` expected units.
        after: ``(rows,)`` the same with the changed plan.
        own: ``(rows,)`` whether the plan of the series itself changes, now or in a week before.
            The effect on others is known no better than it is large.
        unseen: ``(rows,)`` whether no plan like it was ever seen.
    """
    size = np.abs(np.log((after + _FLOOR) / (before + _FLOOR)))
    error = np.hypot(_ALWAYS, _PER_EFFECT * size) * np.where(unseen, _UNSEEN, 1.0)
    return np.where(own, error, size)


def _interval(before: Any, after: Any, error: Any) -> tuple[Any, Any]:
    """Of the two forecasts, the larger one is that with the promotion: its answer is uncertain."""
    larger = np.maximum(before, after)
    less, more = (larger * np.expm1(side * _Z * error) for side in (-1, 1))
    falls = np.asarray(after) < np.asarray(before)
    effect = after - before
    return effect + np.where(falls, -more, less), effect + np.where(falls, -less, more)


def summed(rows: pd.DataFrame) -> dict[str, Any]:
    """Sums of compared rows, with the interval of the whole effect.

    Args:
        rows: Some rows of :func:`compared`.

    Returns:
        ``rows``, and of every figure but the forecast's quantiles its sum; money where all rows
        have it, else ``margin_unit`` is ``units`` or both.
    """
    totals: dict[str, Any] = {"rows": len(rows)}
    for name in ("mean", "order_quantity", "expected_margin"):
        totals |= {f"{name}{side}": rows[f"{name}{side}"].sum() for side in (BEFORE, AFTER)}
    totals["margin_unit"] = " and ".join(sorted(set(rows["margin_unit"])))
    totals["price_given_up"] = rows["price_given_up"].sum(skipna=False)
    before, after = totals[f"mean{BEFORE}"], totals[f"mean{AFTER}"]
    error = _error_of_sum(rows) / max(before, after, _FLOOR)
    low, high = _interval(before, after, error)
    return totals | {"effect": after - before, "effect_low": low, "effect_high": high}


def _error_of_sum(rows: pd.DataFrame) -> float:
    """Standard deviation of the error of the summed effect, units."""
    larger = rows[[f"mean{BEFORE}", f"mean{AFTER}"]].max(axis=1)
    each = larger * rows["effect_error"]
    if each.isna().any():
        return float("nan")
    product = each.groupby(rows["product_id"]).sum()
    series = each.groupby([rows[name] for name in KEY]).sum()
    shares = (_SHARED, _SHARED_BY_PRODUCT, 1 - _SHARED - _SHARED_BY_PRODUCT)
    squares = each.sum() ** 2, (product**2).sum(), (series**2).sum()
    return float(np.sqrt(np.dot(shares, squares)))
