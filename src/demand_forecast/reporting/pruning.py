"""Removes what is old and needed by nobody, for ``kedro prune``."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import takewhile
from pathlib import PurePosixPath
from typing import Any, Final, NamedTuple

import pandas as pd
from kedro.framework.context import KedroContext
from kedro.io import CatalogProtocol
from kedro.io.core import generate_timestamp

from demand_forecast.datasets.stored_versions import (
    StoredVersion,
    StoredVersions,
    is_stamp,
    moment_of,
)
from demand_forecast.exceptions import ConfigurationError, RegistryError
from demand_forecast.framework import run_context
from demand_forecast.framework.locks import hold
from demand_forecast.modelling.experiments.parameters import ExperimentParameters
from demand_forecast.modelling.lifecycle.changes import learned_version
from demand_forecast.modelling.lifecycle.lineage import Lineage
from demand_forecast.modelling.lifecycle.monitoring import MonitoringParameters
from demand_forecast.modelling.lifecycle.versions import judging_version
from demand_forecast.registry import availability
from demand_forecast.registry.addresses import rooted
from demand_forecast.registry.audit import AuditTrail
from demand_forecast.registry.file_records import Files
from demand_forecast.registry.old_versions import delete_version, old_versions
from demand_forecast.registry.releases import ModelVersion, Release
from demand_forecast.reporting import terminal
from demand_forecast.reporting.model_releases import Models, load_models

Catalog = CatalogProtocol[Any, Any]
Shelves = Mapping[str, StoredVersions]
_AGE: Final = re.compile(r"([1-9]\d{0,3})([dw])")
_DAYS: Final = {"d": 1, "w": 7}
_LISTED: Final = 20
_MEGABYTE: Final = 1e6
_COPIES, _NOTES = "copies of champions", "notes of runs"
_REGISTERED: Final = "registered models"


class Stored(NamedTuple):
    """One thing that is kept or removed as a whole.

    Attributes:
        kind: What it is, such as ``panel``.
        files: How many.
        size: Of them, bytes.
        keep: Whether it stays.
        remove: Removes it.
    """

    kind: str
    files: int
    size: int
    keep: bool
    remove: Callable[[], None]


class Inventory(NamedTuple):
    """What is stored.

    Attributes:
        stored: What is kept or removed.
        others: Paths among versions that are none; they are left alone.
    """

    stored: list[Stored]
    others: list[str]


def parse_age(text: str) -> timedelta:
    """An age in weeks or days.

    >>> parse_age("8w"), parse_age("60d")
    (datetime.timedelta(days=56), datetime.timedelta(days=60))

    Raises:
        ConfigurationError: If it is none.
    """
    match = _AGE.fullmatch(text.strip().lower())
    if match is None:
        raise ConfigurationError(
            f"--keep: '{text}' is no age. Valid: weeks or days, such as 8w or 60d."
        )
    return timedelta(days=int(match[1]) * _DAYS[match[2]])


def prune(
    context: KedroContext, keep: timedelta, dry_run: bool, registry: bool = False
) -> Inventory:
    """Remove what is older and needed by nobody, while no run of the environment is at work.

    Args:
        context: Of the environment.
        keep: What is younger stays.
        dry_run: Only look.
        registry: Delete versions of registered models as well.

    Returns:
        What there was.

    Raises:
        ConfigurationError: If the environment has no data root.
        RunInProgressError: If a run goes on for too long.
        ArtefactError: If a release or a manifest is not what was written: then nobody knows what is
            needed.
    """
    limit = datetime.now(UTC) - keep
    if dry_run:
        return take_stock(context, limit, registry)
    run = run_context.current()
    if run.data_root is None:
        raise ConfigurationError("globals.yml names no data_root: it is not known what is stored.")
    version = generate_timestamp()
    with hold(run.data_root, run.segments.regions, version, run.patience):
        inventory = take_stock(context, limit, registry)
        for stored in inventory.stored:
            if not stored.keep:
                stored.remove()
        _sweep(context)
    return inventory


def take_stock(context: KedroContext, limit: datetime, registry: bool) -> Inventory:
    """What is stored, and what of it stays.

    Args:
        context: Of the environment.
        limit: What was made since then stays.
        registry: Look at the versions of registered models as well.

    Raises:
        RegistryError: If the registry is asked, or only it could tell what serves, and it does not
            answer.
    """
    catalog, models = context.catalog, load_models(context.catalog)
    if models.releases.reference() is None and (trouble := availability.trouble()):
        raise RegistryError(f"no release yet, and what serves cannot be asked for: {trouble}")
    releases = models.releases.since(limit)
    needed = [version for release in releases for _, version in release.versions]
    versions, others = _versions(catalog, _shelves(context), limit, needed)
    in_use = _in_use(models, limit, releases) | _tried(catalog, models.environment)
    stored = [*versions, *_notes(models, limit), *_copies(models, in_use)]
    if registry:
        stored += _registered(models, limit, in_use)
    return Inventory(stored, others)


def print_inventory(inventory: Inventory, dry_run: bool) -> None:
    """Print by kind what is removed and what is kept, and what was left alone.

    Args:
        inventory: What there was.
        dry_run: Whether nothing was removed.
    """
    console = terminal.console()
    table = terminal.table()
    table.add_column("what")
    removed = "would be removed" if dry_run else "removed"
    for name in (removed, "files", "MB", "kept", "files", "MB"):
        table.add_column(name, justify="right")
    for kind, row in summary(inventory.stored).iterrows():
        table.add_row(
            str(kind), *(f"{v:,.1f}" if "MB" in str(k) else f"{v:,.0f}" for k, v in row.items())
        )
    console.print(table)
    for path in inventory.others[:_LISTED]:
        console.print(f"left alone, it is no version: {path}", markup=False)
    if len(inventory.others) > _LISTED:
        console.print(f"and {len(inventory.others) - _LISTED} more that are no versions")


def summary(stored: Iterable[Stored]) -> pd.DataFrame:
    """Number, files and megabytes of what is removed and kept: by kind, and all in the last row."""
    rows = []
    for item in stored:
        counts = [1, item.files, item.size / _MEGABYTE]
        rows.append(
            [
                item.kind,
                *([0, 0, 0.0] if item.keep else counts),
                *(counts if item.keep else [0, 0, 0.0]),
            ]
        )
    columns = ["kind", "removed", "files", "MB", "kept", "files kept", "MB kept"]
    table = pd.DataFrame(rows, columns=columns).groupby("kind", sort=False).sum()
    table.loc["all"] = table.sum()
    return table


def _shelves(context: KedroContext) -> dict[str, StoredVersions]:
    """Where the versions of each kind of dataset lie, by its name in the catalog."""
    shelves: dict[str, StoredVersions] = {}
    addresses = set()
    for name, entry in dict(context.config_loader["catalog"]).items():
        if isinstance(entry, Mapping) and entry.get("versioned"):
            address = rooted(str(entry["filepath"]), context.project_path)
            if address not in addresses:  # two entries may be views of the same files
                shelves[name] = StoredVersions(address)
            addresses.add(address)
    return shelves


def _versions(
    catalog: Catalog, shelves: Shelves, limit: datetime, models: Iterable[ModelVersion]
) -> tuple[list[Stored], list[str]]:
    """Versions of datasets, and paths that are none."""
    looked = {name: shelf.look() for name, shelf in shelves.items()}
    old = {v.path for versions, _ in looked.values() for v in versions if _is_old(v.stamp, limit)}
    needed = _needed(catalog, shelves, models) | _referred(limit) if old else set()
    counts = {
        "forecast": MonitoringParameters.model_validate(catalog.load("params:monitoring")).past_runs
    }
    stored = []
    for name, (versions, _) in looked.items():
        kind = name.rpartition(".")[2]
        stays = needed | _newest(versions, counts.get(kind, 1))
        for version in versions:
            keep = version.path not in old or version.path in stays
            remove = partial(shelves[name].remove, version)
            stored.append(Stored(kind, version.files, version.size, keep, remove))
    return stored, [path for _, others in looked.values() for path in others]


def _is_old(stamp: str, limit: datetime) -> bool:
    return moment_of(stamp) < limit


def _newest(versions: Iterable[StoredVersion], count: int) -> set[str]:
    """Paths of the newest versions of each dataset."""
    by_folder: dict[str, list[str]] = {}
    for version in versions:
        by_folder.setdefault(version.folder, []).append(version.path)
    return {path for paths in by_folder.values() for path in sorted(paths)[-count:]}


def _needed(catalog: Catalog, shelves: Shelves, models: Iterable[ModelVersion]) -> set[str]:
    """Paths of all that the runs have stored of a place in which a model was trained or judged.

    The panel that a model has learned is what today's is compared with, and the backtest that it
    was judged on what came of its forecasts; the verdict and the control totals lie beside them.
    """
    paths = set()
    for lineage in {model.lineage.model_dump_json(): model.lineage for model in models}.values():
        places = lineage.model_dump(
            include={"region", "store_format", "velocity"}, exclude_none=True
        )
        for run in set(_runs_of(catalog, lineage)):
            inside = [s for s in shelves.values() if s.places and s.places <= places.keys()]
            paths |= {f"{shelf.folder(**places)}/{run}" for shelf in inside}
    return paths


def _referred(limit: datetime) -> set[str]:
    """Paths of the versions that runs since then have read, as their manifests say."""
    root = run_context.current().data_root
    if root is None:
        return set()
    files, trail = Files(root), AuditTrail(root)
    manifests = takewhile(lambda manifest: manifest.ended_at >= limit, trail.chain())
    records = (record for manifest in manifests for record in manifest.files)
    return {str(PurePosixPath(files.absolute(r.path)).parent) for r in records if r.version}


def _runs_of(catalog: Catalog, lineage: Lineage) -> Iterator[str]:
    """The runs that have stored a model's panel and backtest, as monitoring finds them."""
    segment = f"{lineage.region}.{lineage.store_format}"
    if panel := learned_version(lineage, catalog.load(f"{segment}.past_panels")):
        yield panel[0]
    if lineage.velocity is not None:
        backtests = catalog.load(f"{segment}.{lineage.velocity}.past_backtests")
        if backtest := judging_version(lineage, backtests):
            yield backtest[0]


