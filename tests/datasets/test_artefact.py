import errno
import json
import os
from pathlib import Path

import pytest
from kedro.io import DatasetError, Version

from demand_forecast.datasets.artefact import MANIFEST, ArtefactDataset


class Note:
    """A small artefact: one text file."""

    def __init__(self, text, fail=False):
        self.text, self.fail = text, fail

    def save(self, directory: Path) -> None:
        (directory / "note.txt").write_text(self.text)
        if self.fail:
            raise KeyboardInterrupt

    @classmethod
    def load(cls, directory: Path):
        note = cls((directory / "note.txt").read_text())
        note.directory = directory
        return note


def _dataset(path, **arguments):
    return ArtefactDataset(filepath=str(path), artefact=f"{__name__}.Note", **arguments)


def test_what_was_saved_is_loaded(tmp_path):
    dataset = _dataset(tmp_path / "note")
    dataset.save(Note("one"))
    dataset.save(Note("two"))
    assert dataset.load().text == "two"
    assert [p.name for p in tmp_path.iterdir()] == ["note"]


def test_a_save_that_is_killed_leaves_the_old_version_and_no_rubbish(tmp_path):
    dataset = _dataset(tmp_path / "note")
    dataset.save(Note("old"))
    with pytest.raises(KeyboardInterrupt):
        dataset.save(Note("new", fail=True))
    assert dataset.load().text == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["note"]


def test_a_full_disk_is_said_with_the_path_and_leaves_nothing(tmp_path):
    class Large(Note):
        def save(self, directory):
            super().save(directory)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(DatasetError, match=rf"{tmp_path}/note cannot be written: No space left"):
        _dataset(tmp_path / "note").save(Large("one"))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_without_manifest_does_not_exist(tmp_path):
    dataset = _dataset(tmp_path / "note", missing_ok=True)
    dataset.save(Note("one"))
    (tmp_path / "note" / MANIFEST).unlink()
    assert not dataset.exists()
    assert dataset.load() is None


def test_a_changed_file_is_refused_with_its_name(tmp_path):
    dataset = _dataset(tmp_path / "note")
    dataset.save(Note("one"))
    (tmp_path / "note" / "note.txt").write_text("forged")
    with pytest.raises(DatasetError, match=r"note\.txt is not what was written"):
        dataset.load()


def test_a_missing_file_is_refused(tmp_path):
    dataset = _dataset(tmp_path / "note")
    dataset.save(Note("one"))
    (tmp_path / "note" / "note.txt").unlink()
    with pytest.raises(DatasetError, match="no file, expected"):
        dataset.load()


@pytest.mark.parametrize("text", ['{"note.t', '{"note.txt": "0"}', "[" * 20_000])
def test_a_damaged_memory_is_none_and_a_warning_says_so(tmp_path, caplog, text):
    dataset = _dataset(tmp_path / "note", missing_ok=True)
    dataset.save(Note("one"))
    (tmp_path / "note" / MANIFEST).write_text(text)
    assert dataset.load() is None
    assert f"{tmp_path}/note cannot be read, the run goes on without it" in caplog.text
    dataset.save(Note("two"))
    assert dataset.load().text == "two"


def test_versions_are_kept_and_the_last_complete_one_is_loaded(tmp_path):
    for version in ("2020-01-01T00.00.00.000Z", "2020-01-02T00.00.00.000Z"):
        _dataset(tmp_path / "note", version=Version(None, version)).save(Note(version))
    newest = tmp_path / "note" / "2020-01-02T00.00.00.000Z" / "note"
    (newest / MANIFEST).unlink()
    latest = _dataset(tmp_path / "note", version=Version(None, None))
    assert latest.load().text == "2020-01-01T00.00.00.000Z"
    pinned = _dataset(tmp_path / "note", version=Version("2020-01-01T00.00.00.000Z", None))
    assert pinned.load().text == "2020-01-01T00.00.00.000Z"


def test_saving_what_was_loaded_from_there_writes_nothing(tmp_path):
    dataset = _dataset(tmp_path / "note")
    dataset.save(Note("one"))
    before = (tmp_path / "note" / MANIFEST).stat().st_mtime_ns
    dataset.save(dataset.load())
    assert (tmp_path / "note" / MANIFEST).stat().st_mtime_ns == before


def test_an_object_store_gets_the_manifest_and_gives_the_artefact_back():
    dataset = _dataset("memory://bucket/note")
    assert not dataset.exists()
    dataset.save(Note("cloud"))
    dataset.save(Note("cloud again"))
    assert dataset.exists()
    assert dataset.load().text == "cloud again"
    manifest = json.loads(dataset._folders.fs.cat_file(f"{dataset._filepath}/{MANIFEST}"))
    assert list(manifest) == ["note.txt"]
    dataset._folders.fs.rm(str(dataset._filepath), recursive=True)


@pytest.mark.parametrize("name", ["note.txt", MANIFEST])
def test_an_upload_that_is_interrupted_leaves_no_half_of_a_folder(monkeypatch, name):
    dataset = _dataset("memory://bucket/interrupted", missing_ok=True)
    dataset.save(Note("old"))
    fs = dataset._folders.fs
    put_file = fs.put_file

    def cut_off(source, target):
        if target.endswith(name):
            raise ConnectionResetError("the connection was cut off")
        put_file(source, target)

    monkeypatch.setattr(fs, "put_file", cut_off)
    with pytest.raises(DatasetError, match="memory:///interrupted cannot be written: the conn"):
        dataset.save(Note("new"))
    assert not dataset.exists()
    assert dataset.load() is None
    monkeypatch.undo()
    dataset.save(Note("new"))
    assert dataset.load().text == "new"
    fs.rm(str(dataset._filepath), recursive=True)


def test_a_replacement_that_is_interrupted_has_removed_the_manifest_first(monkeypatch):
    dataset = _dataset("memory://bucket/replaced")
    dataset.save(Note("old"))
    fs = dataset._folders.fs

    def cut_off(*_, **__):
        raise ConnectionResetError

    monkeypatch.setattr(fs, "rm", cut_off)
    with pytest.raises(DatasetError):
        dataset.save(Note("new"))
    monkeypatch.undo()
    assert [p.rpartition("/")[2] for p in fs.find(str(dataset._filepath))] == ["note.txt"]
    assert not dataset.exists()
    fs.rm(str(dataset._filepath), recursive=True)
