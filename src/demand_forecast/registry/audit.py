"""What every run has read and written: a chain of manifests, one for each run."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from demand_forecast.registry.documents import Chain, Link, Reference

FOLDER: Final = "09_audit"


class FileRecord(BaseModel):
    """A dataset that is a file, or a folder with digests, as it was at the end of a run."""

    model_config = ConfigDict(frozen=True)

    dataset: str = Field(description="Name in the catalog.")
    path: str = Field(description="From the data root on; an address where it lies elsewhere.")
    sha256: str = Field(description="Of the file; of a folder, that of its manifest.json.")
    size: int = Field(ge=0, description="Bytes; of a folder, those of its manifest.json.")
    version: str | None = Field(default=None, description="Kedro's; none where it has none.")
    rows: int | None = Field(default=None, description="Of a Parquet file.")
    content: str | None = Field(
        default=None, description="Digest that the data have wherever they are stored: of a panel."
    )


class Code(BaseModel):
    """What ran."""

    model_config = ConfigDict(frozen=True)

    commit: str = Field(description="Commit, marked where tracked files differ from it.")
    diff: str | None = Field(default=None, description="SHA-256 of that difference.")
    python: str = Field(description="Version of Python.")
    packages: dict[str, str] = Field(description="Versions of the libraries that matter.")


class Outcome(BaseModel):
    """What the gate said of one model."""

    model_config = ConfigDict(frozen=True)

    passed: bool
    reason: str = ""


class Manifest(Link):
    """One run: who, when, with what, from what, to what."""

    run: str = Field(description="Kedro run, which is the version of what it has saved.")
    environment: str | None = Field(
        default=None, description="Kedro environment, if one was given."
    )
    who: str = Field(description="User and host.")
    command: str = Field(description="What was typed.")
    started_at: datetime
    ended_at: datetime
    pipelines: tuple[str, ...] = Field(description="That were asked for.")
    selection: tuple[str, ...] = Field(default=(), description="Namespaces or tags asked for.")
    status: Literal["complete", "in part", "failed"] = Field(description="How it ended.")
    error: str | None = Field(default=None, description="Why it failed, or what of it.")
    code: Code
    parameters: str = Field(description="SHA-256 of all parameters.")
    seed: int | None = Field(default=None, description="Of the training.")
    began_with: Reference | None = Field(default=None, description="Release in force at its start.")
    release: Reference | None = Field(default=None, description="Release in force at its end.")
    verdicts: dict[str, Outcome] = Field(description="Of the gate, by velocity of a segment.")
    inputs: tuple[FileRecord, ...] = Field(description="That were there before.")
    outputs: tuple[FileRecord, ...] = Field(description="That it has written.")

    @property
    def files(self) -> tuple[FileRecord, ...]:
        """Whatever it has read or written."""
        return (*self.outputs, *self.inputs)

    def find(self, dataset: str) -> FileRecord | None:
        """What it says of a dataset; None where that is not part of it."""
        return next((record for record in self.files if record.dataset == dataset), None)


class AuditTrail(Chain[Manifest]):
    """The manifests of one environment.

    Args:
        data_root: Of the environment; they lie in a folder below it.
    """

    def __init__(self, data_root: str) -> None:
        super().__init__(f"{data_root.rstrip('/')}/{FOLDER}", Manifest, "manifest")

    def append(self, manifest: Manifest) -> Manifest:
        """Write the manifest of a run that has ended as the next one of the chain.

        Args:
            manifest: Its id and parent are set here.

        Raises:
            ConfigurationError: If other processes end runs all the time.
            StorageError: If another process holds the chain for too long.
            ArtefactError: If the pointer cannot be read.
        """
        return self.extend(lambda _: manifest, busy="other runs end")


def files_of(manifests: Iterable[Manifest]) -> dict[str, FileRecord]:
    """What manifests speak of, by path; of a path that several name, what the first one says."""
    files: dict[str, FileRecord] = {}
    for manifest in manifests:
        for record in manifest.files:
            files.setdefault(record.path, record)
    return files
