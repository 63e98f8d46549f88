"""What a sold-out week would have sold: latent demand given that it was at least the delivery.

A sell-out hides how much more was wanted. What a forecast made *before* the week says about its
demand, cut off below what was delivered and sold, is the best account of it: the mean of the rest
is the expected demand (Tobin, *Estimation of relationships for limited dependent variables*,
Econometrica 26, 1958; for unobserved lost sales Nahmias, *Demand estimation in lost sales inventory
systems*, Naval Research Logistics 41, 1994), and its quantiles are the interval.

The distribution is that of :mod:`demand_forecast.modelling.distribution`. The far tail of a skewed
one comes out a little short: 3 per cent of the mean at the 94th percentile of a lognormal with a
spread of 0.5.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from demand_forecast.exceptions import ContractError
from demand_forecast.modelling.columns import require_columns
from demand_forecast.modelling.distribution import Distribution
from demand_forecast.modelling.panel import KEY
from demand_forecast.modelling.protocol import QUANTILES

Array = npt.NDArray[np.float64]

LOST_SALES: Final = ["lost_sales", "lost_sales_lower", "lost_sales_upper"]
COLUMNS: Final = [*KEY, "week", "model", "horizon", "delivered", *LOST_SALES]


class SoldOut(NamedTuple):
    """Demand of sold-out weeks.

    Attributes:
        mean: ``(rows,)`` expected demand given that it was at least the delivery, units.
        quantiles: ``(rows, at)`` its quantiles, units.
    """

    mean: Array
    quantiles: Array


def demand_given_sold_out(
    quantiles: npt.ArrayLike,
    levels: npt.ArrayLike,
    delivered: npt.ArrayLike,
    at: npt.ArrayLike,
    step: float = 1.0,
) -> SoldOut:
    """Demand given that it was at least what was delivered.

    Args:
        quantiles: ``(rows, levels)`` of the demand before anything was known of the week, units,
            none negative; put in order if they are not.
        levels: ``(levels,)`` ascending, inside (0, 1), at least two.
        delivered: ``(rows,)`` units.
        at: ``(at,)`` levels of the conditional quantiles, inside (0, 1).
        step: See :meth:`demand_forecast.modelling.distribution.Distribution.mean_given`.
    """
    demand = Distribution(quantiles, levels)
    least = np.asarray(delivered, dtype=np.float64)
    mean, chance = demand.mean_given(least, step), demand.chance_given(least, step)
    read = demand.exceeded((1 - np.asarray(at, dtype=np.float64)) * chance[:, None])
    return SoldOut(mean, np.maximum(read, least[:, None]))


def lost_sales(frame: pd.DataFrame, coverage: float = 0.8, step: float = 1.0) -> pd.DataFrame:
    """Add what was lost to sell-outs, with an interval.

    Args:
        frame: One row per series and week: ``delivered`` (units), ``censored`` (sold out) and the
            quantile columns of a forecast that was made before the week.
        coverage: Probability of the interval.
        step: See :func:`demand_given_sold_out`.

    Returns:
        ``frame`` with ``lost_sales`` (expected units wanted beyond the delivery),
        ``lost_sales_lower`` and ``lost_sales_upper``; all 0 where the week was not sold out, since
        all demand was served, and NaN where the forecast or the delivery is unknown.

    Raises:
        ContractError: If a column is missing, or ``coverage`` is not between 0 and 1.
    """
    _check(frame, ["delivered", "censored", *QUANTILES], coverage)
    sold_out = frame["censored"].to_numpy(dtype=bool)
    rows = frame[sold_out]
    least = rows["delivered"].to_numpy(dtype=np.float64)
    tails = [(1 - coverage) / 2, (1 + coverage) / 2]
    demand = demand_given_sold_out(
        rows[list(QUANTILES)].to_numpy(), list(QUANTILES.values()), least, tails, step
    )
    lost = np.zeros((len(frame), len(LOST_SALES)))
    lost[sold_out] = np.column_stack([demand.mean, demand.quantiles]) - least[:, None]
    return frame.assign(**{name: lost[:, k] for k, name in enumerate(LOST_SALES)})


def validation_lost_sales(
    backtest: pd.DataFrame, models: tuple[str, ...], coverage: float = 0.8
) -> pd.DataFrame:
    """Lost sales of every sold-out week of a backtest.

    Each week is judged by the latest forecast made before it, of the best model that has one.

    Args:
        backtest: From :func:`demand_forecast.modelling.evaluation.backtest.backtest`.
        models: Names of models, best first.
        coverage: Probability of the interval.

    Returns:
        One row per store, product and sold-out week, columns ``COLUMNS``.
    """
    wanted = backtest["censored"].astype(bool) & backtest["model"].isin(models)
    rows = backtest[wanted].rename(columns={"actual": "delivered"})
    rank = rows["model"].map({name: k for k, name in enumerate(models)})
    rows = rows.assign(_rank=rank).sort_values([*KEY, "week", "_rank", "horizon"], kind="stable")
    latest = rows.drop_duplicates([*KEY, "week"])
    return lost_sales(latest, coverage)[COLUMNS].reset_index(drop=True)


def _check(frame: pd.DataFrame, columns: list[str], coverage: float) -> None:
    require_columns(frame, columns)
    if not 0 < coverage < 1:
        raise ContractError(f"coverage is {coverage}; valid: between 0 and 1, both excluded")
