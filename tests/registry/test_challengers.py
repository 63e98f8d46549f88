"""Registered versions for experiments."""

from __future__ import annotations

import pytest
from kedro.io import DatasetError

from demand_forecast.registry import challengers as under_test
from demand_forecast.registry.challengers import ChallengersDataset
from demand_forecast.registry.releases import ModelVersion
from stand_ins import Constant, lineage


@pytest.fixture
def dataset(tmp_path) -> ChallengersDataset:
    return ChallengersDataset(
        prefix="a.large",
        environment="test",
        filepath=str(tmp_path / "models"),
        stops=str(tmp_path / "stops"),
    )


def test_a_version_is_loaded_when_it_is_asked_for(dataset, monkeypatch) -> None:
    known = ModelVersion(version="7", digest="d", lineage=lineage())
    asked, model = [], Constant()
    monkeypatch.setattr(under_test, "registered_version", lambda *name: asked.append(name) or known)
    monkeypatch.setattr(dataset._copies, "load", lambda name, version: model)
    challengers = dataset.load()
    assert asked == [] and challengers.stops == {} and challengers.trouble == ""
    found = challengers.load("fast", "7")
    assert asked == [("test.a.large.fast", "7")]
    assert found.model is model
    assert (found.name, found.version) == ("test.a.large.fast", "7")
    assert found.lineage == lineage()


def test_stops_are_told_and_where_they_cannot_be_read_that_is(dataset, tmp_path) -> None:
    dataset._stops.stop("try", "harm", by_itself=True)
    assert dataset.load().stops["try"].why == "harm"
    document = tmp_path / "stops/00001.json"
    document.write_text(document.read_text().replace("harm", "love"))
    assert dataset.load().trouble.startswith("no stop can be read: ")


def test_challengers_are_only_read(dataset) -> None:
    with pytest.raises(DatasetError, match="a training registers them"):
        dataset.save("a model")
    assert dataset.exists() and "test.a.large" in str(dataset)
