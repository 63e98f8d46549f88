"""The audit trail: one chain, whoever ends a run when."""

from __future__ import annotations

import errno
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from filelock import FileLock

from demand_forecast.exceptions import ArtefactError, ConfigurationError, StorageError
from demand_forecast.registry import documents
from demand_forecast.registry.audit import AuditTrail, Code, FileRecord, Manifest, files_of

NOW = datetime(2026, 1, 8, tzinfo=UTC)


def manifest(run="today", **known):
    """A run of which hardly anything is known."""
    facts = {
        "id": "",
        "run": run,
        "who": "ada@host",
        "command": "kedro run",
        "started_at": NOW,
        "ended_at": NOW,
        "pipelines": ("score",),
        "status": "complete",
        "code": Code(commit="abc", python="3.11", packages={}),
        "parameters": "p",
        "verdicts": {},
        "inputs": (),
        "outputs": (),
    }
    return Manifest.model_validate(facts | known)


@pytest.fixture
def trail(tmp_path):
    return AuditTrail(str(tmp_path))


def test_each_manifest_names_the_one_before(trail):
    first, second = (trail.append(manifest(run)) for run in ("a", "b"))
    assert (first.id, first.parent) == ("00001", None)
    assert second.parent is not None
    assert trail.read(second.parent) == first
    assert [m.run for m in trail.chain()] == ["b", "a"]
    assert trail.current() == second


def test_an_edited_manifest_breaks_the_chain(trail):
    for run in ("a", "b"):
        trail.append(manifest(run))
    file = Path(trail.root) / "00001.json"
    file.write_text(file.read_text().replace("ada", "eve"))
    with pytest.raises(ArtefactError, match=r"00001.json is not the manifest that was written"):
        list(trail.chain())
    assert trail.append(manifest("c")).id == "00003"  # a run is not stopped by an old fault


def test_runs_that_end_at_once_make_one_chain(tmp_path):
    def end(run):
        return AuditTrail(str(tmp_path)).append(manifest(f"run {run}")).id

    with ThreadPoolExecutor(4) as pool:
        ids = list(pool.map(end, range(12)))
    told = [m.id for m in AuditTrail(str(tmp_path)).chain()]
    assert told == sorted(ids, reverse=True) == [f"{n:05d}" for n in range(12, 0, -1)]


def test_on_a_full_disk_the_chain_stays_and_the_file_is_named(trail, monkeypatch):
    first = trail.append(manifest("a"))

    def write_a_part(path, text):
        path.touch()
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", write_a_part)
    with pytest.raises(StorageError, match=r"00002\.json cannot be written: No space left"):
        trail.append(manifest("a"))
    assert trail.current() == first
    assert {path.name for path in Path(trail.root).glob("*.tmp")} == set()


def test_a_chain_that_is_held_for_too_long_is_told(trail, monkeypatch):
    monkeypatch.setattr(documents, "_PATIENCE", 0.01)
    trail.append(manifest())
    with (
        FileLock(f"{trail.root}/chain.lock"),
        pytest.raises(StorageError, match="09_audit is held by another process"),
    ):
        trail.append(manifest())


def test_on_an_object_store_who_finds_the_pointer_moved_tries_again(monkeypatch):
    root = "memory://audit_of_test"
    ours, other = AuditTrail(root), AuditTrail(root)
    plain, busy = AuditTrail._create, [True]

    def create(trail, document):
        if trail is ours and busy:
            busy.clear()
            other.append(manifest("other"))
        return plain(trail, document)

    monkeypatch.setattr(AuditTrail, "_create", create)
    ours.append(manifest("ours"))
    assert [m.run for m in ours.chain()] == ["ours", "other"]
    monkeypatch.setattr(AuditTrail, "_create", lambda trail, document: None)
    with pytest.raises(ConfigurationError, match="other runs end all the time"):
        ours.append(manifest("never"))


def test_of_a_path_that_several_runs_name_the_newest_counts():
    def record(sha256):
        return FileRecord(dataset="totals", path="totals.parquet", sha256=sha256, size=1)

    newer, older = (manifest(outputs=(record(sha),)) for sha in ("new", "old"))
    assert files_of([newer, older])["totals.parquet"].sha256 == "new"
    assert newer.find("totals") == record("new")
    assert newer.find("other") is None
