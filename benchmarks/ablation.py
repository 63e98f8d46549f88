"""What each group of features and each member of the ensemble is for: the errors without it.

    python benchmarks/ablation.py --data DIR --json FILE

Some segments of the sample and Dominick's orange juice (``--data``). Each line is an ensemble of
its own, fitted before the first of some rolling origins and replayed at all of them, as in the
validation of a run. *Without* a group means that no member sees its columns, and that its
categories are unknown; demand of past weeks stays cleared of the effect of plans and season.
Figures are means over seeds. How far those of ``everything`` are apart says what chance can do.

The weeks of the orange juice are those of its first rounds, up to T = 133.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from report import ROOT
from sets import panel_of
from tables import region_panel

from demand_forecast.modelling.evaluation.backtest import backtest
from demand_forecast.modelling.evaluation.metrics import MAPE, WAPE_MEDIAN, summarise
from demand_forecast.modelling.evaluation.splits import rolling_origins
from demand_forecast.modelling.features.feature import Feature
from demand_forecast.modelling.features.sample import Sample
from demand_forecast.modelling.features.spec import FeatureSpec
from demand_forecast.modelling.models.ensemble import Ensemble
from demand_forecast.modelling.models.lasso.lasso import Lasso
from demand_forecast.modelling.models.member import Member
from demand_forecast.modelling.models.network.network import Network, NetworkParameters
from demand_forecast.modelling.models.rows import (
    Training,
    forecast_sample,
    neighbours,
    prepare,
)
from demand_forecast.modelling.panel import Group, Panel
from demand_forecast.modelling.velocity import VELOCITIES, classify

SAMPLE, JUICE = "sample", "orange juice"
SEGMENTS = (
    ("north_texas", "large"),
    ("new_england", "small"),
    ("southern_california", "large"),
    ("upper_midwest", "small"),
)
MEASURES = {MAPE: "MAPE", WAPE_MEDIAN: "WAPE of the median"}
SPREAD = "its standard deviation over seeds"
NETWORK = {"seeds": 2, "mape_seeds": 2}
FIRST_WEEK, LAST_WEEK = 40, 136  # of the orange juice; 136 ends the development rounds


@dataclass(frozen=True)
class Case:
    """A panel whose weeks after the first origin are forecast.

    Attributes:
        data: Name of the data.
        panel: All of it.
        mine: ``(series,)`` those that are forecast; the others may be borrowed from.
        leads: Leads in weeks.
        origins: Rolling origins.
        steps: Fewest steps of a network's training.
    """

    data: str
    panel: Panel
    mine: np.ndarray
    leads: list[int]
    origins: list[pd.Timestamp]
    steps: int

    def training(self, seed: int) -> Training:
        """The rows of the weeks up to the first origin."""
        past = self.panel.until(self.origins[0])
        pool = neighbours(past, self.mine, borrow=True)
        return prepare(past.select(self.mine), self.leads, seed, pool)


class Variant:
    """An ensemble that does not see some features.

    Args:
        members: Its members, by name.
        without: The group of features that is left out, if any.
    """

    def __init__(self, members: dict[str, Member], without: Group | None = None) -> None:
        self.members, self.without = members, without

    def fit_training(self, training: Training, leads: Sequence[int], seed: int) -> Variant:
        """Fit on prepared rows, less the group."""
        self.spec_, self.features_ = training.spec, training.features
        new = training.newcomers
        seen = replace(
            training,
            sample=self._seen(training.sample),
            features=[feature for feature in training.features if self._sees(feature)],
            newcomers=None if new is None else self._seen(new),
        )
        self.ensemble_ = Ensemble(self.members, leads=leads, seed=seed).fit_training(seen)
        return self

    def predict(self, panel: Panel, as_of: pd.Timestamp, horizon: int) -> pd.DataFrame:
        """Forecast as the ensemble does, less the group."""
        sample = self._seen(forecast_sample(panel, self.spec_, as_of, horizon))
        return self.ensemble_.frame(panel, as_of, sample, *self.ensemble_.predict_sample(sample))

    def _sees(self, feature: Feature) -> bool:
        return feature.group != self.without

    def _seen(self, sample: Sample) -> Sample:
        """The columns that are left; the codes of the group's categories are those of unknown."""
        kept = [self._sees(feature) for feature in self.features_]
        known = [category.group != self.without for category in self.spec_.embedded]
        return replace(sample, x=sample.x[:, kept], codes=sample.codes * np.array(known))


