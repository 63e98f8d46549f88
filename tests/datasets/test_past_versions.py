from __future__ import annotations

import pandas as pd
import pytest
from kedro.io import DatasetError, Version

from demand_forecast.datasets.atomic import CSVDataset
from demand_forecast.datasets.remembered import RememberedDataset
from demand_forecast.datasets.versions import VersionsDataset

TYPE = "demand_forecast.datasets.atomic.CSVDataset"


def test_each_version_is_loaded_when_asked_for(tmp_path) -> None:
    path = str(tmp_path / "table.csv")
    view = VersionsDataset(dataset={"type": TYPE, "filepath": path})
    assert view.load() == {}
    for stamp in ("2025-01-01T00.00.00.000Z", "2025-01-02T00.00.00.000Z"):
        table = pd.DataFrame({"stamp": [stamp]})
        CSVDataset(filepath=path, version=Version(None, stamp), save_args={"index": False}).save(
            table
        )
    loaders = view.load()
    assert {stamp: load()["stamp"][0] for stamp, load in loaders.items()} == {
        stamp: stamp for stamp in loaders
    }
    assert len(loaders) == 2
    assert view.exists()
    with pytest.raises(DatasetError, match="view"):
        view.save(1)
    assert "table.csv" in str(view)


def test_what_is_remembered_is_none_until_it_is_saved(tmp_path) -> None:
    config = {
        "type": "demand_forecast.datasets.atomic.JSONDataset",
        "filepath": str(tmp_path / "a.json"),
    }
    dataset = RememberedDataset(dataset=config)
    assert dataset.missing_ok
    assert not dataset.exists()
    assert dataset.load() is None
    dataset.save({"a": 1})
    assert dataset.exists()
    assert RememberedDataset(dataset=config).load() == {"a": 1}
    assert "a.json" in str(dataset)
