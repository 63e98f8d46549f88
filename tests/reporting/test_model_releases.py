"""``kedro models``: what serves, and how a person changes it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from kedro.io import DataCatalog
from mlflow.tracking import MlflowClient

from demand_forecast.exceptions import ArtefactError, ConfigurationError
from demand_forecast.framework import run_context
from demand_forecast.framework.run_context import RunContext
from demand_forecast.framework.segments import parse
from demand_forecast.modelling.lifecycle.records import TrainedModel
from demand_forecast.modelling.models.baseline import HistoricalAverage
from demand_forecast.registry import availability
from demand_forecast.registry.model_registry import ModelRegistryDataset
from demand_forecast.registry.releases import Champion
from demand_forecast.registry.tracking import ParentRun
from demand_forecast.reporting import model_releases as commands
from stand_ins import lineage

NAMES = ["maine.large.fast", "maine.large.slow", "maine.large.baseline"]
FAST, SLOW, BASELINE = NAMES


@pytest.fixture
def models(tmp_path, monkeypatch, own_store):
    """The models of one segment, none registered."""
    monkeypatch.chdir(tmp_path)
    availability.remember(None)
    plan = parse({"store_formats": ["large"], "regions": {"maine": {"layout": "csv"}}}, {"csv": {}})
    folder = str(tmp_path / "06_models")
    datasets = {
        name.replace(".baseline", ".baseline_model")
        if name == BASELINE
        else f"{name}.model": ModelRegistryDataset(name=name, environment="unit", filepath=folder)
        for name in NAMES
    }
    with run_context.inside(RunContext(plan)):
        yield commands.load_models(DataCatalog(datasets))
    availability.remember(None)


@pytest.fixture
def train(models, make_panel, tmp_path):
    """Register a version of a model, promoted or refused."""
    model = HistoricalAverage().fit(make_panel(n_stores=1, n_products=2, n_weeks=20))
    client = MlflowClient()
    experiment = client.create_experiment("unit", artifact_location=str(tmp_path / "files"))

    def save(name, **known):
        dataset = models.named(name)
        dataset.log_below(ParentRun(None, experiment), None)
        dataset.save(TrainedModel(model, lineage(validated_mape=12.3, **known)))

    return save


def _served(models):
    current = models.releases.current()
    return {n.removeprefix("unit."): c.version for n, c in current.champions.items()}


def _aliases(name):
    return MlflowClient().get_registered_model(f"unit.{name}").aliases


def test_before_the_first_release_one_is_told_how_to_make_one(models):
    with pytest.raises(ConfigurationError, match=r"nothing had been released yet.*pipelines=train"):
        commands.in_force(models)


def test_the_list_has_all_models(models, train, capsys):
    train(FAST, promoted=True, alarm="above the contract")
    commands.print_release(models, commands.in_force(models))
    out = capsys.readouterr().out
    assert "release 00001" in out
    [fast] = [line.split() for line in out.splitlines() if line.startswith(FAST)]
    assert fast == [FAST, "1", "ensemble", "2024-12-28", "12.3", "-", "above", "the", "contract"]
    [slow] = [line.split() for line in out.splitlines() if line.startswith(SLOW)]
    assert slow == [SLOW, *"------"]


def test_an_unknown_segment_is_told_with_those_that_are(models):
    with pytest.raises(ConfigurationError, match=r"no model 'maine.large.fats'.*mean '.*fast'"):
        models.named("maine.large.fats")


def test_what_the_gate_refused_needs_force_and_stays_marked(models, train, capsys):
    train(FAST, promoted=True)
    train(FAST, reason="worse than the baseline")
    with pytest.raises(ConfigurationError, match=r"refused by the gate: worse.*--force"):
        commands.promote(models, FAST, "2", "we need it", force=False)
    assert _served(models) == {FAST: "1"}
    release = commands.promote(models, FAST, "2", "we need it", force=True)
    assert release.champions[f"unit.{FAST}"].forced
    assert _aliases(FAST) == {"champion": 2, "previous_champion": 1, "challenger": 2}
    commands.print_change(models, release)
    assert "maine.large.fast: version 2, forced: worse than the baseline" in capsys.readouterr().out
    commands.print_version(models, FAST)
    assert "promoted by force     yes" in capsys.readouterr().out
    train(FAST, promoted=True)
    commands.print_history(models, FAST)
    out = capsys.readouterr().out
    assert [line.split()[0] for line in out.splitlines() if line.startswith("0000")] == [
        "00003",
        "00002",
        "00001",
    ]
    assert "we need it" in out
    assert "forced: worse" in out


def test_a_version_that_passed_needs_no_force(models, train):
    for _ in range(2):
        train(FAST, promoted=True)
    release = commands.promote(models, FAST, "1", "better in summer", force=False)
    assert not release.champions[f"unit.{FAST}"].forced
    assert _served(models) == {FAST: "1"}


def test_an_unknown_version_is_told(models, train):
    train(FAST, promoted=True)
    with pytest.raises(ArtefactError, match=r"has no unit.maine.large.fast version 9"):
        commands.promote(models, FAST, "9", "a slip", force=False)


def test_a_version_that_was_changed_is_not_promoted(models, train):
    train(FAST, reason="worse")
    address = MlflowClient().get_model_version_download_uri(f"unit.{FAST}", "1")
    file = Path(address.removeprefix("file://")) / "data/model/baseline.json"
    if not file.exists():
        [file] = Path("files").rglob("data/model/baseline.json")
    file.write_text(file.read_text() + " ")
    with pytest.raises(ArtefactError, match="is not what was written"):
        commands.promote(models, FAST, "1", "we need it", force=True)


def test_rollback_moves_all_champions(models, train):
    for name in (FAST, SLOW):
        train(name, promoted=True)
    before = models.releases.current()
    changes = dict(before.champions)
    for name in (FAST, SLOW):
        train(name, promoted=True)
    assert _served(models) == {FAST: "2", SLOW: "2"}
    release = commands.roll_back(models, before.id, "orders too high")
    assert release.champions == changes
    assert release.restores == before.id
    assert _aliases(FAST)["champion"] == _aliases(SLOW)["champion"] == 1
    back = commands.roll_back(models, None, "no, it was the weather")
    assert _served(models) == {FAST: "2", SLOW: "2"}
    assert back.restores == "00004"


def test_what_cannot_be_gone_back_to_is_told(models, train):
    train(FAST, promoted=True)
    with pytest.raises(ConfigurationError, match="no release before"):
        commands.roll_back(models, None, "a slip")
    with pytest.raises(ConfigurationError, match="no release '9'"):
        commands.roll_back(models, "9", "a slip")
    models.releases.publish(lambda before: before, "waits", pending=True)
    with pytest.raises(ConfigurationError, match=r"00002 never served. Valid: 00001"):
        commands.roll_back(models, "2", "a slip")


def test_rollback_works_without_a_registry_and_says_what_cannot_be_loaded(models, train, capsys):
    for _ in range(2):
        train(FAST, promoted=True)
    shutil.rmtree("06_models/champions/unit.maine.large.fast/1")
    availability.remember("registry unreachable: a test")
    release = commands.roll_back(models, None, "orders too high")
    assert _served(models) == {FAST: "1"}
    commands.print_change(models, release)
    assert "next best answers: maine.large.fast version 1: registry" in capsys.readouterr().out


def test_a_release_serves_once_it_is_approved(models, train, caplog):
    train(FAST, promoted=True)
    champion = models.releases.current().champions[f"unit.{FAST}"]
    new = Champion.after(champion, champion.model_copy(update={"version": "2"}))
    pending = models.releases.publish(lambda _: {f"unit.{FAST}": new}, "weekly", pending=True)
    train(SLOW, promoted=True)
    assert _served(models) == {FAST: "1", SLOW: "1"}
    with pytest.raises(ConfigurationError, match=r"00001 is not pending approval. Valid: 00002"):
        commands.approve(models, "1", "fine")
    release = commands.approve(models, None, "fine")
    assert release.approves == pending.id
    assert _served(models) == {FAST: "2", SLOW: "1"}
    assert "champion: the registry has no version 2" in caplog.text  # a person took it out
    with pytest.raises(ConfigurationError, match="no release is pending"):
        commands.approve(models, None, "again")


def test_what_answered_on_a_day(models, train):
    train(FAST, promoted=True)
    made = models.releases.current().created_at
    assert commands.in_force(models, f"{made:%Y-%m-%d}").id == "00001"
    assert commands.in_force(models, made.isoformat()).id == "00001"
    with pytest.raises(ConfigurationError, match=r"released on 2019-12-28; the first .* of 20"):
        commands.in_force(models, "2019-12-28")
    with pytest.raises(ConfigurationError, match="'yesterday' is no date"):
        commands.in_force(models, "yesterday")


def test_a_segment_without_a_champion_has_nothing_to_show(models, train):
    train(FAST, promoted=True)
    with pytest.raises(ConfigurationError, match="has no champion; the baseline answers"):
        commands.print_version(models, SLOW)
