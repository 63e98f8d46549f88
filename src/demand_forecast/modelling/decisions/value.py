"""What orders are worth in money: the weeks of the validation, delivered by one policy or another.

Every policy meets the same demand. In a week that was not sold out it is known. In one that was, it
was at least the delivery, and what was wanted beyond it enters by the distribution of the forecast
made before the week, cut off there, as in :mod:`demand_forecast.modelling.scoring.lost_sales`. Of a
simulated company the demand behind the files can be given instead.

All quantities are kept as whole hundredths, of a unit or of money: then the figures of segments add
up to those in all exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from demand_forecast.modelling.arrays import IntArray
from demand_forecast.modelling.decisions.economics import (
    LEVELS,
    MONEY,
    UNITS,
    Economics,
    OrderParameters,
    economics,
    numbers,
)
from demand_forecast.modelling.decisions.orders import STOCK, propose_orders
from demand_forecast.modelling.distribution import Distribution
from demand_forecast.modelling.models.kinds import BASELINE, ENSEMBLE
from demand_forecast.modelling.panel import KEY, Panel
from demand_forecast.modelling.protocol import QUANTILES
from demand_forecast.modelling.resampling import interval_levels, resampled_weeks

Array = npt.NDArray[np.float64]

DELIVERIES: Final = "deliveries"
AVERAGE: Final = "historical_average"
MAPE_POINT: Final = "mape_point"
ORDERS: Final = "orders"
OMNISCIENT: Final = "omniscient"
POLICIES: Final = {
    DELIVERIES: "the deliveries that were made",
    AVERAGE: "the historical average in whole packs",
    MAPE_POINT: "the point with the least MAPE in whole packs",
    ORDERS: "our orders",
    OMNISCIENT: "the best order for somebody who knows the demand",
}
ALL: Final = "all"
VALUE_COLUMNS: Final = {
    "segment": "Region and store format, or `all`.",
    "policy": "What was delivered: " + ", ".join(POLICIES) + ".",
    "unit": "What money is counted in: `money` of the prices, or `units` where none is known.",
    "weeks": "Weeks replayed.",
    "rows": "Stores, products and weeks.",
    "estimated": "Rows whose demand is estimated, because the week was sold out.",
    "unpriced": "Rows without price or cost; they count in units, and not in money.",
    "delivered": "Units delivered.",
    "sold": "Units sold.",
    "returned": "Units that came back.",
    "lost": "Units wanted that were not there.",
    "fill_rate": "Share of the units wanted that were sold, per cent.",
    "sold_out": "Share of the rows with a delivery of which nothing came back, per cent.",
    "margin": "What the units sold earned.",
    "cost_of_returns": "What the units that came back cost.",
    "cost_of_lost_sales": "Goodwill that was lost with each lost sale, beside its margin.",
    "value": "`margin` less both costs.",
    "gain": "`value` less that of the deliveries that were made.",
    "gain_lower": "Lower end of the interval of `gain`.",
    "gain_upper": "Upper end.",
    "share": "`gain` as a share of that of the omniscient order, per cent; where demand is known.",
}
_COUNTS: Final = ["rows", "estimated", "unpriced", "delivered_to", "sold_out"]
_UNITS: Final = ["delivered", "sold", "returned", "lost"]
_MONEY: Final = ["margin", "cost_of_returns", "cost_of_lost_sales", "value"]
_SUMS: Final = [*_COUNTS, *_UNITS, *_MONEY]
_TINY = 1e-6


def validation_weeks(backtest: pd.DataFrame, panel: Panel, lead: int) -> pd.DataFrame:
    """What was forecast for the weeks of a validation, beside what was delivered and sold.

    Args:
        backtest: Of one velocity of a segment.
        panel: The segment, the weeks of the validation included.
        lead: Weeks between the order and the week that it is for.

    Returns:
        One row per store, product and week: the forecast of the ensemble (of the historical average
        where there is none), with ``average`` (mean of the historical average), ``delivered``,
        ``actual`` and ``censored``. No rows where the backtest has none.
    """
    rows = backtest[backtest["horizon"] == lead]
    names = set(rows["model"])
    mine = rows[rows["model"] == (ENSEMBLE if ENSEMBLE in names else BASELINE)]
    average = rows.loc[rows["model"] == BASELINE, [*KEY, "week", "mean"]]
    average = average.rename(columns={"mean": "average"})
    table = mine.merge(average, on=[*KEY, "week"], validate="one_to_one")
    return table.assign(delivered=_delivered(table, panel))


def _delivered(rows: pd.DataFrame, panel: Panel) -> Array:
    """Units delivered in each row's store, product and week."""
    position = panel.series[KEY].assign(row=np.arange(panel.n_series))
    series = rows[KEY].merge(position, on=KEY, how="left", validate="many_to_one")["row"]
    weeks = rows["week"].to_numpy().astype("datetime64[D]")
    columns = np.searchsorted(panel.weeks[: panel.n_weeks], weeks)
    return np.asarray(panel.delivered[series.to_numpy(np.int64), columns], dtype=np.float64)


