"""A small company that lives with the project week after week, and what is seen of each week."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import yaml
from click.testing import Result
from deliveries import Change, Region
from omegaconf import OmegaConf
from project import Project

from demand_forecast.modelling.columns import BRANCH
from demand_forecast.registry.audit import AuditTrail, Manifest
from demand_forecast.registry.releases import Release, ReleaseStore

WEEKLY_RUN = "--pipelines=score,monitor"
_TRIED = "tried on these very data: "
_NEXT_TRY = "Next try with data until "
_PATIENCE = 300  # seconds


class Served(NamedTuple):
    """Where the newest forecasts of a model come from."""

    source: str
    version: str
    reason: str
    as_of: date


class Alert(NamedTuple):
    """What a person is told."""

    severity: str
    what: str
    where: str


@dataclass(frozen=True)
class Week:
    """What a week was like.

    Attributes:
        until: Its last day.
        events: What happened, for people.
        retrained: How ``kedro retrain`` ended.
        scored: How the weekly run ended.
        reasons: Reasons for training by model, as ``kedro retrain`` has told them.
        refused: Why the gate refused the models of this week, by model.
        waiting: Models whose recipe was refused before and is not tried again yet.
        release: In force at the end.
        served: By model.
        alerts: The worst first.
        manifests: Of all runs so far, the newest first; their chain was verified.
    """

    until: date
    events: tuple[str, ...]
    retrained: Result
    scored: Result
    reasons: dict[str, str]
    refused: dict[str, str]
    waiting: set[str]
    release: Release
    served: dict[str, Served]
    alerts: list[Alert]
    manifests: list[Manifest]

    @property
    def sources(self) -> dict[str, set[str]]:
        """Models by the source of their forecasts."""
        found: dict[str, set[str]] = {}
        for name, served in self.served.items():
            found.setdefault(served.source, set()).add(name)
        return found

    @property
    def released(self) -> set[str]:
        """Ensembles that serve since the release in force, without the environment's name."""
        names = {name.partition(".")[2] for name in self.release.changed}
        return {name for name in names if not name.endswith(".baseline")}


@dataclass
class Company:
    """A project, what will be delivered to it, and the weeks behind it.

    Attributes:
        project: Its copy of the project.
        regions: All that each region will deliver.
        until: Last day of the newest week.
        weeks: The weeks so far.
    """

    project: Project
    regions: dict[str, Region]
    until: date
    weeks: list[Week] = field(default_factory=list)

    def change(self, region: str, change: Change) -> None:
        """Something is different in the files of a region, those to come included."""
        self.regions[region] = self.regions[region].changed(change)

    def configure(self, path: str, values: Mapping[str, Any]) -> None:
        """Change parameters in a file; it is made if there is none."""
        file = self._parameters / path
        before = file.read_text() if file.exists() else ""
        merged = OmegaConf.merge(yaml.safe_load(before) or {}, dict(values))
        file.write_text(OmegaConf.to_yaml(merged))

    def take_back(self, path: str) -> None:
        """Remove a file of parameters."""
        (self._parameters / path).unlink()

    def deliver(self, *, late: Sequence[str] = ()) -> None:
        """A week has passed: the files of all regions come, but for those that are late."""
        self.until += timedelta(weeks=1)
        for name, region in self.regions.items():
            if name not in late:
                region.deliver(self.raw(name), self.until)
        monday = self.until + timedelta(days=2)
        self.configure("monitoring.yml", {"monitoring": {"today": monday.isoformat()}})

    def week(self, *events: str) -> Week:
        """Retrain what needs it, score, watch, and look at what came of it."""
        plans = [self.run("retrain"), self._plan()]
        runs = [self.run("run", WEEKLY_RUN), self._plan()]
        week = Week(
            until=self.until,
            events=events,
            retrained=plans[0],
            scored=runs[0],
            reasons={_name(row): row["reasons"] for row in _told(plans[1])},
            refused=dict(_refused(runs[1])),
            waiting={_name(row) for row in _told(plans[1]) if _NEXT_TRY in row["details"]},
            release=self.release,
            served=dict(self._served()),
            alerts=[Alert(*row) for row in self._alerts().itertuples(index=False)],
            manifests=list(AuditTrail(str(self.data)).chain()),
        )
        self.weeks.append(week)
        return week

    def run(self, command: str, *options: str) -> Result:
        """A command as it is typed."""
        return self.project.command(*options, of=command)

    def kill_retraining(self) -> None:
        """Retrain in another process, and kill it between a promotion and the release."""
        process = self.project.start(of="retrain")
        staged, until = self.data / "06_models/releases/staged", time.monotonic() + _PATIENCE
        while not list(staged.glob("*/*.json")):
            assert process.poll() is None and time.monotonic() < until, process.communicate()
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=30)
        assert process.returncode == -signal.SIGKILL

    def raw(self, region: str) -> Path:
        """Folder of a region's raw files."""
        return self.data / "01_raw" / region

    @property
    def data(self) -> Path:
        """Where all data are."""
        return self.project.root / "data"

    @property
    def release(self) -> Release:
        """The release in force."""
        found = ReleaseStore(str(self.data / "06_models/releases")).current()
        assert found is not None
        return found

    @property
    def _parameters(self) -> Path:
        return self.project.root / "conf/base/parameters"

    def _plan(self) -> pd.DataFrame:
        return pd.read_csv(_newest(self.data / "08_reporting/retrain_plan.csv"), dtype=str)

    def _alerts(self) -> pd.DataFrame:
        return pd.read_csv(_newest(self.data / "08_reporting/alerts.csv"))[list(Alert._fields)]

    def _served(self) -> Iterator[tuple[str, Served]]:
        """Where the newest forecasts of each model come from: all of them from one place."""
        columns = [*BRANCH, "source", "model_version", "reason", "as_of"]
        for dataset in sorted((self.data / "07_model_output").glob("*/*/forecast.parquet")):
            table = pd.read_parquet(_newest(dataset), columns=columns).drop_duplicates()
            for row in table.to_dict("records"):
                served = Served(
                    row["source"], row["model_version"], row["reason"], row["as_of"].date()
                )
                yield _name(row), served


def _newest(dataset: Path) -> Path:
    """The newest version of a file."""
    return max(dataset.glob(f"*/{dataset.name}"))


def _name(row: Mapping[Any, Any]) -> str:
    return ".".join(str(row[part]) for part in BRANCH)


def _told(plan: pd.DataFrame) -> Iterator[Mapping[Any, Any]]:
    """The rows of a plan that have a reason."""
    yield from plan.dropna(subset="reasons").to_dict("records")


def _refused(plan: pd.DataFrame) -> Iterator[tuple[str, str]]:
    """Models that were tried on the data of the plan and refused, with the reason."""
    for row in _told(plan):
        _, tried, why = row["details"].partition("; ")[0].partition(_TRIED)
        if tried:
            yield _name(row), why