def variants(steps: int, groups: Sequence[Group]) -> Iterator[tuple[str, Variant]]:
    """The lines of the table: everything, without each group and each member."""
    network = Network(NetworkParameters(**NETWORK, min_steps=steps))
    of_quantiles = Network(NetworkParameters(**NETWORK | {"mape_seeds": 0}, min_steps=steps))
    both: dict[str, Member] = {"lasso": Lasso(), "network": network}
    yield "everything", Variant(both)
    for group in groups:
        yield f"without {group}", Variant(both, group)
    yield "LASSO alone", Variant({"lasso": Lasso()})
    yield "network alone", Variant({"network": network})
    yield "without MAPE networks", Variant({"lasso": Lasso(), "network": of_quantiles})


def sample_cases(raw: Path) -> Iterator[Case]:
    """Both velocities of some segments of the sample, horizon and origins as in a run."""
    for region, store_format in SEGMENTS:
        panel = region_panel(raw, region, store_format)
        origins = rolling_origins(panel, 8, horizon=4, step=1)
        classes = classify(panel.until(origins[0]))["velocity"]
        for velocity in VELOCITIES:
            mine = (classes == velocity).to_numpy()
            yield Case(SAMPLE, panel, mine, [1, 2, 3, 4], origins, steps=50)


def juice_case(folder: Path) -> Case:
    """The orange juice, two and three weeks ahead, twelve origins two weeks apart."""
    panel = panel_of("oj", folder)
    panel = panel.until(panel.weeks[LAST_WEEK - FIRST_WEEK])
    origins = rolling_origins(panel, 12, horizon=3, step=2)
    return Case(JUICE, panel, np.ones(panel.n_series, dtype=bool), [2, 3], origins, steps=300)


def groups_of(features: Sequence[Feature], spec: FeatureSpec) -> list[Group]:
    """Groups that have a column or a category."""
    there = {item.group for item in (*features, *spec.embedded)}
    return [group for group in Group if group in there]


def replay(case: Case, seed: int) -> pd.DataFrame:
    """Backtest of every variant, with the columns ``data`` and ``seed``."""
    training, part = case.training(seed), case.panel.select(case.mine)
    groups = groups_of(training.features, training.spec)
    models = {
        name: variant.fit_training(training, case.leads, seed)
        for name, variant in variants(case.steps, groups)
    }
    table = backtest(models, part, case.origins, max(case.leads))
    return table[table["horizon"].isin(case.leads)].assign(data=case.data, seed=seed)


def figures(rows: pd.DataFrame) -> pd.DataFrame:
    """MAPE and WAPE by variant and data: means over seeds, and how far these are apart."""
    table = summarise(rows, ["data", "model", "seed"], tuple(MEASURES))
    names = [metric.name for metric in MEASURES]
    means, spreads = (table.pivot_table(names, "model", "data", how) for how in ("mean", "std"))
    lines = pd.concat([means, spreads.loc[["everything"]].rename({"everything": SPREAD})])
    models = rows["model"].unique()
    return lines.loc[[*models[:1], SPREAD, *models[1:]]].swaplevel(axis=1)[[SAMPLE, JUICE]]


def markdown(table: pd.DataFrame) -> str:
    """The table as it stands in the documentation, per cent."""
    names = {metric.name: words for metric, words in MEASURES.items()}
    head = ["", *(f"{data}: {names[metric]}" for data, metric in table.columns)]
    lines = [head, ["---", *["---:"] * len(table.columns)]]
    for name, values in table.iterrows():
        shown = ["" if np.isnan(value) else f"{value:.1f}" for value in values]
        lines.append([str(name).replace("_", " "), *shown])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data" / "oj")
    parser.add_argument("--raw", type=Path, default=ROOT / "data" / "01_raw", help="the sample")
    parser.add_argument("--seeds", type=int, default=3, help="seeds that figures are means of")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    options = parser.parse_args()
    start, parts = time.perf_counter(), []
    for case in (*sample_cases(options.raw), juice_case(options.data)):
        parts += [replay(case, seed) for seed in range(options.seeds)]
        print(f"{time.perf_counter() - start:5.0f} s", case.data, case.panel.region, flush=True)
    table = figures(pd.concat(parts, ignore_index=True))
    print(f"\n{markdown(table)}")
    if options.json:
        options.json.write_text(table.to_json(orient="split", indent=2))


if __name__ == "__main__":
    main()