def replay(
    weeks: pd.DataFrame,
    series: pd.DataFrame,
    rules: OrderParameters,
    wanted: npt.ArrayLike | None = None,
) -> pd.DataFrame:
    """Every policy in every week: units and money, in hundredths.

    Args:
        weeks: From :func:`validation_weeks`; optional ``velocity``.
        series: Static covariates by series, see
            :func:`demand_forecast.modelling.decisions.orders.propose_orders`.
        rules: How orders are made, and what surplus and lost sales cost.
        wanted: ``(rows,)`` units that shoppers wanted, where that is known.

    Returns:
        For each policy the rows of ``weeks``: ``week``, ``policy``; 1 or 0 in ``rows``,
        ``estimated``, ``unpriced`` and ``delivered_to`` (whether there was a delivery); the chance
        that it sold out, units and money as whole hundredths.
    """
    demand = weeks["actual"].to_numpy(dtype=np.float64) if wanted is None else wanted
    world = _World.of(weeks, series, rules, demand, wanted is None)
    policies = {
        DELIVERIES: weeks["delivered"].to_numpy(dtype=np.float64),
        AVERAGE: world.packs(weeks["average"]),
        MAPE_POINT: world.packs(weeks["mape_point"]),
        ORDERS: propose_orders(weeks, series, rules)["order_quantity"].to_numpy(np.float64),
    }
    if wanted is not None:
        policies[OMNISCIENT] = _best_known(world.demand.known, world.pack, world.terms.ratio)
    return world.outcomes(weeks["week"], policies)


def replay_validation(
    backtest: pd.DataFrame,
    panel: Panel,
    rules: OrderParameters,
    lead: int = 1,
    wanted: Callable[[pd.DataFrame], pd.Series[float] | None] = lambda _: None,
) -> pd.DataFrame:
    """Every policy in every week of a stored backtest, see :func:`replay`.

    What a store holds today says nothing about past weeks.

    Args:
        backtest: Of one velocity of a segment.
        panel: The segment, the weeks of the validation included.
        rules: How orders are made.
        lead: Weeks between the order and the week that it is for.
        wanted: Gives the units wanted in each row of :func:`validation_weeks`, where known.
    """
    weeks = validation_weeks(backtest, panel, lead)
    series = panel.series.drop(columns=list(STOCK), errors="ignore")
    return replay(weeks, series, rules, wanted(weeks))


def weekly_value(rows: pd.DataFrame) -> pd.DataFrame:
    """Sums by week and policy, which :func:`value_table` takes as well as single rows.

    Args:
        rows: From :func:`replay`.
    """
    return rows.groupby(["week", "policy"], as_index=False)[_SUMS].sum()


def worth(
    weeks: pd.DataFrame,
    series: pd.DataFrame,
    rules: OrderParameters,
    quantities: Mapping[str, pd.Series[float]],
) -> pd.DataFrame:
    """What came, or would have come, of some quantities in weeks that are over.

    Args:
        weeks: Forecasts with ``week``, ``actual`` and ``censored``.
        series: As for :func:`replay`.
        rules: What surplus and lost sales cost.
        quantities: Units by name, ``(rows,)`` each; they are delivered in whole packs.

    Returns:
        As :func:`replay`, with the names as ``policy``, each in the order of ``weeks``.
    """
    world = _World.of(weeks, series, rules, weeks["actual"].to_numpy(dtype=np.float64), True)
    delivered = {name: world.packs(units) for name, units in quantities.items()}
    return world.outcomes(weeks["week"], delivered)


