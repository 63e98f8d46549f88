"""What counts as a version of a dataset, and that none is ever half removed."""

from __future__ import annotations

import shutil
from pathlib import Path

import fsspec
import pytest
from kedro.io import Version

from demand_forecast.datasets.artefact import Folders
from demand_forecast.datasets.atomic import JSONDataset
from demand_forecast.datasets.stored_versions import StoredVersions, later

FIRST, SECOND = "2026-01-01T00.00.00.000Z", "2026-02-01T00.00.00.000Z"


@pytest.fixture(params=["file", "memory"])
def root(request, tmp_path):
    """A folder on this machine, and one on a file system that is none of this machine's."""
    if request.param == "file":
        yield str(tmp_path)
        return
    yield "memory:///bucket"
    fsspec.filesystem("memory").store.clear()


def _save(root, region, stamp):
    address = f"{root}/08_reporting/{region}/health.json"
    JSONDataset(filepath=address, version=Version(None, stamp)).save({"made": stamp})


def test_versions_are_found_with_their_size_and_removed_one_by_one(root) -> None:
    for region, stamp in [("maine", FIRST), ("maine", SECOND), ("ohio", FIRST)]:
        _save(root, region, stamp)
    shelf = StoredVersions(f"{root}/08_reporting/{{region}}/health.json")
    versions, others = shelf.look()
    assert others == []
    assert [(v.folder, v.stamp) for v in versions] == [
        (shelf.folder(region="maine"), FIRST),
        (shelf.folder(region="maine"), SECOND),
        (shelf.folder(region="ohio"), FIRST),
    ]
    assert {(v.files, v.size) for v in versions} == {(1, 40)}
    shelf.remove(versions[0])
    assert shelf.look() == (versions[1:], [])
    newest = JSONDataset(
        filepath=f"{root}/08_reporting/maine/health.json", version=Version(None, None)
    )
    assert newest.load() == {"made": SECOND}


def test_what_a_person_has_put_there_is_no_version(tmp_path) -> None:
    _save(tmp_path, "maine", FIRST)
    _save(tmp_path, "maine", SECOND)
    folder = tmp_path / "08_reporting" / "maine" / "health.json"
    (folder / "notes.txt").write_text("mine")
    (folder / "2026-02-30T00.00.00.000Z").mkdir()  # no such day
    (folder / "before the change").mkdir()
    (folder / SECOND / "why.txt").write_text("mine as well")
    (folder / FIRST / f".health.json.{'a' * 32}.tmp").write_text("left by a kill")
    versions, others = StoredVersions(f"{tmp_path}/08_reporting/{{region}}/health.json").look()
    assert [(v.stamp, v.files) for v in versions] == [(FIRST, 2)]
    assert sorted(Path(path).name for path in others) == [
        "2026-02-01T00.00.00.000Z",
        "2026-02-30T00.00.00.000Z",
        "before the change",
        "notes.txt",
    ]


def test_a_dataset_that_was_not_versioned_before_is_no_folder_of_versions(tmp_path) -> None:
    (tmp_path / "alerts.csv").write_text("what\n")
    shelf = StoredVersions(f"{tmp_path}/alerts.csv")
    assert shelf.look() == ([], [])
    assert shelf.places == frozenset()


def test_a_removal_that_is_killed_leaves_nothing_that_a_reader_finds(tmp_path, monkeypatch) -> None:
    _save(tmp_path, "maine", FIRST)
    _save(tmp_path, "maine", SECOND)
    shelf = StoredVersions(f"{tmp_path}/08_reporting/{{region}}/health.json")

    def killed(path):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            shelf.remove(shelf.look()[0][0])
    assert [version.stamp for version in shelf.look()[0]] == [SECOND]
    [left] = [p for p in (tmp_path / "08_reporting" / "maine").iterdir() if p.name[0] == "."]
    assert not list(tmp_path.glob(f"**/health.json/{FIRST}"))
    shelf.sweep()
    assert not left.exists()
    assert [version.stamp for version in shelf.look()[0]] == [SECOND]


def test_on_an_object_store_a_folder_is_none_as_soon_as_its_manifest_is_gone(monkeypatch) -> None:
    fs = fsspec.filesystem("memory")
    folders = Folders(fs, local=False)
    folders.put("/bucket/panel", lambda folder: (folder / "a.txt").write_text("a"))

    def killed(path, recursive):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(fs, "rm", killed)
        with pytest.raises(KeyboardInterrupt):
            folders.remove("/bucket/panel", "/bucket")
    assert fs.exists("/bucket/panel/a.txt") and not folders.complete("/bucket/panel")
    folders.remove("/bucket/panel", "/bucket")
    assert not fs.exists("/bucket/panel")
    fs.store.clear()


def test_versions_go_on_over_the_end_of_a_second():
    assert later("2026-01-01T00.00.00.000Z", ["2026-12-31T23.59.59.999Z"]) == (
        "2027-01-01T00.00.00.000Z"
    )
    assert later(FIRST, []) == FIRST
