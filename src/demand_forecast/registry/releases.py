"""Which model versions serve: releases as a chain of documents, the last of them in force.

Beside the documents, ``staged/<run>/<model>.json`` holds what a run has promoted so far. The parent
of a release is the one in force before, so that the chain backwards is what has served.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Final, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from demand_forecast.exceptions import ConfigurationError, did_you_mean
from demand_forecast.modelling.lifecycle.lineage import Lineage
from demand_forecast.registry.documents import Author, Chain, Link, Reference, as_text

State = Literal["active", "superseded", "pending approval", "approved", "interrupted"]
_STAGED: Final = "staged"


class ModelVersion(BaseModel):
    """A version of a registered model, as it was when it was promoted."""

    model_config = ConfigDict(frozen=True)

    version: str = Field(description="Version in the model registry.")
    digest: str | None = Field(
        default=None, description="Digest of its files; none where it was registered without."
    )
    lineage: Lineage = Field(description="Where it comes from, and what the gate said.")
    forced: bool = Field(
        default=False, description="Whether a person promoted it although the gate refused it."
    )


class Champion(ModelVersion):
    """The version that serves, and the one that serves where it cannot be used."""

    previous: ModelVersion | None = None

    @classmethod
    def after(cls, before: Champion | None, version: ModelVersion) -> Champion:
        """``version`` as the champion in the place of ``before``."""
        if before is None:
            previous = None
        elif before.version == version.version:
            previous = before.previous
        else:
            previous = ModelVersion.model_validate(before.model_dump(exclude={"previous"}))
        return cls(**version.model_dump(exclude={"previous"}), previous=previous)


Champions = Mapping[str, Champion]


def promoted(before: Champions, versions: Mapping[str, ModelVersion]) -> dict[str, Champion]:
    """Champions after some versions have been promoted.

    Args:
        before: Those before.
        versions: By model.
    """
    after = {name: Champion.after(before.get(name), v) for name, v in versions.items()}
    return {**before, **after}


class Release(Link):
    """All champions of an environment, and how they came to be."""

    created_at: datetime = Field(description="When it was written.")
    who: str = Field(description="User and host.")
    why: str = Field(description="In the words of who made it.")
    command: str = Field(description="What was typed.")
    run: str | None = Field(default=None, description="Kedro run that made it, if one did.")
    pending: bool = Field(default=False, description="Whether it waits for an approval.")
    approves: str | None = Field(default=None, description="The release whose approval this is.")
    restores: str | None = Field(default=None, description="The release that it goes back to.")
    changed: tuple[str, ...] = Field(description="Models whose champion is not the parent's.")
    champions: dict[str, Champion] = Field(description="By registered name of the model.")

    @property
    def versions(self) -> list[tuple[str, ModelVersion]]:
        """Models with the versions that may answer: each champion, and the one before it."""
        return [
            (name, version)
            for name, champion in self.champions.items()
            for version in (champion, champion.previous)
            if version is not None
        ]


class RunRelease(NamedTuple):
    """What a run knows of releases; fixed when it starts, so that one release scores all of it.

    Attributes:
        run: Name under which the run stages what it promotes: its save version.
        release: In force when the run began; None where there was none.
        serves_staged: Whether the run forecasts with what it has staged; not where a person has to
            approve it first.
    """

    run: str
    release: Reference | None
    serves_staged: bool = True


class ReleaseStore(Chain[Release]):
    """The releases of one environment.

    Args:
        root: Their folder.
    """

    def __init__(self, root: str) -> None:
        super().__init__(root, Release, "release")

    def at(self, moment: datetime) -> Release | None:
        """The release in force at a moment; None before the first.

        Raises:
            ArtefactError: If a later one is not what was written.
        """
        return next((r for r in self.chain() if r.created_at <= moment), None)

    def find(self, name: str) -> Release:
        """A release by its id, zeros in front or not.

        Raises:
            ConfigurationError: If there is none.
            ArtefactError: If it cannot be read.
        """
        ids = self._ids()
        release_id = next((i for i in ids if i.lstrip("0") == name.lstrip("0")), None)
        if release_id is None:
            raise ConfigurationError(f"there is no release '{name}'. {did_you_mean(name, ids)}")
        text = self._read(f"{release_id}.json")
        return self._parsed(Release, text or b"", f"{release_id}.json")

    def all(self) -> list[tuple[Release, State]]:
        """Every release with what became of it, the newest first."""
        releases = [self.find(name) for name in reversed(self._ids())]
        served = [release.id for release in self.chain()]
        approved = {r.approves for r in releases if r.id in served}

        def state(release: Release) -> State:
            if release.id in served:
                return "active" if release.id == served[0] else "superseded"
            if release.pending:
                return "approved" if release.id in approved else "pending approval"
            return "interrupted"  # killed before the pointer moved: it never served

        return [(release, state(release)) for release in releases]

    def since(self, moment: datetime) -> list[Release]:
        """What has served since a moment, and what may yet: those that wait for approval.

        Of these the newest counts whatever its age; without another name it is the one approved.

        Raises:
            ArtefactError: If one of them is not what was written.
        """
        served = []
        for release in self.chain():
            served.append(release)
            if release.created_at <= moment:
                break
        waiting = [release for release, state in self.all() if state == "pending approval"]
        return [*served, *(r for r in waiting if r is waiting[0] or r.created_at > moment)]

    def staged_runs(self) -> list[str]:
        """Runs that have staged something, the oldest first."""
        folder = f"{self.root}/{_STAGED}"
        paths = self._fs.ls(folder, detail=False) if self._fs.exists(folder) else []
        return sorted(PurePosixPath(path.rstrip("/")).name for path in paths)

    def staged_size(self, run: str) -> tuple[int, int]:
        """How many notes a run has staged, and their bytes."""
        folder = f"{self.root}/{_STAGED}/{run}"
        return len(self._fs.find(folder)), int(self._fs.du(folder))

    def stage(self, run: str, name: str, version: ModelVersion) -> None:
        """Note that a run has promoted a version of a model."""
        self._write(f"{_STAGED}/{run}/{name}.json", as_text(version))

    def staged(self, run: str) -> dict[str, ModelVersion]:
        """What a run has promoted so far, by model."""
        folder = f"{self.root}/{_STAGED}/{run}"
        paths = self._fs.glob(f"{folder}/*.json") if self._fs.exists(folder) else []
        names = sorted(PurePosixPath(path).name.removesuffix(".json") for path in paths)
        versions = {name: self.staged_version(run, name) for name in names}
        return {name: version for name, version in versions.items() if version is not None}

    def staged_version(self, run: str, name: str) -> ModelVersion | None:
        """What a run has promoted of one model; None where it has not.

        Raises:
            ArtefactError: If the note cannot be read.
        """
        file = f"{_STAGED}/{run}/{name}.json"
        text = self._read(file)
        return None if text is None else self._parsed(ModelVersion, text, file)

    def drop_staged(self, run: str) -> None:
        """Forget what a run has promoted: it is released."""
        folder = f"{self.root}/{_STAGED}/{run}"
        if self._fs.exists(folder):
            self._fs.rm(folder, recursive=True)

    def publish(
        self,
        change: Callable[[Champions], Champions],
        why: str,
        *,
        author: Author | None = None,
        run: str | None = None,
        pending: bool = False,
        approves: str | None = None,
        restores: str | None = None,
    ) -> Release:
        """Write the next release and, unless it is pending, put it in force.

        Args:
            change: From the champions in force to those of the new release.
            why: The reason, for people.
            author: Who; the user of this process if not given.
            run: Kedro run that makes it.
            pending: Whether it waits for an approval.
            approves: The pending release whose approval this is.
            restores: The release that it goes back to.

        Raises:
            ConfigurationError: If other processes release all the time.
            StorageError: If another process holds the releases for too long.
            ArtefactError: If the release in force is not what was written.
        """
        who, command = author or Author.here()

        def following(parent: Reference | None) -> Release:
            before = {} if parent is None else self.read(parent).champions
            champions = dict(change(before))
            return Release(
                created_at=datetime.now(UTC),
                who=who,
                why=why,
                command=command,
                run=run,
                pending=pending,
                approves=approves,
                restores=restores,
                changed=tuple(_changed(before, champions)),
                champions=champions,
            )

        return self.extend(following, busy="other processes release", moves_pointer=not pending)


def _changed(before: Champions, after: Champions) -> list[str]:
    versions = {name: champion.version for name, champion in before.items()}
    names = sorted({*before, *after})
    return [n for n in names if n not in after or versions.get(n) != after[n].version]
