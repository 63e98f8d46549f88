import errno
import multiprocessing
import os
import signal
import tempfile
from pathlib import Path

import pandas as pd
import pytest
from kedro.io import DatasetError, Version
from kedro_datasets.text import TextDataset as _TextDataset

from demand_forecast.datasets.atomic import (
    CSVDataset,
    JSONDataset,
    ParquetDataset,
    TextDataset,
    write_excel,
    write_text,
)
from demand_forecast.framework.failures import own_error

FRAME = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})


@pytest.mark.parametrize(
    ("dataset", "data"),
    [
        (ParquetDataset, FRAME),
        (CSVDataset, FRAME),
        (JSONDataset, {"a": [1, None]}),
        (TextDataset, "<p>é</p>"),
    ],
)
def test_data_come_back(tmp_path, dataset, data):
    arguments = {"save_args": {"index": False}} if dataset is CSVDataset else {}
    stored = dataset(filepath=str(tmp_path / "file"), **arguments)
    stored.save(data)
    loaded = stored.load()
    assert loaded.equals(data) if isinstance(data, pd.DataFrame) else loaded == data
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_a_save_that_fails_half_way_leaves_what_was_there(tmp_path):
    dataset = JSONDataset(filepath=str(tmp_path / "file.json"))
    dataset.save({"a": 1})
    with pytest.raises(DatasetError):
        dataset.save({"a": list(range(5000)), "b": object()})
    assert dataset.load() == {"a": 1}


def test_text_is_written_in_utf_8_whole_or_not_at_all(tmp_path):
    file = tmp_path / "deeper" / "file.txt"
    write_text(file, "é")
    with pytest.raises(DatasetError):
        write_text(file, "x" * 100_000 + "\ud800")  # half of a pair, which cannot be encoded
    assert file.read_bytes() == "é".encode()
    assert [path.name for path in file.parent.iterdir()] == ["file.txt"]


class Full(_TextDataset):
    """A disk that is full after the first characters."""

    def save(self, data):
        Path(self._filepath).write_text(data[:3])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_is_said_with_the_path_and_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(TextDataset, "plain", Full)
    file = tmp_path / "file.txt"
    with pytest.raises(DatasetError) as caught:
        write_text(file, "12345")
    said = str(own_error(caught.value))
    assert said == f"{file} cannot be written: No space left on device."
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_a_file_is_said_with_the_path(tmp_path):
    (tmp_path / "file").touch()
    path = tmp_path / "file" / "deeper" / "note.txt"
    with pytest.raises(DatasetError) as caught:
        write_text(path, "x")
    assert str(own_error(caught.value)) == f"{path} cannot be written: Not a directory."


def test_a_workbook_is_written_whole_or_not_at_all(tmp_path):
    file = tmp_path / "deeper" / "file.xlsx"
    write_excel(file, FRAME, "first")
    with pytest.raises(DatasetError):
        write_excel(file, FRAME.assign(b="\x00"), "second")  # no cell may hold it
    assert pd.read_excel(file, sheet_name="first").equals(FRAME)
    assert [path.name for path in file.parent.iterdir()] == ["file.xlsx"]


def test_a_versioned_save_that_fails_makes_no_version(tmp_path):
    path = str(tmp_path / "file.json")
    JSONDataset(filepath=path, version=Version(None, "v1")).save({"a": 1})
    with pytest.raises(DatasetError):
        JSONDataset(filepath=path, version=Version(None, "v2")).save({"a": object()})
    assert JSONDataset(filepath=path, version=Version(None, None)).load() == {"a": 1}


def test_a_save_that_is_killed_leaves_what_was_there(tmp_path):
    path = str(tmp_path / "file.json")
    JSONDataset(filepath=path, version=Version(None, "v1")).save({"a": 1})
    dataset = JSONDataset(
        filepath=path,
        version=Version(None, "v2"),
        save_args={"default": lambda _: os.kill(os.getpid(), signal.SIGKILL)},
    )
    fork = multiprocessing.get_context("fork")
    worker = fork.Process(target=dataset.save, args=({"a": list(range(9000)), "b": object()},))
    worker.start()
    worker.join()
    assert worker.exitcode == -signal.SIGKILL
    latest = JSONDataset(filepath=path, version=Version(None, None))
    assert latest.load() == {"a": 1}
    JSONDataset(filepath=path, version=Version(None, "v3")).save({"a": 3})
    latest.release()
    assert latest.load() == {"a": 3}


def test_files_are_made_where_they_stay_and_others_may_read_them(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "another disk"))
    dataset = JSONDataset(filepath=str(tmp_path / "folder" / "file.json"))
    dataset.save({"a": 1})
    (tmp_path / "plain").touch()
    expected = (tmp_path / "plain").stat().st_mode
    assert (tmp_path / "folder" / "file.json").stat().st_mode == expected


def test_an_object_store_gets_the_file_too():
    dataset = JSONDataset(filepath="memory://bucket/file.json")
    dataset.save({"a": 1})
    assert dataset.load() == {"a": 1}
    dataset._fs.rm(str(dataset._filepath))


def test_an_upload_that_is_interrupted_leaves_what_was_there(monkeypatch):
    dataset = ParquetDataset(filepath="memory://bucket/table.parquet")
    dataset.save(FRAME)

    def cut_off(*_):
        raise ConnectionResetError("the connection was cut off")

    monkeypatch.setattr(type(dataset._fs), "put_file", cut_off)
    with pytest.raises(DatasetError) as caught:
        dataset.save(FRAME[:1])
    assert str(own_error(caught.value)) == (
        "memory://bucket/table.parquet cannot be written: the connection was cut off."
    )
    assert dataset.load().equals(FRAME)
    dataset._fs.rm(str(dataset._filepath))


def test_a_table_on_an_object_store_is_read_by_its_load_arguments():
    dataset = ParquetDataset(filepath="memory://bucket/part.parquet", load_args={"columns": ["b"]})
    dataset.save(FRAME)
    assert dataset.load().equals(FRAME[["b"]])
    dataset._fs.rm(str(dataset._filepath))
