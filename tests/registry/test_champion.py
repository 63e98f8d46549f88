from __future__ import annotations

import pytest
from kedro.io import DatasetError

from demand_forecast.registry import availability
from demand_forecast.registry.champion import ChampionDataset
from demand_forecast.registry.releases import Champion, ModelVersion, RunRelease
from stand_ins import lineage


@pytest.fixture
def champion(tmp_path) -> ChampionDataset:
    """Of a project without any release."""
    return ChampionDataset(name="a.large.fast", environment="test", filepath=str(tmp_path))


@pytest.fixture(autouse=True)
def _available():
    yield
    availability.remember(None)


def test_version_and_lineage_are_told_without_the_files(champion) -> None:
    assert champion.load().reason == "no champion"
    origin = lineage(code_digest="c1", promoted=True)
    version = ModelVersion(version="7", digest="d", lineage=origin)
    champion.releases.publish(
        lambda _: {"test.a.large.fast": Champion.after(None, version)}, "a test"
    )
    found = champion.load()
    assert (found.model, found.version, found.reason) == (None, "7", "")
    assert found.lineage == origin


def test_what_was_released_is_told_from_what_a_killed_run_has_trained(champion) -> None:
    """A release has the origin with what is noted when a model is registered."""
    trained = lineage(code_digest="c1", promoted=True)
    noted = trained.model_copy(update={"environment": "test", "git_commit": "abc"})
    version = ModelVersion(version="7", digest="d", lineage=noted)
    champion.releases.publish(lambda _: {champion.name: Champion.after(None, version)}, "a test")
    champion.releases.publish(lambda before: before, "waits", pending=True)
    was_released = champion.load().was_released
    assert was_released is not None
    assert was_released(trained)
    killed = trained.model_copy(update={"panel_digest": "of today"})
    assert not was_released(killed)
    champion._run = RunRelease("2026", None)
    champion.releases.stage("2026", champion.name, version.model_copy(update={"lineage": killed}))
    assert was_released(killed)


def test_a_registry_that_does_not_answer_is_no_missing_champion(champion) -> None:
    availability.remember("registry unreachable: no route to host")
    found = champion.load()
    assert found.reason == found.trouble == "registry unreachable: no route to host"


def test_a_release_without_the_model_says_so_whether_the_registry_answers_or_not(champion) -> None:
    """As the model's own dataset does: the release is known, and nothing serves by it."""
    champion.releases.publish(lambda _: {}, "of another segment")
    availability.remember("registry unreachable: no route to host")
    found = champion.load()
    assert (found.reason, found.trouble) == ("no champion", None)


def test_a_release_that_was_changed_is_told(champion, tmp_path) -> None:
    champion.releases.publish(lambda _: {}, "a test")
    [document] = [f for f in (tmp_path / "releases").glob("*.json") if f.stem != "current"]
    document.write_text(document.read_text().replace("a test", "another"))
    found = champion.load()
    assert found.reason.startswith("no release can be read: ")
    assert found.trouble == found.reason


def test_a_champion_is_only_read(champion) -> None:
    with pytest.raises(DatasetError, match="model's own dataset"):
        champion.save("a model")
    assert "test.a.large.fast" in str(champion)
