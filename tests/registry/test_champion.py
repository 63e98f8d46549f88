from __future__ import annotations

import pytest
from kedro.io import DatasetError
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from demand_forecast.registry import champion
from demand_forecast.registry.champion import ChampionDataset
from stand_ins import lineage

pytestmark = pytest.mark.usefixtures("own_store")


def _champion() -> ChampionDataset:
    return ChampionDataset(name="a.large.fast", environment="test")


def test_version_and_lineage_are_told_without_the_files(tmp_path) -> None:
    assert _champion().load().reason == "no champion"
    client, origin = MlflowClient(), lineage(code_digest="c1")
    client.create_registered_model("test.a.large.fast")
    assert _champion().load().reason == "no champion"
    client.create_model_version("test.a.large.fast", str(tmp_path), tags=origin.to_tags())
    client.set_registered_model_alias("test.a.large.fast", "champion", "1")
    found = _champion().load()
    assert (found.model, found.version, found.reason) == (None, "1", "")
    assert found.lineage == origin
    client.set_model_version_tag("test.a.large.fast", "1", "as_of", "yesterday")
    assert _champion().load().lineage is None


def test_a_registry_that_does_not_answer_is_no_missing_champion(monkeypatch, caplog) -> None:
    def down(self, name, alias):
        raise MlflowException("no route to host")

    monkeypatch.setattr(champion.MlflowClient, "get_model_version_by_alias", down)
    assert _champion().load().reason == "the registry does not answer"
    assert "the registry does not answer" in caplog.text


def test_a_champion_is_only_read() -> None:
    with pytest.raises(DatasetError, match="model's own dataset"):
        _champion().save("a model")
    assert _champion().exists()
    assert "test.a.large.fast" in str(_champion())
