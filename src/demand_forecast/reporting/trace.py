"""Follows one forecast number back to raw files and checks every digest, for ``kedro trace``."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple

import pandas as pd
from kedro.io import CatalogProtocol

from demand_forecast.exceptions import ArtefactError, MissingInputError, RegistryError
from demand_forecast.framework import run_context
from demand_forecast.modelling.experiments.assignment import CHALLENGER
from demand_forecast.registry.aliases import registered_version
from demand_forecast.registry.audit import AuditTrail, FileRecord, Manifest, files_of
from demand_forecast.registry.file_records import Files, place_of
from demand_forecast.registry.model_copies import ModelCopies
from demand_forecast.registry.releases import ModelVersion, ReleaseStore
from demand_forecast.reporting import terminal
from demand_forecast.reporting.explanation import check_segment, choose

State = Literal["ok", "replaced", "changed", "missing"]
_DIGITS: Final = 12
_GOOD: Final = frozenset({"ok", "replaced"})
_COLOURS: Final = {"ok": "green", "replaced": "yellow", "changed": "red", "missing": "red"}


class Step(NamedTuple):
    """One link between a number and its raw files.

    Attributes:
        what: What it is, such as ``panel``.
        name: Which one.
        told: What is known of it.
        state: ``ok``; ``replaced`` where a later run has read or written something else at its
            place, as its manifest says; ``changed`` or ``missing`` where nothing accounts for it.
        problem: What is wrong, and where; empty where nothing is.
    """

    what: str
    name: str
    told: str = ""
    state: State = "ok"
    problem: str = ""

    @property
    def is_good(self) -> bool:
        """Whether the link holds."""
        return self.state in _GOOD


class Number(NamedTuple):
    """The number that is traced: a row of a forecast table."""

    namespace: str
    row: pd.Series[Any]

    @property
    def region(self) -> str:
        """Its region."""
        return self.namespace.partition(".")[0]

    @property
    def series(self) -> tuple[str, str]:
        """Its store and product."""
        return str(self.row["store_id"]), str(self.row["product_id"])

    def __str__(self) -> str:
        store, product = self.series
        week = f"{pd.Timestamp(self.row['week']):%Y-%m-%d}"
        order = self.row.get("order_quantity")
        ordered = "" if order is None or pd.isna(order) else f", order {order:.0f}"
        mean = f"mean {self.row['mean']:.1f}{ordered}"
        return f"{self.namespace}, store {store}, product {product}, week {week}: {mean}"


class Training(NamedTuple):
    """How the model behind a number came to be.

    Attributes:
        name: Registered name.
        model: The version.
        manifest: Of the run that trained it.
        panel: What it has learned from.
    """

    name: str
    model: ModelVersion
    manifest: Manifest
    panel: FileRecord


class Traced(NamedTuple):
    """The way back from a number.

    Attributes:
        number: The number; None where the way ends before it.
        steps: The links.
        training: Of its model, where that is known.
    """

    number: Number | None
    steps: list[Step]
    training: Training | None = None

    @property
    def is_good(self) -> bool:
        """Whether every link holds."""
        return all(step.is_good for step in self.steps)


@dataclass(frozen=True)
class Stored:
    """Where an environment keeps what a way back goes through.

    Attributes:
        files: Its files.
        trail: Its manifests.
        releases: Its releases.
        copies: Its copies of models.
    """

    files: Files
    trail: AuditTrail
    releases: ReleaseStore
    copies: ModelCopies

    @classmethod
    def below(cls, data_root: str) -> Stored:
        """All of it below one data root.

        Args:
            data_root: A path or an address.
        """
        models = f"{data_root}/06_models"
        return cls(
            Files(data_root),
            AuditTrail(data_root),
            ReleaseStore(f"{models}/releases"),
            ModelCopies(f"{models}/champions"),
        )


def trace_stored(
    catalog: CatalogProtocol[Any, Any], namespace: str, store: str, product: str, week: str | None
) -> Traced:
    """The way back from the newest forecast of a store and product.

    Args:
        catalog: Of the environment.
        namespace: The segment.
        store: The store.
        product: The product.
        week: Its week, as ``2019-12-28``; the first one if not given.

    Raises:
        ConfigurationError: If there is no such segment, store, product or week.
        MissingInputError: If nothing has been forecast.
    """
    check_segment(namespace)
    name, root = f"{namespace}.forecast", run_context.current().data_root
    if not catalog.exists(name) or root is None:
        raise MissingInputError.of([name], "score")
    place = place_of(catalog.get(name), saved=False)
    assert place is not None  # noqa: S101 - the forecast is a file
    wanted = {"store_id": store, "product_id": product, "week": week}
    return trace(Stored.below(root), namespace, place[0], wanted)


def trace(stored: Stored, namespace: str, forecast: str, wanted: dict[str, str | None]) -> Traced:
    """The way back from a number of a forecast table.

    Args:
        stored: Where things are.
        namespace: The segment.
        forecast: Path of the table.
        wanted: Values of its columns that choose the row; the first one is taken.

    Raises:
        ConfigurationError: If there is no such row.
    """
    manifests, steps = _manifests(stored.trail)
    walk = _Walk(stored, manifests, namespace)
    written = _writer(manifests, stored.files.relative(forecast))
    if written is None:
        told = "no manifest speaks of it: its run was killed, or from before there were any"
        return Traced(None, [*steps, _missing("forecast", forecast, told)])
    manifest, record = written
    step = walk.file("forecast", record, f"version {record.version}, {record.rows} rows")
    steps += [step, _run(manifest)]
    try:
        table = pd.read_parquet(io.BytesIO(stored.files.fs.cat_file(forecast)))
    except (OSError, ValueError):
        return Traced(None, steps)  # its step says that it has changed
    number = Number(namespace, choose(table, **wanted).iloc[0])
    steps += walk.origins(number, manifest)
    return Traced(number, steps, walk.training)


def print_trace(traced: Traced) -> None:
    """Print the way back, and at the end what does not hold."""
    console = terminal.console()
    if traced.number is not None:
        console.print(str(traced.number), markup=False)
    table = terminal.table()
    for column in ("link", "which", "what is known of it", "state"):
        table.add_column(column, overflow="fold")
    for step in traced.steps:
        colour = _COLOURS[step.state]
        table.add_row(step.what, step.name, step.told, f"[{colour}]{step.state}[/]")
    console.print(table)
    for step in traced.steps:
        if not step.is_good:
            said = f"{step.what} {step.name} {step.state}: {step.problem}"
            console.print(said, markup=False, soft_wrap=True)
    if traced.is_good:
        console.print("Every link holds.")


def _manifests(trail: AuditTrail) -> tuple[list[Manifest], list[Step]]:
    """All manifests that can be trusted, the newest first, and how far back the chain holds."""
    manifests: list[Manifest] = []
    try:
        for manifest in trail.chain():
            manifests.append(manifest)
    except ArtefactError as error:
        return manifests, [Step("audit chain", trail.root, "", "changed", str(error))]
    return manifests, [Step("audit chain", trail.root, f"{len(manifests)} manifests")]


def _writer(manifests: list[Manifest], path: str) -> tuple[Manifest, FileRecord] | None:
    """The newest manifest of a run that has written a file, and what it says of it."""
    return next(((m, r) for m in manifests for r in m.outputs if r.path == path), None)


def _run(manifest: Manifest) -> Step:
    changed = f" ({manifest.code.diff[:_DIGITS]})" if manifest.code.diff else ""
    told = (
        f"{manifest.run}, {manifest.status}, by {manifest.who}: {manifest.command}; "
        f"code {manifest.code.commit[:_DIGITS]}{changed}"
    )
    return Step("run", f"manifest {manifest.id}", told)


def _missing(what: str, name: str, problem: str) -> Step:
    return Step(what, name, "", "missing", problem)


@dataclass
class _Walk:
    """The way from a forecast back, one link after the other."""

    stored: Stored
    manifests: list[Manifest]
    namespace: str
    training: Training | None = None
    _newest: dict[str, FileRecord] = field(init=False)

    def __post_init__(self) -> None:
        self._newest = files_of(self.manifests)

    def file(self, what: str, record: FileRecord, told: str = "") -> Step:
        """A file or folder, checked against its record; else against what a later run says."""
        told = f"{told}; {record.sha256[:_DIGITS]}".lstrip("; ")
        problem = self.stored.files.check(record)
        if not problem:
            return Step(what, record.path, told)
        newest = self._newest[record.path]
        if newest.sha256 != record.sha256 and not self.stored.files.check(newest):
            return Step(
                what, record.path, f"{told}, since then {newest.sha256[:_DIGITS]}", "replaced"
            )
        is_there = self.stored.files.record(record.dataset, self.stored.files.absolute(record.path))
        return Step(what, record.path, told, "changed" if is_there else "missing", problem)

    def origins(self, number: Number, manifest: Manifest) -> Iterator[Step]:
        """Model and data behind a number."""
        panels = {}
        if (panel := manifest.find(f"{self.namespace}.panel")) is not None:
            panels[panel.path] = ("panel", panel)
        else:
            yield _missing("panel", self.namespace, f"manifest {manifest.id} names none")
        if not number.row["model_version"]:
            yield Step("model", str(number.row["model_kind"]), "a rule without a stored model")
        else:
            yield from self._model(number, manifest)
            if self.training is not None:
                learned = self.training.panel
                panels.setdefault(learned.path, ("training panel", learned))
        seen: set[str] = set()
        for what, record in panels.values():
            yield self.file(what, record, f"version {record.version}")
            for step in self._data(number, record):
                if step.name + step.told not in seen:
                    seen.add(step.name + step.told)
                    yield step

    def _model(self, number: Number, manifest: Manifest) -> Iterator[Step]:
        """Release or experiment, model, its training and verdict."""
        name, version = str(number.row["model_name"]), str(number.row["model_version"])
        if number.row.get("arm") == CHALLENGER:
            steps, champion = _tried(name, version, str(number.row["experiment"]))
        else:
            steps, champion = self._release(name, version, manifest)
        yield from steps
        if champion is None:
            return
        yield self._stored_model(name, champion)
        self.training = self._training(name, champion)
        if self.training is None:
            told = "no manifest of the run that trained it is in the chain"
            yield _missing("training run", f"{name} v{version}", told)
            return
        yield _run(self.training.manifest)._replace(what="training run")
        if champion.lineage.velocity is not None:
            branch = f"{self.namespace}.{champion.lineage.velocity}"
            yield self._verdict(branch, self.training.manifest)

    def _release(
        self, name: str, version: str, manifest: Manifest
    ) -> tuple[list[Step], ModelVersion | None]:
        """The release of the run that names a version; the one at its end comes first."""
        for reference in filter(None, (manifest.release, manifest.began_with)):
            try:
                release = self.stored.releases.read(reference)
            except ArtefactError as error:
                return [Step("release", reference.id, "", "changed", str(error))], None
            for model, champion in release.versions:
                if (model, champion.version) == (name, version):
                    told = (
                        f"{release.created_at:%Y-%m-%d %H:%M} UTC by {release.who}: {release.why}"
                    )
                    return [Step("release", release.id, told)], champion
        told = f"no release of manifest {manifest.id} names it"
        return [_missing("model", f"{name} v{version}", told)], None

    def _stored_model(self, name: str, champion: ModelVersion) -> Step:
        lineage, digest = champion.lineage, champion.digest or "no digest"
        forced = ", promoted against the gate" if champion.forced else ""
        told = f"{lineage.kind}, data until {lineage.as_of}{forced}; {digest[:_DIGITS]}"
        what = f"{name} v{champion.version}"
        try:
            self.stored.copies.check(name, champion)
        except (ArtefactError, RegistryError, OSError) as error:
            return Step("model", what, told, "changed", str(error))
        return Step("model", what, told)

    def _training(self, name: str, model: ModelVersion) -> Training | None:
        """The run that trained a model: on the same panel, and at work when it was registered."""
        trained_at, digest = model.lineage.trained_at, model.lineage.panel_digest
        for manifest in self.manifests if trained_at else ():
            panel = manifest.find(f"{self.namespace}.panel")
            begun = manifest.started_at.replace(microsecond=0)
            if panel is None or panel.content != digest or trained_at is None:
                continue
            if begun <= trained_at <= manifest.ended_at:
                return Training(name, model, manifest, panel)
        return None

    def _verdict(self, branch: str, training: Manifest) -> Step:
        record, outcome = training.find(f"{branch}.verdict"), training.verdicts.get(branch)
        if record is None or outcome is None:
            return _missing("verdict", branch, f"manifest {training.id} names none")
        told = f"{'passed' if outcome.passed else 'failed'}: {outcome.reason}"
        return self.file("verdict", record, told)

    def _data(self, number: Number, panel: FileRecord) -> Iterator[Step]:
        """Conditioned region, quarantined rows and raw files behind a panel."""
        written = _writer(self.manifests, panel.path)
        region = written and written[0].find(f"{number.region}.conditioned")
        if written is None or region is None:
            yield _missing(
                "conditioned region", number.region, f"no manifest tells that of {panel.path}"
            )
            return
        step = self.file("conditioned region", region)
        yield step
        if step.is_good:
            yield self._quarantine(number, region)
        for record in written[0].inputs:
            if record.dataset.startswith(f"{number.region}.raw_"):
                yield self.file("raw file", record)

    def _quarantine(self, number: Number, region: FileRecord) -> Step:
        """Rejected rows that hold store and product."""
        files = self.stored.files
        text = files.fs.cat_file(f"{files.absolute(region.path)}/quarantine.parquet")
        rows = pd.read_parquet(io.BytesIO(text))
        named = [r for r in rows.itertuples() if _holds(str(r.record), number.series)]
        told = [f"{row.file}, row {row.row}: {row.reason} {row.detail}".rstrip() for row in named]
        return Step("rejected rows", f"{len(named)} of {len(rows)}", "\n".join(told))


def _tried(name: str, version: str, experiment: str) -> tuple[list[Step], ModelVersion | None]:
    """The experiment by which a version has served that no release names."""
    try:
        registered = registered_version(name, version)
    except (ArtefactError, RegistryError) as error:
        return [_missing("model", f"{name} v{version}", str(error))], None
    return [
        Step("experiment", experiment, f"tries version {version}, as the registry has it")
    ], registered


def _holds(record: str, series: tuple[str, str]) -> bool:
    """Whether a rejected row, as JSON, has both store and product among its cells."""
    try:
        cells = {str(cell).strip() for cell in json.loads(record).values()}
    except (ValueError, AttributeError):
        return False
    return set(series) <= cells