def value_table(
    segments: dict[str, pd.DataFrame],
    confidence: float = 0.9,
    block_weeks: int = 4,
    resamples: int = 2000,
    seed: int = 0,
) -> pd.DataFrame:
    """Each policy in each segment and in all, and what it gains over the deliveries that were made.

    The interval is from a block bootstrap over weeks: how far the gain of other weeks like these
    may be from that of these.

    Args:
        segments: By name, from :func:`replay`; those without rows are left out.
        confidence: Probability of the interval.
        block_weeks: Length of a block of the bootstrap.
        resamples: How often weeks are drawn.
        seed: Equal seeds draw equal weeks.

    Returns:
        ``VALUE_COLUMNS``, segment by segment, in the order of ``POLICIES``, those in all last.
        Units and money are sums over the weeks. If no row has price and cost, what stands for money
        is counted in units.
    """
    cells = [rows.assign(segment=name) for name, rows in segments.items() if len(rows)]
    if not cells:
        return pd.DataFrame(columns=list(VALUE_COLUMNS))
    table = pd.concat(cells, ignore_index=True)
    unit = UNITS if bool((table["unpriced"] == 1).all()) else MONEY
    if unit == MONEY:
        table[_MONEY] = table[_MONEY].mul(1 - table["unpriced"], axis=0)
    by_week = table.groupby(["segment", "policy", "week"], sort=False)[_SUMS]
    weekly = by_week.sum().reset_index()
    whole = weekly.groupby(["policy", "week"], sort=False)[_SUMS].sum()
    weekly = pd.concat([weekly, whole.reset_index().assign(segment=ALL)], ignore_index=True)
    draw = partial(resampled_weeks, block_weeks=block_weeks, resamples=resamples, seed=seed)
    parts = [_segment(rows, draw, confidence) for _, rows in weekly.groupby("segment", sort=False)]
    return pd.concat(parts, ignore_index=True).assign(unit=unit)[list(VALUE_COLUMNS)]


class _Demand:
    """Demand of some weeks: known, or at least what was sold."""

    def __init__(self, demand: Array, sold_out: npt.NDArray[np.bool_], quantiles: pd.DataFrame):
        self.known, self.sold_out = demand, sold_out
        self._forecast = Distribution(quantiles.to_numpy(np.float64)[sold_out], LEVELS)
        self.mean = demand.copy()
        self.mean[sold_out] = self._forecast.mean_given(demand[sold_out])

    def lost(self, delivered: Array) -> Array:
        """Expected units wanted beyond a delivery, ``(rows,)``."""
        lost = np.maximum(self.known - delivered, 0.0)
        rows = self.sold_out
        lost[rows] = self._forecast.excess_given(self.known[rows], delivered[rows])
        return lost

    def chance(self, delivered: Array) -> Array:
        """Chance that nothing of a delivery is left, ``(rows,)``."""
        chance: Array = np.where(self.known >= delivered, 1.0, 0.0)
        rows = self.sold_out
        more = self._forecast.chance(delivered[rows] - 0.5)
        more = np.minimum(more / self._forecast.chance_given(self.known[rows]), 1.0)
        chance[rows] = np.where(delivered[rows] > self.known[rows], more, 1.0)
        return chance


@dataclass(frozen=True)
class _World:
    """What all policies meet alike: demand, terms and packs of some weeks, ``(rows,)`` each."""

    demand: _Demand
    terms: Economics
    pack: Array

    @classmethod
    def of(
        cls,
        weeks: pd.DataFrame,
        series: pd.DataFrame,
        rules: OrderParameters,
        wanted: npt.ArrayLike,
        observed: bool,
    ) -> Self:
        """That of some weeks; ``observed`` demand is a lower bound where the week sold out."""
        products = weeks[KEY].merge(series, on=KEY, how="left", validate="many_to_one")
        sold_out = weeks["censored"].to_numpy(dtype=bool) & observed
        demand = np.maximum(np.asarray(wanted, dtype=np.float64), 0.0)
        pack = np.maximum(np.round(np.nan_to_num(numbers(products, "pack_size"), nan=1.0)), 1)
        met = _Demand(demand, sold_out, weeks[list(QUANTILES)])
        return cls(met, economics(products, rules), pack)

    def packs(self, units: pd.Series[float]) -> Array:
        """The nearest whole packs."""
        return np.asarray(self.pack * np.floor(units.to_numpy(np.float64) / self.pack + 0.5))

    def outcomes(self, week: pd.Series[Any], policies: Mapping[str, Array]) -> pd.DataFrame:
        """What came of each policy, policy by policy."""
        frames = [
            _outcome(week, name, delivered, self.demand, self.terms)
            for name, delivered in policies.items()
        ]
        return pd.concat(frames, ignore_index=True)


