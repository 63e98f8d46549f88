"""``kedro prune``: what is old and needed by nobody goes, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pandas as pd
import pytest
from filelock import FileLock
from kedro.io import DataCatalog, MemoryDataset, Version
from mlflow.tracking import MlflowClient

from demand_forecast.datasets.artefact import ArtefactDataset
from demand_forecast.datasets.atomic import CSVDataset, ParquetDataset
from demand_forecast.exceptions import (
    ArtefactError,
    ConfigurationError,
    RegistryError,
    RunInProgressError,
)
from demand_forecast.framework import run_context
from demand_forecast.framework.run_context import RunContext
from demand_forecast.framework.segments import parse
from demand_forecast.modelling.evaluation.metrics import mape
from demand_forecast.modelling.panel import Panel
from demand_forecast.registry import availability
from demand_forecast.registry import releases as releases_module
from demand_forecast.registry.audit import AuditTrail, Code, Manifest
from demand_forecast.registry.file_records import Files
from demand_forecast.registry.releases import Champion, ModelVersion, ReleaseStore
from demand_forecast.reporting import pruning
from stand_ins import lineage

NAME = "unit.north_texas.large.fast"
NOW = datetime.now(UTC)
OLD, LEARNED, AFTER, NEWEST = (
    f"{NOW - timedelta(days=days):%Y-%m-%dT%H.%M.%S}.000Z" for days in (300, 200, 150, 100)
)
YOUNG = f"{NOW - timedelta(days=3):%Y-%m-%dT%H.%M.%S}.000Z"
STAMPS = (OLD, LEARNED, AFTER, NEWEST, YOUNG)
_FILES = "demand_forecast.datasets"
_PLACE = "{region}.{store_format}"


def _catalog(root):
    """The entries of the catalog that pruning meets, as the project has them."""
    panel = {
        "type": f"{_FILES}.artefact.ArtefactDataset",
        "filepath": f"{root}/03_primary/{{region}}/{{store_format}}/panel",
        "artefact": "demand_forecast.modelling.panel.Panel",
    }
    output = f"{root}/07_model_output/{{region}}/{{store_format}}"
    backtest = {
        "type": f"{_FILES}.atomic.ParquetDataset",
        "filepath": f"{output}/{{velocity}}/backtest.parquet",
    }
    models = {
        "type": "demand_forecast.registry.model_registry.ModelRegistryDataset",
        "environment": "unit",
        "filepath": f"{root}/06_models",
    }
    forecast = {"filepath": f"{output}/forecast.parquet", "versioned": True}
    table = {"type": f"{_FILES}.atomic.ParquetDataset"} | forecast
    alerts = {"type": f"{_FILES}.atomic.CSVDataset", "filepath": f"{root}/08_reporting/alerts.csv"}
    view = f"{_FILES}.versions.VersionsDataset"
    return {
        f"{_PLACE}.panel": panel | {"versioned": True},
        f"{_PLACE}.past_panels": {"type": view, "dataset": panel},
        f"{_PLACE}.{{velocity}}.backtest": backtest | {"versioned": True},
        f"{_PLACE}.{{velocity}}.past_backtests": {"type": view, "dataset": backtest},
        f"{_PLACE}.forecast": table,
        f"{_PLACE}.forecast_sources": table,
        f"{_PLACE}.{{velocity}}.model": models | {"name": f"{_PLACE}.{{velocity}}"},
        f"{_PLACE}.baseline_model": models | {"name": f"{_PLACE}.baseline"},
        "alerts": alerts | {"versioned": True},
        "summary": {"type": f"{_FILES}.atomic.JSONDataset", "filepath": f"{root}/08/summary.json"},
    }


@pytest.fixture
def context(tmp_path):
    """A project of one segment, without any data."""
    config = _catalog("data")
    anchored = _catalog(tmp_path / "data")
    catalog = DataCatalog.from_config(anchored)
    catalog["params:monitoring"] = MemoryDataset({"past_runs": 2})
    catalog["params:experiments"] = MemoryDataset({})
    plan = parse(
        {"store_formats": ["large"], "regions": {"north_texas": {"layout": "csv"}}}, {"csv": {}}
    )
    run = RunContext(plan, tmp_path, data_root=str(tmp_path / "data"), patience=0)
    with run_context.inside(run):
        yield SimpleNamespace(
            config_loader={"catalog": config}, catalog=catalog, project_path=tmp_path
        )


@pytest.fixture
def release(tmp_path, monkeypatch):
    """Put a version of the model in force, some days ago."""
    store = ReleaseStore(str(tmp_path / "data" / "06_models" / "releases"))

    def publish(days, number, origin, **options):
        version = ModelVersion(version=number, lineage=origin)
        clock = SimpleNamespace(now=lambda _: NOW - timedelta(days=days))
        with monkeypatch.context() as patch:
            patch.setattr(releases_module, "datetime", clock)
            store.publish(
                lambda before: {NAME: Champion.after(before.get(NAME), version)}, "", **options
            )

    return publish


def _fill(root, make_panel):
    """Five runs; that of ``LEARNED`` has trained a model, whose lineage is given back."""
    panels = {s: make_panel(n_stores=1, n_weeks=30 + i) for i, s in enumerate(STAMPS[:4])}
    place = root / "03_primary/north_texas/large/panel"
    for stamp, panel in panels.items():
        version = Version(None, stamp)
        ArtefactDataset(
            filepath=str(place), artefact="demand_forecast.modelling.panel.Panel", version=version
        ).save(panel)
    output = root / "07_model_output/north_texas/large"
    backtests = {
        stamp: pd.DataFrame({"model": "ensemble", "actual": [10.0], "mape_point": [point]})
        for stamp, point in {OLD: 11.0, LEARNED: 12.0, AFTER: 13.0, NEWEST: 14.0}.items()
    }
    for stamp, rows in backtests.items():
        file = str(output / "fast/backtest.parquet")
        ParquetDataset(filepath=file, version=Version(None, stamp)).save(rows)
    for stamp in STAMPS:
        version, table = Version(None, stamp), pd.DataFrame({"a": [1]})
        ParquetDataset(filepath=str(output / "forecast.parquet"), version=version).save(table)
        CSVDataset(filepath=str(root / "08_reporting/alerts.csv"), version=version).save(table)
    judged = backtests[LEARNED]
    return lineage(
        velocity="fast",
        as_of=panels[LEARNED].as_of.date(),
        panel_digest=panels[LEARNED].digest,
        validated_mape=mape(judged["actual"], judged["mape_point"]),
        trained_at=pruning.moment_of(LEARNED) + timedelta(minutes=5),
    )


def _stamps(root, path):
    return sorted(p.name for p in (root / path).iterdir())


def _files(root):
    return {p.relative_to(root): p.stat().st_size for p in root.rglob("*") if p.is_file()}


def test_what_releases_and_monitoring_need_stays(context, release, make_panel, tmp_path, capsys):
    root = tmp_path / "data"
    origin = _fill(root, make_panel)
    release(200, "1", origin.model_copy(update={"panel_digest": "gone"}))
    release(150, "2", origin.model_copy(update={"panel_digest": "gone"}))
    release(100, "3", origin)
    [model] = run_context.registered_models(["north_texas.large.fast.model"], context.catalog)
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "model.json").write_text("{}")
    for number in "12345":
        model.copies.keep(NAME, number, tmp_path / "files")
    model.releases.stage(OLD, NAME, ModelVersion(version="4", lineage=origin))
    model.releases.stage(YOUNG, NAME, ModelVersion(version="5", lineage=origin))
    person = root / "03_primary/north_texas/large/panel/mine.txt"
    person.write_text("do not touch")

    before = _files(root)
    inventory = pruning.prune(context, timedelta(weeks=8), dry_run=True)
    assert _files(root) == before
    pruning.print_inventory(inventory, dry_run=True)
    told = capsys.readouterr().out
    assert "would be removed" in told and f"it is no version: {person}" in told.replace("\n", "")

    done = pruning.prune(context, timedelta(weeks=8), dry_run=False)
    table = pruning.summary(done.stored)
    pd.testing.assert_frame_equal(table, pruning.summary(inventory.stored))
    assert table.loc["panel", ["removed", "kept"]].tolist() == [2, 2]
    assert table.loc["all", ["removed", "kept"]].tolist() == [
        2 + 2 + 2 + 4 + 1 + 2,
        2 + 2 + 3 + 1 + 1 + 3,
    ]
    gone = sum(before.values()) - sum(
        size for f, size in _files(root).items() if f.parts[0] != ".runs"
    )
    assert table.loc["all", "MB"] == pytest.approx(gone / 1e6)

    place = root / "03_primary/north_texas/large"
    assert _stamps(place, "panel") == [LEARNED, NEWEST, "mine.txt"]
    assert [p.name for p in place.iterdir()] == ["panel"]  # nothing hidden is left
    output = root / "07_model_output/north_texas/large"
    assert _stamps(output, "fast/backtest.parquet") == [LEARNED, NEWEST]
    assert _stamps(output, "forecast.parquet") == [LEARNED, NEWEST, YOUNG]
    assert _stamps(root, "08_reporting/alerts.csv") == [YOUNG]
    assert model.copies.held() == [(NAME, "2"), (NAME, "3"), (NAME, "5")]
    assert model.releases.staged_runs() == [YOUNG]
    assert isinstance(context.catalog.load("north_texas.large.panel"), Panel)
    again = pruning.prune(context, timedelta(weeks=8), dry_run=False)
    assert all(stored.keep for stored in again.stored)


def test_what_an_experiment_tries_stays(context, release, tmp_path):
    release(1, "1", lineage())
    [model] = run_context.registered_models(["north_texas.large.fast.model"], context.catalog)
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "model.json").write_text("{}")
    for number in "123":
        model.copies.keep(NAME, number, tmp_path / "files")
    plan = {"kind": "shadow", "start_week": "2025-01-04", "owner": "ann"}
    plan |= {"challengers": {NAME.partition(".")[2]: 2}}
    context.catalog["params:experiments"] = MemoryDataset({"plans": {"try": plan}})
    pruning.prune(context, timedelta(weeks=8), dry_run=False)
    assert model.copies.held() == [(NAME, "1"), (NAME, "2")]


def test_a_release_that_waits_for_approval_needs_its_models(context, release, tmp_path):
    release(300, "1", lineage())
    release(290, "2", lineage(), pending=True)
    release(280, "3", lineage(), pending=True)
    store = ReleaseStore(str(tmp_path / "data/06_models/releases"))
    needed = store.since(NOW - timedelta(weeks=8))
    assert [r.champions[NAME].version for r in needed] == ["1", "3"]
    needed = store.since(NOW - timedelta(days=295))
    assert [r.champions[NAME].version for r in needed] == ["1", "3", "2"]


def test_what_served_within_the_time_is_needed_though_it_is_older(context, release, tmp_path):
    for days, number in [(300, "1"), (200, "2"), (10, "3")]:
        release(days, number, lineage())
    store = ReleaseStore(str(tmp_path / "data/06_models/releases"))
    needed = store.since(NOW - timedelta(weeks=8))
    assert [r.champions[NAME].version for r in needed] == ["3", "2"]


def test_what_a_kept_manifest_refers_to_stays(context, make_panel, tmp_path):
    """A run of this week has read a panel that nobody else needs."""
    _fill(tmp_path / "data", make_panel)
    place = "03_primary/north_texas/large/panel"
    files, trail = Files(str(tmp_path / "data")), AuditTrail(str(tmp_path / "data"))
    for days, stamp in ((90, OLD), (3, AFTER)):
        path = f"{tmp_path}/data/{place}/{stamp}/panel"
        record = files.record("north_texas.large.panel", path, stamp)
        trail.append(_manifest(NOW - timedelta(days=days), record))
    pruning.prune(context, timedelta(weeks=8), dry_run=False)
    assert _stamps(tmp_path / "data", place) == [AFTER, NEWEST]


def _manifest(ended_at, record):
    return Manifest(
        id="",
        run="run",
        who="ada@host",
        command="kedro run",
        started_at=ended_at,
        ended_at=ended_at,
        pipelines=("score",),
        status="complete",
        code=Code(commit="abc", python="3.11", packages={}),
        parameters="p",
        verdicts={},
        inputs=(record,),
        outputs=(),
    )


def test_a_run_at_work_is_waited_for(context, release, make_panel, tmp_path):
    release(100, "1", _fill(tmp_path / "data", make_panel))
    before = _files(tmp_path)
    (tmp_path / "data" / ".runs").mkdir()
    with (
        FileLock(tmp_path / "data" / ".runs" / "north_texas.lock"),
        pytest.raises(RunInProgressError, match="north_texas"),
    ):
        pruning.prune(context, timedelta(weeks=8), dry_run=False)
    after = _files(tmp_path)
    assert {f: after[f] for f in before} == before


def test_nothing_is_removed_where_the_release_cannot_be_read(
    context, release, make_panel, tmp_path
):
    root = tmp_path / "data"
    release(100, "1", _fill(root, make_panel))
    (root / "06_models/releases/00001.json").write_text("{}")
    before = _files(root)
    with pytest.raises(ArtefactError, match="not the release that was written"):
        pruning.prune(context, timedelta(weeks=8), dry_run=False)
    after = _files(root)
    assert {f: after[f] for f in before} == before


@pytest.mark.parametrize("text", ["8", "0w", "8m", "-1d", "w", "8.5w"])
def test_another_age_is_refused(text):
    with pytest.raises(ConfigurationError, match=r"8w or 60d"):
        pruning.parse_age(text)


def test_ages_are_weeks_or_days():
    assert pruning.parse_age("8w") == pruning.parse_age(" 56D ") == timedelta(days=56)


def test_without_a_data_root_nothing_is_removed(context):
    with (
        run_context.inside(RunContext(run_context.current().segments)),
        pytest.raises(ConfigurationError, match="data_root"),
    ):
        pruning.prune(context, timedelta(weeks=8), dry_run=False)


def test_nothing_is_removed_where_it_is_not_known_what_serves(context, make_panel, tmp_path):
    root = tmp_path / "data"
    _fill(root, make_panel)
    before = _files(root)
    availability.remember("registry unreachable: no connection")
    try:
        with pytest.raises(RegistryError, match="what serves cannot be asked for: registry unreac"):
            pruning.prune(context, timedelta(weeks=8), dry_run=True)
    finally:
        availability.remember(None)
    assert _files(root) == before


def test_where_nothing_is_stored_nothing_is_told_but_that(capsys):
    pruning.print_inventory(pruning.Inventory([], [f"file {i}" for i in range(22)]), dry_run=False)
    told = capsys.readouterr().out.splitlines()
    assert told[2].split() == ["all", "0", "0", "0.0", "0", "0", "0.0"]
    assert told[-1] == "and 2 more that are no versions"


def test_versions_in_the_registry_go_only_on_request(context, release, own_store, tmp_path):
    client = MlflowClient()
    experiment = client.create_experiment("unit", artifact_location=str(tmp_path / "mlflow"))
    client.create_registered_model(NAME)
    client.create_registered_model("other.north_texas.large.fast")
    logged = [client.create_logged_model(experiment, name=f"model {i}") for i in range(5)]
    for model in logged:
        source = f"models:/{model.model_id}"
        client.create_model_version(NAME, source, model_id=model.model_id)
        client.create_model_version("other.north_texas.large.fast", source)
    for days, number in [(300, "1"), (200, "2"), (100, "3")]:
        release(days, number, lineage())

    def versions(name=NAME):
        return sorted(v.version for v in client.search_model_versions(f"name='{name}'"))

    limit = datetime.now(UTC) - timedelta(days=56)
    table = pruning.summary(pruning.take_stock(context, limit, registry=True).stored)
    assert table.loc["registered models", ["removed", "kept"]].tolist() == [0, 4]  # just made
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    inventory = pruning.take_stock(context, tomorrow, registry=True)
    for stored in inventory.stored:
        if not stored.keep:
            stored.remove()
    assert [s.keep for s in inventory.stored] == [False, True, True, False]
    assert [str(v) for v in versions()] == ["2", "3", "5"]  # before, champion, newest
    assert len(versions("other.north_texas.large.fast")) == 5
    left = client.search_logged_models([experiment])
    assert {m.name for m in left} == {"model 1", "model 2", "model 4"}
    assert pruning.take_stock(context, tomorrow, registry=False).stored == []
