import pandas as pd
import pytest
from kedro.io import DatasetError, Version

from demand_forecast.datasets.atomic import CSVDataset, JSONDataset, ParquetDataset

FRAME = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})


@pytest.mark.parametrize(
    ("dataset", "data"),
    [(ParquetDataset, FRAME), (CSVDataset, FRAME), (JSONDataset, {"a": [1, None]})],
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


def test_a_versioned_save_that_fails_makes_no_version(tmp_path):
    path = str(tmp_path / "file.json")
    JSONDataset(filepath=path, version=Version(None, "v1")).save({"a": 1})
    with pytest.raises(DatasetError):
        JSONDataset(filepath=path, version=Version(None, "v2")).save({"a": object()})
    assert JSONDataset(filepath=path, version=Version(None, None)).load() == {"a": 1}