def _best_known(demand: Array, pack: Array, ratio: Array) -> Array:
    """Whole packs that earn most where the demand is known: one more if enough of it sells."""
    full = np.floor(demand / pack)
    one_more = demand / pack - full >= 1 - ratio - _TINY
    return np.asarray(pack * (full + one_more))


def _outcome(
    weeks: pd.Series[pd.Timestamp], policy: str, delivered: Array, demand: _Demand, terms: Economics
) -> pd.DataFrame:
    """What came of one policy, row by row."""
    lost = _hundredths(demand.lost(delivered))
    units = _hundredths(delivered)
    sold = np.clip(_hundredths(demand.mean) - lost, 0, units)
    margin = _hundredths(terms.margin * sold / 100)
    returns = _hundredths(terms.loss * (units - sold) / 100)
    goodwill = _hundredths(terms.goodwill * lost / 100)
    return pd.DataFrame(
        {
            "week": weeks.to_numpy(),
            "policy": policy,
            "rows": 1,
            "estimated": demand.sold_out.astype(np.int64),
            "unpriced": (~terms.priced).astype(np.int64),
            "delivered_to": (units > 0).astype(np.int64),
            "sold_out": np.where(units > 0, _hundredths(demand.chance(delivered)), 0),
            "delivered": units,
            "sold": sold,
            "returned": units - sold,
            "lost": lost,
            "margin": margin,
            "cost_of_returns": returns,
            "cost_of_lost_sales": goodwill,
            "value": margin - returns - goodwill,
        }
    )


def _hundredths(values: Array) -> npt.NDArray[np.int64]:
    return np.rint(100 * values).astype(np.int64)


def _segment(
    rows: pd.DataFrame, draw: Callable[[int], IntArray], confidence: float
) -> pd.DataFrame:
    """The policies of one segment, from their weekly sums.

    Args:
        rows: One per policy and week.
        draw: Gives positions of so many weeks, ``(resamples, weeks)``.
        confidence: Probability of the interval.
    """
    policies = [name for name in POLICIES if name in set(rows["policy"])]
    table = rows.groupby("policy")[_SUMS].sum().loc[policies]
    table[[*_UNITS, *_MONEY]] /= 100
    table["fill_rate"] = 100 * table["sold"] / (table["sold"] + table["lost"]).replace(0, np.nan)
    table["sold_out"] = table["sold_out"] / table["delivered_to"].replace(0, np.nan)
    weekly = rows.pivot_table(index="week", columns="policy", values="value", aggfunc="sum")
    gains = weekly.sub(weekly[DELIVERIES], axis=0)[policies].to_numpy(np.float64) / 100
    table["gain"] = gains.sum(axis=0)
    table["gain_lower"], table["gain_upper"] = gain_interval(gains, draw, confidence)
    best = float(table["gain"].get(OMNISCIENT, np.nan))
    table["share"] = 100 * table["gain"] / best if best > 0 else np.nan
    table["weeks"] = len(weekly)
    table["segment"] = rows["segment"].iloc[0]
    return table.rename_axis("policy").reset_index()


def gain_interval(
    gains: Array, draw: Callable[[int], IntArray], confidence: float
) -> tuple[Array, Array]:
    """Ends of the interval of each policy's gain; NaN of a single week.

    Args:
        gains: ``(weeks, policies)``.
        draw: Gives positions of so many weeks, ``(resamples, weeks)``.
        confidence: Probability of the interval.
    """
    n_weeks, policies = gains.shape
    if n_weeks == 1:
        return np.full(policies, np.nan), np.full(policies, np.nan)
    sums = gains[draw(n_weeks)].sum(axis=1)
    lower, upper = np.quantile(sums, interval_levels(confidence, n_weeks), axis=0)
    return lower, upper
