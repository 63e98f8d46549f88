"""What a run has made, read from the catalog and told at its end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import pandas as pd
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline

from demand_forecast.framework.segments import Branch, Segment, Segments
from demand_forecast.modelling.evaluation.summary import Judged, RunSummary, summarise
from demand_forecast.registry.addresses import SQLITE, sqlite_file
from demand_forecast.reporting import results
from demand_forecast.reporting.results import Where
from demand_forecast.results_store.dataset import database_of

SUMMARY: Final = "summary"
LEADERBOARD: Final = "leaderboard"
RETRAIN_PLAN: Final = "retrain_plan"
ALERTS: Final = "alerts"
MONITORING: Final = "monitoring_figures"
# Stand for all regions, segments and velocities in a path.
_REGION: Final = "<region>"
_SEGMENT: Final = Segment(_REGION, "<format>")
_BRANCH: Final = Branch(_REGION, "<format>", "<velocity>")


class RunReport(NamedTuple):
    """Reads the small tables of a run; its big ones are left where they are.

    Attributes:
        pipeline: What was run, without nodes that failed or were left out.
        catalog: Of the run.
        plan: Regions and formats of the environment.
        failed: What failed and why, one line each.
    """

    pipeline: Pipeline
    catalog: DataCatalog
    plan: Segments
    failed: Sequence[str] = ()

    def show(self, seconds: Mapping[str, float]) -> None:
        """Print the result of the run, and store the summary of a whole one with its seconds."""
        validated, scored = self._verdicts(), self._made(self._segments, "forecast")
        totals = [self.catalog.load(name) for name in self._control_totals.values()]
        if self._makes(SUMMARY):
            results.print_summary(self._finish_summary(seconds))
        elif validated:
            results.print_outcomes(summarise(validated), bool(self._made(self._branches, "model")))
        if scored:
            results.print_sources(self._sources(scored))
        if self._makes(RETRAIN_PLAN):
            results.print_retraining(self.catalog.load(RETRAIN_PLAN))
        if totals and (validated or scored):
            results.print_rows(totals)
        elif totals:
            results.print_conditioning(totals)
        results.print_seconds(seconds)
        if self._makes(ALERTS):
            results.print_alerts(self.catalog.load(ALERTS))
        results.print_where(self._where())

    @property
    def _segments(self) -> list[str]:
        return [segment.namespace for segment in self.plan.segments]

    @property
    def _branches(self) -> list[str]:
        return [branch.namespace for branch in self.plan.branches]

    @property
    def _control_totals(self) -> dict[str, str]:
        return self._made(self.plan.regions, "control_totals")

    def _makes(self, name: str) -> bool:
        return name in self.pipeline.all_outputs()

    def _made(self, namespaces: Iterable[str], dataset: str) -> dict[str, str]:
        """Full names, by namespace, of the datasets of a kind that the run has made."""
        names = {namespace: f"{namespace}.{dataset}" for namespace in namespaces}
        return {namespace: name for namespace, name in names.items() if self._makes(name)}

    def _finish_summary(self, seconds: Mapping[str, float]) -> RunSummary:
        stored = RunSummary.model_validate(self.catalog.load(SUMMARY))
        summary = stored.model_copy(update={"seconds": dict(seconds), "failed": list(self.failed)})
        self.catalog.save(SUMMARY, summary.model_dump(mode="json"))
        return summary

    def _verdicts(self) -> list[Judged]:
        made = self._made(self._branches, "verdict")
        return [
            Judged(branch.segment.namespace, branch.velocity, self.catalog.load(name))
            for branch in self.plan.branches
            if (name := made.get(branch.namespace))
        ]

    def _sources(self, scored: Iterable[str]) -> pd.DataFrame:
        tables: dict[str, pd.DataFrame] = {
            segment: self.catalog.load(f"{segment}.forecast_sources") for segment in scored
        }
        parts = [table.assign(segment=segment) for segment, table in tables.items()]
        return pd.concat(parts, ignore_index=True)

    def _where(self) -> list[Where]:
        """Where the results are, as the catalog has it."""
        stored = [
            self._one_for_all("forecasts", "forecast", self._segments, _SEGMENT.namespace),
            self._one_for_all("verdicts", "verdict", self._branches, _BRANCH.namespace),
            self._one_for_all("rejected rows", "quarantine", self.plan.regions, _REGION),
            Where("these figures", self._path(SUMMARY)) if self._makes(SUMMARY) else None,
            Where("leaderboard", self._path(LEADERBOARD)) if self._makes(LEADERBOARD) else None,
            Where("retrain plan", self._path(RETRAIN_PLAN)) if self._makes(RETRAIN_PLAN) else None,
            Where("alerts", self._path(ALERTS)) if self._makes(ALERTS) else None,
            published := self._results_store(),
            Where("runs and models", "mlflow ui"),
            Where("pipelines", "kedro viz run"),
            Where("dashboard", "kedro dashboard") if published else None,
        ]
        return [place for place in stored if place]

    def _results_store(self) -> Where | None:
        """The database in which the run has published, if it has."""
        database = database_of(self.pipeline, self.catalog)
        return None if database is None else Where("results in SQL", _from_here(database.shown))

    def _one_for_all(
        self, what: str, dataset: str, namespaces: Iterable[str], any_namespace: str
    ) -> Where | None:
        """The path of what the run has made of a kind; of many, with names that stand for all."""
        made = list(self._made(namespaces, dataset).values())
        if not made:
            return None
        return Where(what, self._path(made[0] if len(made) == 1 else f"{any_namespace}.{dataset}"))

    def _path(self, name: str) -> str:
        """Where a dataset is, from the working directory on if it is inside."""
        config = self.catalog.config_resolver.resolve_pattern(name)
        return _from_here(str(config.get("filepath", name)))


def _from_here(place: str) -> str:
    """A path, or the address of a SQLite file, from the working directory on if it is inside."""
    file, here = sqlite_file(place), Path.cwd()
    path, prefix = (Path(place), "") if file is None else (Path(file), SQLITE)
    return f"{prefix}{path.relative_to(here)}" if path.is_relative_to(here) else place
