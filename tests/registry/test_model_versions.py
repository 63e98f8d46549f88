"""What the registry knows of a segment's models."""

from __future__ import annotations

import pandas as pd
import pytest
from kedro.io import DatasetError
from mlflow.tracking import MlflowClient

from demand_forecast.registry import availability, model_versions
from demand_forecast.registry.model_versions import COLUMNS, ModelVersionsDataset
from demand_forecast.results_store.dimensions import models
from demand_forecast.results_store.schema import MODELS
from stand_ins import lineage


@pytest.fixture
def registered(own_store) -> ModelVersionsDataset:
    """Two versions of a model, one of them without tags, and one of a segment with a like name."""
    client = MlflowClient()
    tags = lineage(
        as_of="2020-01-04", velocity="fast", promoted=True, trained_at="2020-01-06T09:00:00+01:00"
    ).to_tags()
    for name in ("unit.north_texas.large.fast", "unit.northztexas.large.fast"):
        client.create_registered_model(name)
        client.create_model_version(name, "file:/nowhere", tags=tags | {"model_digest": "abc"})
    client.create_model_version("unit.north_texas.large.fast", "file:/nowhere")
    client.set_registered_model_alias("unit.north_texas.large.fast", "champion", "1")
    return ModelVersionsDataset(prefix="north_texas.large", environment="unit")


def test_each_version_has_its_lineage_and_alias(registered) -> None:
    [row] = registered.load().to_dict("records")
    assert tuple(row) == COLUMNS == tuple(column.name for column in MODELS.columns)
    assert (row["model_name"], row["model_version"]) == ("unit.north_texas.large.fast", "1")
    assert (row["velocity"], row["is_promoted"], row["alias"]) == ("fast", True, "champion")
    assert row["trained_at"] == pd.Timestamp("2020-01-06 08:00")
    assert row["model_digest"] == "abc"


def test_there_may_be_none_and_none_can_be_stored(own_store) -> None:
    dataset = ModelVersionsDataset(prefix="ohio.large", environment="unit")
    assert dataset.exists()
    assert dataset.load().empty
    assert models(dataset.load()) == models(None) == {}
    with pytest.raises(DatasetError, match="read only"):
        dataset.save(1)
    assert "unit.ohio.large." in str(dataset)


def test_a_registry_that_does_not_answer_is_no_reason_to_fail(
    registered, monkeypatch, caplog
) -> None:
    def refuse(_):
        raise ConnectionError("no route to http://ann:secret@mlflow")

    monkeypatch.setattr(model_versions, "registered_models", refuse)
    try:
        tables = [registered.load() for _ in range(2)]
    finally:
        availability.remember(None)
    assert [(len(table), tuple(table)) for table in tables] == [(0, COLUMNS)] * 2
    [told] = caplog.messages
    assert told.endswith("registry unreachable: no route to http://***@mlflow")