def _notes(models: Models, limit: datetime) -> Iterator[Stored]:
    """What runs have staged; a release has taken it up, or never will."""
    releases = models.releases
    for run in releases.staged_runs():
        keep = not is_stamp(run) or not _is_old(run, limit)
        yield Stored(_NOTES, *releases.staged_size(run), keep, partial(releases.drop_staged, run))


def _in_use(models: Models, limit: datetime, releases: Iterable[Release]) -> set[tuple[str, str]]:
    """Names and versions of the models of some releases; a run at work has staged others."""
    needed = {(n, v.version) for release in releases for n, v in release.versions}
    for run in models.releases.staged_runs():
        if not is_stamp(run) or not _is_old(run, limit):
            needed |= {(n, v.version) for n, v in models.releases.staged(run).items()}
    return needed


def _tried(catalog: Catalog, environment: str) -> set[tuple[str, str]]:
    """Names and versions of the models that experiments try."""
    rules = ExperimentParameters.model_validate(catalog.load("params:experiments"))
    return {
        (f"{environment}.{model}", str(version))
        for plan in rules.plans.values()
        for model, version in plan.challengers.items()
    }


def _copies(models: Models, in_use: set[tuple[str, str]]) -> Iterator[Stored]:
    """Copies of champions."""
    copies = next(iter(models.datasets.values())).copies
    for copy in copies.held():
        yield Stored(_COPIES, *copies.size(*copy), copy in in_use, partial(copies.forget, *copy))


def _registered(models: Models, limit: datetime, in_use: set[tuple[str, str]]) -> Iterator[Stored]:
    """Versions in the registry; how many files they have is not asked for."""
    for version in old_versions(models.environment):
        keep = version.created_at >= limit or (version.name, version.version) in in_use
        yield Stored(_REGISTERED, 0, 0, keep, partial(delete_version, version))


def _sweep(context: KedroContext) -> None:
    for shelf in _shelves(context).values():
        shelf.sweep()
    next(iter(load_models(context.catalog).datasets.values())).copies.sweep()
