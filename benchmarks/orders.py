"""Which rules of ordering earn most, on simulated companies whose demand is known.

    python benchmarks/orders.py --json orders.json

Ordinary companies of other seeds and regions than the sample, one with many promotions and one that
delivers too little. Each has an ensemble for fast and one for slow products, fitted before the
validation; its forecasts one week ahead are turned into orders by each set of rules. What these
earn, with the cost of lost sales, is summed over the weeks of the validation.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from simulated import simulated_set
from tables import CONF, region_panel

from demand_forecast.modelling.arrays import FloatArray
from demand_forecast.modelling.decisions.economics import OrderParameters, economics
from demand_forecast.modelling.decisions.orders import propose_orders
from demand_forecast.modelling.decisions.value import validation_weeks
from demand_forecast.modelling.evaluation.contest import compare
from demand_forecast.modelling.evaluation.splits import ForecastParameters
from demand_forecast.modelling.lifecycle.training import (
    TrainingParameters,
    train_baseline,
    train_challenger,
)
from demand_forecast.modelling.panel import KEY, Panel
from demand_forecast.modelling.velocity import VELOCITIES, classify
from demand_forecast.simulator import read_truth, simulate

ORDINARY = {"florida": 31, "great_lakes": 32, "pacific_northwest": 33}
UNUSUAL = ("promotions", "censored")
GOODWILL = (0.0, 0.25, 0.5, 1.0, 1.5)
SERVICE = (0.0, 0.5, 0.6, 0.7, 0.8)
FORECAST = ForecastParameters(horizon=1, origins=26, origin_step=1, min_train_weeks=60)


def ordinary(region: str, seed: int) -> tuple[Panel, FloatArray]:
    """The large stores of a region, and their true demand, ``(series, weeks)``."""
    with tempfile.TemporaryDirectory() as folder:
        truth = Path(folder, "truth")
        simulate(
            folder, stores=16, products=12, weeks=156, seed=seed, regions=[region], truth=truth,
            formats=["large"], conf=CONF,
        )  # fmt: skip
        panel = region_panel(Path(folder), region, "large")
        wanted = read_truth(truth, region).astype(dict.fromkeys(KEY, str))
    wide = wanted.pivot_table(index=KEY, columns="week", values="demand")
    keys = pd.MultiIndex.from_frame(panel.series[KEY].astype(str))
    return panel, wide.reindex(index=keys, columns=panel.weeks[: panel.n_weeks]).to_numpy()


def companies() -> Iterator[tuple[str, tuple[Panel, FloatArray]]]:
    """Each company's panel and true demand."""
    for region, seed in ORDINARY.items():
        yield f"{region}, seed {seed}", ordinary(region, seed)
    for name in UNUSUAL:
        yield name, simulated_set(name)


def validation(panel: Panel, wanted: FloatArray) -> pd.DataFrame:
    """Forecasts of the validation's weeks, with the true demand in ``wanted``."""
    settings = yaml.safe_load((CONF / "parameters" / "training.yml").read_text())["training"]
    training, classes = TrainingParameters.model_validate(settings), classify(panel)
    average, parts = train_baseline(panel, FORECAST).model, []
    for velocity in VELOCITIES:
        challenger = train_challenger(panel, classes, velocity, FORECAST, training).model
        frame = compare(
            panel, classes, velocity, average, challenger,
            n_origins=FORECAST.origins, step=FORECAST.origin_step, horizon=FORECAST.horizon,
        )  # fmt: skip
        parts.append(validation_weeks(frame, panel, lead=1))
    rows = pd.concat(parts, ignore_index=True)
    place = panel.series[KEY].assign(row=np.arange(panel.n_series))
    series = rows[KEY].merge(place, on=KEY, how="left")["row"].to_numpy()
    weeks = np.searchsorted(panel.weeks, rows["week"].to_numpy().astype("datetime64[D]"))
    return rows.assign(wanted=wanted[series, weeks])


def earned(
    rows: pd.DataFrame, series: pd.DataFrame, rules: OrderParameters, cost: float
) -> dict[str, float]:
    """What orders by some rules come to where a lost sale costs ``cost`` of its margin as well."""
    found = rows[KEY].merge(series, on=KEY, how="left")
    terms = economics(found, OrderParameters(lost_sale_cost=cost))
    order = propose_orders(rows, series, rules)["order_quantity"].to_numpy()
    sold = np.minimum(order, rows["wanted"].to_numpy())
    lost = rows["wanted"].to_numpy() - sold
    value = terms.margin * sold - terms.loss * (order - sold) - terms.goodwill * lost
    return {
        "value": float(value.sum()),
        "fill_rate": float(100 * sold.sum() / rows["wanted"].sum()),
        "sold_out": float(100 * (sold == order)[order > 0].mean()),
    }


def results() -> pd.DataFrame:
    """Each company, cost of a lost sale and set of rules."""
    found = []
    for name, (panel, wanted) in companies():
        rows = validation(panel, wanted)
        for rule, service in product(GOODWILL, SERVICE):
            rules = OrderParameters(lost_sale_cost=rule, min_service_level=service)
            for cost in GOODWILL:
                terms = {"company": name, "cost": cost, "rule": rule, "service": service}
                found.append(terms | earned(rows, panel.series, rules, cost))
    return pd.DataFrame(found)


def main() -> None:
    """Print what each set of rules earns, as a share of the best for each cost of a lost sale."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="where to write the figures")
    options = parser.parse_args()
    table = results()
    for cost, rows in table.groupby("cost"):
        sums = rows.pivot_table(index="rule", columns="service", values="value", aggfunc="sum")
        print(f"A lost sale costs {cost:g} of its margin beside it: value, per cent of the best\n")
        print((100 * sums / sums.to_numpy().max()).round(2).to_string(), "\n")
    means = table.pivot_table(index="rule", columns="service", values=["fill_rate", "sold_out"])
    print("Means over the companies, per cent\n")
    print(means.round(1).to_string(), "\n")
    best = table.loc[table.groupby(["company", "cost"])["value"].idxmax()]
    print("Best rules of each company\n")
    print(best[["company", "cost", "rule", "service"]].to_string(index=False))
    if options.json:
        options.json.write_text(json.dumps(table.to_dict("records"), indent=2))


if __name__ == "__main__":
    main()
