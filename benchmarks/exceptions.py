"""How much of the avoidable cost of orders lies in the rows that `kedro exceptions` puts first.

    python benchmarks/exceptions.py --json exceptions.json

Simulated companies of the sample's size whose demand is known. Each segment has an ensemble for
fast and one for slow products, fitted before the validation; its forecasts one week ahead become
orders. Avoidable is what surplus and lost sales of an order cost beyond those of the best order for
somebody who knows the demand. Week by week the orders of all segments are ranked together.
`--development` takes the companies on which the ranking was chosen, else others are taken. Two
ranks say what can be had: of somebody who knows the mean of each week's demand and the chance
around it, and hindsight.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from orders import validation
from scipy.stats import nbinom
from tables import CONF, region_panel

from demand_forecast.modelling.decisions.economics import Economics, OrderParameters, economics
from demand_forecast.modelling.decisions.orders import propose_orders
from demand_forecast.modelling.decisions.review import money_at_risk
from demand_forecast.modelling.panel import KEY, Panel
from demand_forecast.modelling.velocity import FAST
from demand_forecast.simulator import choose_layouts, read_truth, simulate
from demand_forecast.simulator.company import FORMATS
from demand_forecast.simulator.world.demand import SPREAD

DEVELOPMENT = (41, 2017)
OTHERS = (51, 52)
SHARE = 0.05


def company(seed: int) -> pd.DataFrame:
    """Forecasts of all weeks of the validation of a company, with their orders and what came."""
    with tempfile.TemporaryDirectory() as folder:
        truth = Path(folder, "truth")
        simulate(
            folder, stores=8, products=10, weeks=156, seed=seed, truth=truth, conf=CONF,
        )  # fmt: skip
        parts = [
            segment(region_panel(Path(folder), region, store_format), truth)
            for region in choose_layouts(None, CONF)
            for store_format in FORMATS
        ]
    return pd.concat(parts, ignore_index=True)


def segment(panel: Panel, truth: Path) -> pd.DataFrame:
    """The same for one segment."""
    true = read_truth(truth, panel.region).astype(dict.fromkeys(KEY, str))
    wide = true.pivot_table(index=KEY, columns="week", values="demand")
    keys = pd.MultiIndex.from_frame(panel.series[KEY].astype(str))
    wanted = wide.reindex(index=keys, columns=panel.weeks[: panel.n_weeks]).to_numpy()
    rows = validation(panel, wanted)
    orders = propose_orders(rows, panel.series)
    avoidable = avoidable_cost(rows, orders, panel.series)
    true_mean = rows[[*KEY, "week"]].merge(
        true[[*KEY, "week", "latent_mean", "velocity"]], on=[*KEY, "week"], how="left"
    )
    expected = expected_cost(true_mean, orders, economics_of(rows, panel.series))
    place = {"region": panel.region, "store_format": panel.store_format}
    prices = rows[KEY].merge(panel.series, on=KEY, how="left")[["unit_price", "unit_cost"]]
    return rows.join([orders, prices]).assign(avoidable=avoidable, expected=expected, **place)


def avoidable_cost(rows: pd.DataFrame, orders: pd.DataFrame, series: pd.DataFrame) -> np.ndarray:
    """``(rows,)`` cost of surplus and lost sales beyond that of the best whole packs."""
    wanted, pack = rows["wanted"].to_numpy(np.float64), orders["pack_size"].to_numpy(np.float64)
    order = orders["order_quantity"].to_numpy(np.float64)
    return beyond_best(order, wanted, pack, economics_of(rows, series))


def economics_of(rows: pd.DataFrame, series: pd.DataFrame) -> Economics:
    """Money per unit of each row's series."""
    return economics(rows[KEY].merge(series, on=KEY, how="left"), OrderParameters())


def beyond_best(
    order: np.ndarray, wanted: np.ndarray, pack: np.ndarray, terms: Economics
) -> np.ndarray:
    """Cost of orders beyond that of the best whole packs for what was wanted."""

    def cost(order: np.ndarray) -> np.ndarray:
        return terms.loss * np.maximum(order - wanted, 0) + terms.short * np.maximum(
            wanted - order, 0
        )

    low = pack * np.floor(wanted / pack)
    return cost(order) - np.minimum(cost(low), cost(low + pack))


def expected_cost(true: pd.DataFrame, orders: pd.DataFrame, terms: Economics) -> np.ndarray:
    """``(rows,)`` avoidable cost that somebody expects who knows all but the shoppers' chance.

    Args:
        true: ``latent_mean`` and ``velocity`` of the rows.
        orders: Their orders.
        terms: Money per unit.
    """
    mean, spread = true["latent_mean"].to_numpy(), (true["velocity"] == FAST).map(SPREAD).to_numpy()
    pack, order = (orders[c].to_numpy(np.float64) for c in ("pack_size", "order_quantity"))
    found = np.zeros(len(true))
    for wanted in range(int(4 * mean.max()) + 40):
        chance = nbinom.pmf(wanted, spread, spread / (spread + mean))
        found += chance * beyond_best(order, np.full(len(true), float(wanted)), pack, terms)
    return found


def shares(rows: pd.DataFrame) -> dict[str, float]:
    """Per cent of the avoidable cost in the first rows of each week, by ranking."""
    rankings = {
        "money at risk": money_at_risk(rows),
        "units at cost": rows["order_quantity"] * rows["unit_cost"],
        "knowing the mean": rows["expected"],
        "hindsight": rows["avoidable"],
    }
    return {name: held(rows["avoidable"], by, rows["week"]) for name, by in rankings.items()}


def held(avoidable: pd.Series, by: pd.Series, week: pd.Series) -> float:
    """Per cent of the avoidable cost in the first ``SHARE`` of the rows of each week."""
    place = by.groupby(week).rank(method="first", ascending=False)
    first = place <= np.ceil(SHARE * week.groupby(week).transform("size"))
    return float(100 * avoidable[first].sum() / avoidable.sum())


def main() -> None:
    """Print for each company what share the first rows hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--development", action="store_true", help="the companies of the choice")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    options = parser.parse_args()
    found = []
    for seed in DEVELOPMENT if options.development else OTHERS:
        rows = company(seed)
        counts = {"seed": seed, "weeks": rows["week"].nunique(), "rows": len(rows)}
        found.append(counts | shares(rows))
    print(f"Per cent of the avoidable cost in the first {SHARE:.0%} of each week's orders, by rank")
    print(pd.DataFrame(found).round(1).to_string(index=False))
    if options.json:
        options.json.write_text(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
