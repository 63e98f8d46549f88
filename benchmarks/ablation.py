"""What each part of the ensemble is for: errors on every set of the suite without it.

    python benchmarks/ablation.py --data DIR --jobs 2 --json FILE

For each set the ensemble is fitted before the newest block of its protocol, with everything and
with one part left out: a group of features, a way of making features, a member, or a step after
them. Ratios of errors to those with everything are above 1 where the part is needed. *Another seed*
leaves nothing out: it says what chance can do.

*Without* features means that no member sees their columns, and that categories of the group are
unknown; demand of past weeks stays cleared of the effect of plans and season. Members are fitted
once; without one of them the others are weighted and calibrated anew. The network and the trees are
fitted anew without the LASSO, which says what sold-out weeks would have been.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from copy import copy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from report import OURS, figures
from sets import DataSet, SetParameters, blocks, read
from suite import ROOT, chosen, progress, scored

from demand_forecast.exceptions import NotEnoughHistoryError
from demand_forecast.modelling.arrays import Array
from demand_forecast.modelling.evaluation.backtest import backtest
from demand_forecast.modelling.features.feature import Derivation, Feature
from demand_forecast.modelling.features.plain import BASE
from demand_forecast.modelling.features.sample import Sample
from demand_forecast.modelling.models.calibration.conformal import Calibration
from demand_forecast.modelling.models.ensemble import DEFAULT_MEMBERS, Ensemble, EnsembleParameters
from demand_forecast.modelling.models.member import Member
from demand_forecast.modelling.models.rows import Training, forecast_sample
from demand_forecast.modelling.panel import Group, Panel

COMPARED = ("MAPE", "WAPE", "RMSSE", "pinball")
CHANCE = "another seed"
FAMILIES = {
    "depth of cuts": {Derivation.DEEP, Derivation.CUT_DEEP},
    "plans of the weeks before": {
        Derivation.LAST_WEEK,
        Derivation.BEFORE,
        Derivation.CUT_LAST_WEEK,
        Derivation.CUT_BEFORE,
    },
    "plans of others": {
        Derivation.OTHER_PRODUCTS,
        Derivation.OTHER_STORES,
        Derivation.CUT_OTHER_PRODUCTS,
        Derivation.LOWEST,
    },
    "pairs of plans": {Derivation.INTERACTION, Derivation.OF_PRODUCT},
    "effect of plans": {Derivation.EFFECT},
    "similar plans": {Derivation.SIMILAR_PLANS},
    "last year": {Derivation.LAST_YEAR},
}
_LAST_YEAR = "last_year"


@dataclass(frozen=True)
class Hidden:
    """What a model does not see.

    Attributes:
        group: A group of features.
        family: Ways of making features.
    """

    group: Group | None = None
    family: frozenset[Derivation] = frozenset()

    def has(self, feature: Feature) -> bool:
        """Whether a feature is one of those."""
        return feature.group == self.group or feature.derivation in self.family

    def has_plain(self, name: str, groups: Mapping[str, Group]) -> bool:
        """Whether a column of the past as it was is one of those.

        Args:
            name: Its name.
            groups: Group of each plan.
        """
        if name.startswith(_LAST_YEAR):
            return self.group == Group.SEASON or Derivation.LAST_YEAR in self.family
        plans = [plan for plan in groups if name.startswith(f"{plan}_")]
        return (groups[max(plans, key=len)] if plans else Group.LEVEL) == self.group


class Partial(Ensemble):
    """An ensemble that does not see some features, or has members that are fitted already."""

    hidden = Hidden()
    fitted: Mapping[str, Member] | None = None
    aims = True

    def fit_training(self, training: Training) -> Partial:
        """Fit on prepared rows, less what is not seen."""
        groups = {plan.name: plan.group for plan in training.spec.plans}
        self.seen_ = np.array([not self.hidden.has(f) for f in training.features])
        self.known_ = np.array([c.group != self.hidden.group for c in training.spec.embedded])
        plain = [self.hidden.has_plain(name, groups) for name in training.plain_names]
        self.missing_ = np.array(plain, dtype=bool) & (np.arange(len(plain)) != BASE)
        new = training.newcomers
        super().fit_training(
            replace(
                training,
                sample=self.masked(training.sample),
                newcomers=None if new is None else self.masked(new),
            )
        )
        return self

    def masked(self, sample: Sample) -> Sample:
        """Rows in which what is not seen is zero, an unknown category or missing."""
        plain = sample.plain
        if self.missing_.any():
            plain = plain.copy()
            plain[:, self.missing_] = np.nan
        return replace(
            sample, x=sample.x * self.seen_, codes=sample.codes * self.known_, plain=plain
        )

    def _fit_members(self, training: Training) -> dict[str, Member]:
        return super()._fit_members(training) if self.fitted is None else dict(self.fitted)

    def _predict_rows(self, sample: Sample) -> tuple[Array, Array | None]:
        quantiles, aim = super()._predict_rows(sample)
        return quantiles, aim if self.aims else None


class Shared:
    """A fitted model that takes the rows of a forecast from a store that all share."""

    def __init__(self, model: Partial, samples: dict[pd.Timestamp, Sample]) -> None:
        self.model, self.samples = model, samples

    def predict(self, panel: Panel, as_of: pd.Timestamp, horizon: int) -> pd.DataFrame:
        """Forecast as the model does."""
        model = self.model
        if as_of not in self.samples:
            self.samples[as_of] = forecast_sample(panel, model.spec_, as_of, horizon)
        sample = model.masked(self.samples[as_of])
        return model.frame(panel, as_of, sample, *model.predict_sample(sample))


def variants(training: Training, leads: Sequence[int]) -> Iterator[tuple[str, Partial]]:
    """Fitted ensembles by what they lack, the whole one first."""

    def fit(hidden: Hidden = Hidden(), without: str | None = None, seed: int = 0) -> Partial:
        given: dict[str, Any] = {without: None} if without else {}
        own = EnsembleParameters.model_validate(given)
        model = Partial.from_parameters(own, max(leads)).clone(leads=leads, seed=seed)
        model.hidden = hidden
        return model.fit_training(training)

    def blend(members: Iterable[str]) -> Partial:
        fitted = {name: whole.members_[name] for name in members}
        model = Partial(fitted, leads=leads, seed=whole.seed)
        model.fitted = fitted
        return model.fit_training(training)

    whole = fit()
    yield OURS, whole
    yield CHANCE, fit(seed=1)
    there = {item.group for item in (*training.features, *training.spec.embedded)}
    for group in (group for group in Group if group in there):
        yield f"features: {group.replace('_', ' ')}", fit(Hidden(group))
    made = {feature.derivation for feature in training.features}
    for name, family in FAMILIES.items():
        if made & set(family):
            yield f"features: {name}", fit(Hidden(family=frozenset(family)))
    yield f"member: {DEFAULT_MEMBERS[0]}", fit(without=DEFAULT_MEMBERS[0])
    for name in DEFAULT_MEMBERS[1:]:
        yield f"member: {name}", blend(other for other in DEFAULT_MEMBERS if other != name)
    without_aims = copy(whole)
    without_aims.aims = False
    yield "step: MAPE networks", without_aims
    for name, calibration in uncalibrated(whole.calibration_).items():
        model = copy(whole)
        model.calibration_ = calibration
        yield f"step: {name}", model


def uncalibrated(whole: Calibration) -> dict[str, Calibration]:
    """A calibration less one of its steps."""
    return {
        "conformal shifts": replace(whole, shifts=np.zeros_like(whole.shifts)),
        "factor of the mean": replace(whole, mean_factor=1.0),
    }


def run(name: str, parameters: SetParameters, data: Path) -> dict[str, dict[str, float]]:
    """Errors of one set by what was left out; nothing where history is too short."""
    warnings.simplefilter("ignore")
    given = read(name, parameters, data)
    try:
        rows = replayed(given)
    except NotEnoughHistoryError as error:
        progress(name, f"left out: {error}")
        return {}
    table = figures(scored(given, rows), parameters.mape_from).set_index("model")
    table = table.loc[rows["model"].unique(), [*COMPARED, "bias", "cover 80"]].astype(float)
    return {str(part): errors.to_dict() for part, errors in table.iterrows()}


def replayed(given: DataSet) -> pd.DataFrame:
    """Backtest of every variant over the newest block of a set."""
    leads = given.parameters.protocol.leads
    panel, positions = blocks(given, full=False, origins=None)[0]
    origins = [pd.Timestamp(panel.weeks[position]) for position in positions]
    past = panel.until(origins[0], max_future=max(leads))
    whole = Ensemble.from_parameters(EnsembleParameters(), max(leads)).clone(leads=leads)
    samples: dict[pd.Timestamp, Sample] = {}
    parts = []
    for name, model in variants(whole.prepare(past), leads):
        parts.append(backtest({name: Shared(model, samples)}, panel, origins, max(leads)))
        progress(given.name, name)
    rows = pd.concat(parts, ignore_index=True)
    return rows[rows["horizon"].isin(leads)].assign(own=True, seconds=np.nan)


def ratios(results: Mapping[str, Mapping[str, Mapping[str, float]]], measure: str) -> pd.DataFrame:
    """Errors without a part, as ratios to those with everything: a row for each set."""
    table = {
        name: {part: own[measure] / errors[OURS][measure] for part, own in errors.items()}
        for name, errors in results.items()
    }
    return pd.DataFrame(table).T.drop(columns=OURS).round(3)


def summary(results: Mapping[str, Mapping[str, Mapping[str, float]]]) -> pd.DataFrame:
    """For each part the geometric means of the ratios, and on how many sets it helps and harms."""
    tables = {measure: ratios(results, measure) for measure in COMPARED}
    lines = pd.DataFrame({m: np.exp(np.log(t).mean()).round(3) for m, t in tables.items()})
    for measure in ("MAPE", "WAPE"):
        table = tables[measure]
        lines[f"{measure}: helps"] = (table > 1.01).sum()
        lines[f"{measure}: harms"] = (table < 0.99).sum()
    return lines.assign(sets=tables["WAPE"].notna().sum())


def markdown(table: pd.DataFrame) -> str:
    """A table, for a page."""
    head = ["", *(str(column) for column in table.columns)]
    lines = [head, ["---", *["---:"] * table.shape[1]]]
    for name, values in table.iterrows():
        lines.append([str(name), *("" if np.isnan(v) else f"{v:g}" for v in values)])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--sets", nargs="+", help="some sets by name")
    parser.add_argument("--jobs", type=int, default=1, help="sets run at a time")
    parser.add_argument("--json", type=Path, help="where to write the errors")
    options = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(options.jobs, context, max_tasks_per_child=1) as pool:
        runs = {
            name: pool.submit(run, name, own, options.data) for name, own in chosen(options).items()
        }
        results = {}
        for name, future in runs.items():
            if errors := future.result():
                results[name] = errors
            if options.json:  # what is there is kept, should the next set fail
                options.json.write_text(json.dumps(results, indent=2))
    print(markdown(summary(results)))
    for measure in ("MAPE", "WAPE"):
        print(f"\n{measure}\n\n{markdown(ratios(results, measure))}")


if __name__ == "__main__":
    main()
