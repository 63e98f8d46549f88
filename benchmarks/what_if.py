"""How often the true effect of a changed plan lies in the interval that a what-if gives for it.

    python benchmarks/what_if.py --json what_if.json

Simulated companies, whose expected demand with either plan is known: nothing but the plan differs.
The ensembles learn all but the last four weeks; in the first two of these the plan of every third
product changes in all stores: another promotion, with or without an advertisement, none at all, or
another regular price. A trial is a store, product and week; sums are those of a product's stores
and weeks, and of all that changed.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from tables import CONF, region_panel

from demand_forecast.modelling.decisions.what_if import summed
from demand_forecast.modelling.evaluation.splits import ForecastParameters
from demand_forecast.modelling.lifecycle.records import RegisteredModel
from demand_forecast.modelling.lifecycle.training import (
    TrainingParameters,
    train_baseline,
    train_challenger,
)
from demand_forecast.modelling.panel import KEY, Panel
from demand_forecast.modelling.scoring.fallback import ScoringParameters, score_segment
from demand_forecast.modelling.scoring.replanned import Score, what_if
from demand_forecast.modelling.velocity import VELOCITIES, classify
from demand_forecast.simulator import Company, simulate
from demand_forecast.simulator.world.demand import simulate_blocks
from demand_forecast.simulator.world.market import Market, make_market

REGIONS = ("florida", "great_lakes", "pacific_northwest", "north_texas")
STORES, PRODUCTS, WEEKS, HORIZON, CHANGED = 12, 12, 156, 4, 2
DEPTHS = (0.10, 0.15, 0.20, 0.25, 0.30, 0.40)
FORECAST = ForecastParameters(horizon=HORIZON, origins=26, origin_step=1, min_train_weeks=60)
DIP, REGULAR = -0.12, 0.6  # of the simulator: the week after a promotion, a lasting price


@dataclass(frozen=True)
class World:
    """A company, and what its models know of it."""

    market: Market
    panel: Panel
    score: Score


def make_world(region: str, seed: int) -> World:
    """Simulate a company and train its champions on all but the last weeks."""
    with tempfile.TemporaryDirectory() as folder:
        simulate(
            folder, STORES, PRODUCTS, WEEKS, seed, regions=[region], formats=["large"], conf=CONF
        )
        panel = region_panel(Path(folder), region, "large")
    past = panel.until(panel.weeks[panel.n_weeks - HORIZON - 1])
    market = make_market(region, Company(STORES, PRODUCTS, WEEKS, seed, ("large",)))
    return World(market, past, champions(past))


def champions(panel: Panel) -> Score:
    """Scoring of a panel by models that have learned it."""
    settings = yaml.safe_load((CONF / "parameters" / "training.yml").read_text())["training"]
    rules = yaml.safe_load((CONF / "parameters" / "scoring.yml").read_text())["scoring"]
    training, scoring = (
        TrainingParameters.model_validate(settings),
        ScoringParameters.model_validate(rules),
    )
    classes = classify(panel)
    models = {
        velocity: RegisteredModel(
            train_challenger(panel, classes, velocity, FORECAST, training).model, velocity
        )
        for velocity in VELOCITIES
    }
    baseline = RegisteredModel(train_baseline(panel, FORECAST).model, "baseline")

    def score(asked: Panel) -> pd.DataFrame:
        return score_segment(
            asked, classes, models, baseline, horizon=HORIZON, scoring=scoring
        ).forecast

    return score


def replans(market: Market, rng: np.random.Generator) -> Iterator[tuple[str, Market]]:
    """Other plans of the same market, of a random third of its products each."""
    for kind in ("promotion", "advertised", "promotion", "advertised", "none", "price -10 %",
                 "price +5 %"):  # fmt: skip
        yield kind, other_plan(market, kind, rng)


def other_plan(market: Market, kind: str, rng: np.random.Generator) -> Market:
    """The market with another plan in the first weeks after the history."""
    plan, products = market.plan, market.products
    who = rng.permutation(len(products))[: len(products) // 3]
    when = slice(len(market.weeks) - HORIZON, len(market.weeks) - HORIZON + CHANGED)
    cut, feature, regular = (
        plan.discount.copy(),
        plan.feature.copy(),
        plan.price / (1 - plan.discount),
    )
    lasting = np.ones_like(regular)
    if kind.startswith("price"):
        lasting[when, who] = 0.9 if "-" in kind else 1.05
    else:
        cut[when, who] = 0 if kind == "none" else rng.choice(DEPTHS, len(who))
        feature[when, who] = float(kind == "advertised")
    elasticity = products["elasticity"].to_numpy()
    effect = elasticity * np.log1p(-cut) + lifts(market) * feature + dips(cut)
    shared = REGULAR * elasticity * np.log(lasting[: len(market.weeks)])
    changed = replace(
        plan,
        discount=cut,
        feature=feature,
        price=np.round(regular * lasting * (1 - cut), 2).astype(np.float32),
        promotion_effect=effect.astype(np.float32),
    )
    return replace(
        market, plan=changed, shared_effect=(market.shared_effect + shared).astype(np.float32)
    )


def dips(cut: np.ndarray) -> np.ndarray:
    """Log effect of the week before, when shoppers stocked up."""
    out = np.zeros(cut.shape)
    out[1:] = DIP * ((cut[:-1] > 0) & (cut[1:] == 0))
    return out


def lifts(market: Market) -> np.ndarray:
    """``(products,)`` log effect of an advertisement, which the simulator keeps to itself."""
    plan, elasticity = market.plan, market.products["elasticity"].to_numpy()
    rest = plan.promotion_effect - elasticity * np.log1p(-plan.discount) - dips(plan.discount)
    return (rest * plan.feature).sum(axis=0) / np.maximum(plan.feature.sum(axis=0), 1)


def with_plan(panel: Panel, market: Market) -> Panel:
    """The panel with the plan of a market in the coming weeks."""
    ids = {str(p): k for k, p in enumerate(market.products["product_id"])}
    product = panel.series["product_id"].astype(str).map(ids).to_numpy()
    weeks = slice(panel.n_weeks, panel.n_weeks + CHANGED)
    plan, known = market.plan, dict(panel.known_future)
    columns = {"price": plan.price, "promotion": plan.discount, "feature": plan.feature}
    for name, values in columns.items():
        dense = known[name].dense().copy()
        dense[:, weeks] = values[weeks][:, product].T
        known[name] = replace(known[name], values=dense, index=np.arange(len(dense)))
    return replace(panel, known_future=known)


def expected(market: Market, rows: pd.DataFrame) -> np.ndarray:
    """Expected demand of each row, units."""
    tables = []
    for block in simulate_blocks(market):
        frame = pd.DataFrame(block.latent_mean[-HORIZON:].T, columns=range(1, HORIZON + 1))
        frame["store_id"] = market.stores["store_id"].to_numpy()[block.store]
        frame["product_id"] = market.products["product_id"].astype(str).to_numpy()[block.product]
        tables.append(frame.melt(KEY, var_name="horizon", value_name="expected"))
    found = rows[[*KEY, "horizon"]].astype(dict.fromkeys(KEY, str)).astype({"horizon": object})
    return found.merge(pd.concat(tables), how="left")["expected"].to_numpy(dtype=float)


def trials(region: str, seed: int) -> pd.DataFrame:
    """Rows whose own plan changed, with their true effect."""
    world, rng = make_world(region, seed), np.random.default_rng(seed)
    panel = with_plan(world.panel, world.market)
    before, found = world.score(panel), []
    for number, (kind, market) in enumerate(replans(world.market, rng)):
        chosen = np.ones(panel.n_series, dtype=bool)
        rows = what_if(world.score, panel, with_plan(panel, market), chosen, before).rows
        rows["true_before"] = expected(world.market, rows)
        rows["true_after"] = expected(market, rows)
        rows = rows[rows["is_changed"] & (rows["true_before"] > 0)]
        found.append(rows.assign(kind=kind, company=f"{region} {seed}", number=number))
    return pd.concat(found, ignore_index=True)


def covered(rows: pd.DataFrame) -> pd.DataFrame:
    """Whether each true effect, in expected units, lies inside its interval."""
    effect = rows["true_after"] - rows["true_before"]
    return rows.assign(inside=effect.between(rows["effect_low"], rows["effect_high"]))


def sums(rows: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Groups of rows with their whole effect, true and estimated."""
    found = []
    for key, group in rows.groupby(by):
        true = {n: group[n].sum() for n in ("true_before", "true_after")}
        found.append(dict(zip(by, key, strict=True)) | summed(group) | true)
    return covered(pd.DataFrame(found))


def main() -> None:
    """Print the share of true effects inside the interval."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--first-seed", type=int, default=81)
    parser.add_argument("--companies", type=int, default=12)
    parser.add_argument("--json", type=Path, help="where to write the figures")
    options = parser.parse_args()
    seeds = range(options.first_seed, options.first_seed + options.companies)
    rows = covered(
        pd.concat([trials(REGIONS[s % len(REGIONS)], s) for s in seeds], ignore_index=True)
    )
    by = ["company", "number", "kind"]
    tables = {
        "store, product, week": rows,
        "product": sums(rows, [*by, "product_id"]),
        "all that changed": sums(rows, by),
    }
    figures = pd.DataFrame(
        {name: [len(table), 100 * table["inside"].mean()] for name, table in tables.items()},
        index=["trials", "inside"],
    ).T
    print("80 % intervals of the effect: per cent of true effects inside\n")
    print(figures.round(1).to_string(), "\n")
    for name in ("kind", "company", "velocity"):
        print(rows.groupby(name)["inside"].agg(["size", "mean"]).round(3))
    if options.json:
        options.json.write_text(json.dumps(figures.to_dict("index"), indent=2))


if __name__ == "__main__":
    main()
