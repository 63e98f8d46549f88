"""The ordering policy of the old days: deliver what was sold on average, and something on top."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

WINDOW = 52
SAFETY = 1.3
PROMOTION_ALLOWANCE = 7.0
_GUESS_WEEKS = 8


def deliver(
    demand: npt.NDArray[np.int64],
    active: npt.NDArray[np.bool_],
    discount: npt.NDArray[np.floating],
    guess: npt.NDArray[np.floating],
) -> npt.NDArray[np.int64]:
    """Deliveries by the historical average of sales, week after week.

    The order is the average of what was sold in the last 52 weeks without promotion and 30 % more;
    in promotion weeks, by rule of thumb, another 7 % for each per cent of price cut; at least one
    unit. The policy sees sales only, so a sell-out lowers its next orders. In the first eight weeks
    a planner's guess fills the average.

    Args:
        demand: ``(weeks, series)`` units wanted.
        active: ``(weeks, series)`` True where the product is on sale.
        discount: ``(weeks, series)`` price cut as a share, 0 without promotion.
        guess: ``(series,)`` the planner's idea of a usual week, in units.

    Returns:
        ``(weeks, series)`` units delivered, 0 where not active.
    """
    weeks, series = demand.shape
    delivered = np.zeros((weeks, series), dtype=np.int64)
    counted = active & (discount == 0)
    age = np.concatenate([np.zeros((1, series)), np.cumsum(counted, axis=0)])
    sold = np.zeros((weeks + 1, series))
    for week in range(weeks):
        start = max(0, week - WINDOW)
        count = age[week] - age[start]
        trust = np.maximum(_GUESS_WEEKS - age[week], 0)
        total = sold[week] - sold[start] + trust * guess
        average = total / np.maximum(count + trust, 1)
        allowance = 1.0 + PROMOTION_ALLOWANCE * discount[week]
        order = np.maximum(np.ceil(SAFETY * allowance * average), 1)
        delivered[week] = np.where(active[week], order, 0)
        sales = np.minimum(demand[week], delivered[week])
        sold[week + 1] = sold[week] + sales * counted[week]
    return delivered
