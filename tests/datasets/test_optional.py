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
