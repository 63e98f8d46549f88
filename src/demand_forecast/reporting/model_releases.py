"""Shows and changes which models serve, for ``kedro models``."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

from kedro.io import CatalogProtocol
from rich.table import Table

from demand_forecast.exceptions import (
    ArtefactError,
    ConfigurationError,
    RegistryError,
    did_you_mean,
)
from demand_forecast.framework import run_context
from demand_forecast.registry.aliases import adopt, registered_version, synchronise
from demand_forecast.registry.model_copies import registered_files
from demand_forecast.registry.model_registry import ModelRegistryDataset
from demand_forecast.registry.releases import (
    Champion,
    ModelVersion,
    Release,
    ReleaseStore,
    promoted,
)
from demand_forecast.reporting import terminal

_DAY: Final = len("2019-12-28")
_BASELINE: Final = "baseline"


class Models(NamedTuple):
    """The registered models of an environment, by the names that people type.

    Attributes:
        datasets: By segment and what is in it, such as ``north_texas.large.fast``.
    """

    datasets: Mapping[str, ModelRegistryDataset]

    @property
    def releases(self) -> ReleaseStore:
        """Their releases."""
        return next(iter(self.datasets.values())).releases

    @property
    def environment(self) -> str:
        """Their environment."""
        return next(iter(self.datasets.values())).environment

    def named(self, segment: str) -> ModelRegistryDataset:
        """The model of a segment.

        Raises:
            ConfigurationError: If there is none.
        """
        if segment not in self.datasets:
            raise ConfigurationError(
                f"there is no model '{segment}' in this environment. "
                f"{did_you_mean(segment, self.datasets)}"
            )
        return self.datasets[segment]


def load_models(catalog: CatalogProtocol[Any, Any]) -> Models:
    """The models of the environment; those from before there were releases are adopted.

    Args:
        catalog: Of the environment.
    """
    plan = run_context.current().segments
    names = {branch.namespace: f"{branch.namespace}.model" for branch in plan.branches}
    for segment in plan.segments:
        names[f"{segment.namespace}.{_BASELINE}"] = f"{segment.namespace}.baseline_model"
    datasets = run_context.registered_models(names.values(), catalog)
    by_name = {dataset.title: dataset for dataset in datasets}
    models = Models({name: by_name[name] for name in names})
    adopt(models.releases, models.environment)
    return models


def in_force(models: Models, on: str | None = None) -> Release:
    """The release in force now, or at the end of a day.

    Args:
        models: Of the environment.
        on: A day, as ``2019-12-28``, or a moment, as ``2019-12-28T06:00``; both in UTC.

    Raises:
        ConfigurationError: If nothing had been released, or ``on`` is no date.
    """
    release = models.releases.current() if on is None else models.releases.at(_moment(on))
    if release is None:
        first = [r.created_at for r in models.releases.chain()][-1:]
        since = f"; the first release is of {first[0]:%Y-%m-%d %H:%M} UTC" if first else ""
        raise ConfigurationError(
            f"nothing had been released {f'on {on}' if on else 'yet'}{since}. "
            "A release is made by `kedro run --pipelines=train`."
        )
    return release


def promote(models: Models, segment: str, version: str, why: str, force: bool) -> Release:
    """Put one version of a model in force.

    Args:
        models: Of the environment.
        segment: Whose model, such as ``north_texas.large.fast``.
        version: Version in the registry.
        why: The reason, kept in the release.
        force: Promote even what the gate refused; it stays marked.

    Raises:
        ConfigurationError: If the gate refused it and ``force`` is not given.
        ArtefactError: If there is no such version, or it is not what was registered.
        RegistryError: If the registry does not answer.
    """
    dataset = models.named(segment)
    wanted = registered_version(dataset.name, version)
    refused = not wanted.lineage.promoted
    if refused and not force:
        raise ConfigurationError(
            f"{segment} version {version} was refused by the gate: {wanted.lineage.reason}. "
            "--force promotes it all the same; it stays marked."
        )
    with registered_files(dataset.name, version, wanted.digest) as files:
        dataset.copies.keep(dataset.name, version, files)
    chosen = wanted.model_copy(update={"forced": refused})
    return _publish(models, {dataset.name: chosen}, why)


def roll_back(models: Models, to: str | None, why: str) -> Release:
    """Put all champions of an earlier release in force again, or none.

    Args:
        models: Of the environment.
        to: Id of the release; the one before the one in force if not given.
        why: The reason, kept in the new release.

    Raises:
        ConfigurationError: If there is no such release, or it never served.
    """
    served = {release.id: release for release in models.releases.chain()}
    if to is None:
        if len(served) < 2:  # noqa: PLR2004 - the one in force, and one before it
            raise ConfigurationError("there is no release before the one in force to go back to.")
        target = list(served.values())[1]
    else:
        target = models.releases.find(to)
        if target.id not in served:
            raise ConfigurationError(
                f"release {target.id} never served. {did_you_mean(to, served)}"
            )
    release = models.releases.publish(lambda _: target.champions, why, restores=target.id)
    synchronise(release.champions, models.environment)
    return release


def approve(models: Models, name: str | None, why: str) -> Release:
    """Put in force what a pending release has changed.

    Args:
        models: Of the environment.
        name: Its id; the newest that is pending if not given.
        why: The reason, kept in the new release.

    Raises:
        ConfigurationError: If it is not pending, or none is.
    """
    pending = {r.id: r for r, state in models.releases.all() if state == "pending approval"}
    if name is None and not pending:
        raise ConfigurationError("no release is pending approval.")
    chosen = next(iter(pending)) if name is None else models.releases.find(name).id
    if chosen not in pending:
        raise ConfigurationError(
            f"release {chosen} is not pending approval. {did_you_mean(chosen, pending)}"
        )
    release = pending[chosen]
    changes = {name: release.champions[name] for name in release.changed}
    return _publish(models, changes, why, approves=release.id)


def unavailable(models: Models, release: Release) -> list[str]:
    """What of a release neither has a copy nor can be fetched, in a line each.

    Args:
        models: Of the environment.
        release: The release.
    """
    problems = []
    for segment, dataset in models.datasets.items():
        champion = release.champions.get(dataset.name)
        if champion is None or dataset.copies.holds(dataset.name, champion):
            continue
        try:
            dataset.copies.load(dataset.name, champion)
        except (ArtefactError, RegistryError, OSError) as error:
            problems.append(f"{segment} version {champion.version}: {error}")
    return problems


def print_release(models: Models, release: Release, segment: str | None = None) -> None:
    """Print a release: its head, and the champions of all models or of one."""
    console = terminal.console()
    console.print(
        f"release {release.id} of {release.created_at:%Y-%m-%d %H:%M} UTC by {release.who}: "
        f"{release.why}",
        markup=False,
    )
    wanted = {segment: models.named(segment)} if segment else models.datasets
    table = _table("model", "version", "kind", "trained until", "MAPE", "before", "note")
    for name, dataset in wanted.items():
        champion = release.champions.get(dataset.name)
        table.add_row(name, *(_cells(champion) if champion else ("-",) * 6))
    console.print(table)


def print_version(models: Models, segment: str) -> None:
    """Print all that is known of the champion of a segment.

    Raises:
        ConfigurationError: If it has none.
    """
    dataset, release = models.named(segment), in_force(models)
    champion = release.champions.get(dataset.name)
    if champion is None:
        raise ConfigurationError(f"{segment} has no champion; the baseline answers for it.")
    lines = {
        "registered as": dataset.name,
        "version": champion.version,
        "digest of its files": champion.digest or "not known",
        "copy beside the data": "yes" if dataset.copies.holds(dataset.name, champion) else "no",
        "version before": champion.previous.version if champion.previous else "none",
        "since release": _since(models.releases, dataset.name, champion),
        "promoted by force": "yes" if champion.forced else "no",
        **{key.replace("_", " "): value for key, value in champion.lineage.to_tags().items()},
    }
    table = _table("", segment)
    for key, value in lines.items():
        table.add_row(key, value)
    terminal.console().print(table)


def print_history(models: Models, segment: str) -> None:
    """Print every release that changed the champion of a segment, and those that wait for approval.

    The newest comes first.
    """
    name = models.named(segment).name
    table = _table("release", "made at (UTC)", "version", "state", "by", "why", "note")
    for release, state in models.releases.all():
        if name in release.changed:
            champion = release.champions.get(name)
            table.add_row(
                release.id,
                f"{release.created_at:%Y-%m-%d %H:%M}",
                champion.version if champion else "-",
                state,
                release.who,
                release.why,
                _note(release, champion),
            )
    terminal.console().print(table)


def print_change(models: Models, release: Release) -> None:
    """Print which champions a new release has changed, and what of it cannot be loaded."""
    console = terminal.console()
    names = {dataset.name: segment for segment, dataset in models.datasets.items()}
    console.print(f"release {release.id} is in force; champions changed: {len(release.changed)}")
    for name in release.changed:
        champion = release.champions.get(name)
        text = f"version {champion.version}{_forced(champion)}" if champion else "none any more"
        console.print(f"  {names.get(name, name)}: {text}", markup=False)
    for problem in unavailable(models, release):
        console.print(f"  cannot be loaded, the next best answers: {problem}", markup=False)


def _publish(
    models: Models, changes: Mapping[str, ModelVersion], why: str, approves: str | None = None
) -> Release:
    release = models.releases.publish(
        lambda before: promoted(before, changes), why, approves=approves
    )
    synchronise(release.champions, models.environment)
    return release


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigurationError(
            f"'{text}' is no date; valid: a day, as 2019-12-28, or a moment, as 2019-12-28T06:00."
        ) from error
    if len(text) == _DAY:
        moment += timedelta(days=1, microseconds=-1)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _since(releases: ReleaseStore, name: str, champion: Champion) -> str:
    since = None
    for release in releases.chain():
        other = release.champions.get(name)
        if other is None or other.version != champion.version:
            break
        since = release
    return f"{since.id}, {since.created_at:%Y-%m-%d %H:%M} UTC" if since else "none"


def _cells(champion: Champion) -> tuple[str, ...]:
    lineage = champion.lineage
    mape = "-" if lineage.validated_mape is None else f"{lineage.validated_mape:.1f}"
    before = champion.previous.version if champion.previous else "-"
    note = (_forced(champion).strip(", ") + "; " + lineage.alarm).strip("; ")
    kind = lineage.kind.replace("_", " ")
    return champion.version, kind, str(lineage.as_of), mape, before, note


def _forced(champion: ModelVersion) -> str:
    return f", forced: {champion.lineage.reason}" if champion.forced else ""


def _note(release: Release, champion: Champion | None) -> str:
    notes = {
        "back to": release.restores,
        "approves": release.approves,
        "forced:": champion.lineage.reason if champion and champion.forced else None,
    }
    return "; ".join(f"{word} {what}" for word, what in notes.items() if what)


def _table(*columns: str) -> Table:
    table = terminal.table()
    for column in columns:
        # Nobody can copy the rest of a name that is cut.
        table.add_column(column, no_wrap=column in ("model", "release", "version", "kind"))
    return table
