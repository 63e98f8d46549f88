import pytest
from kedro.io import DatasetError

from demand_forecast.datasets.optional import OptionalDataset


def test_it_gives_none_until_the_data_are_there(tmp_path):
    path = tmp_path / "file.json"
    dataset = OptionalDataset(dataset={"type": "json.JSONDataset", "filepath": str(path)})
    assert dataset.exists()
    assert dataset.load() is None
    path.write_text('{"a": 1}')
    assert dataset.load() == {"a": 1}


def test_it_cannot_be_saved_to(tmp_path):
    config = {"type": "json.JSONDataset", "filepath": str(tmp_path / "file.json")}
    with pytest.raises(DatasetError, match="view"):
        OptionalDataset(dataset=config).save({})


def test_what_is_damaged_is_not_there_and_a_warning_says_so(tmp_path, caplog):
    path = tmp_path / "file.parquet"
    path.write_bytes(b"PAR1 cut short")
    config = {"type": "pandas.ParquetDataset", "filepath": str(path)}
    assert OptionalDataset(dataset=config).load() is None
    assert "file.parquet" in caplog.text
    assert "cannot be read, the run goes on without it: Could not open Parquet" in caplog.text
