"""``kedro run`` as it is typed: what it says where it cannot go on, and where it writes."""

from __future__ import annotations

import re

import pytest
from project import Project


@pytest.fixture(scope="module")
def fresh(make_project) -> Project:
    """A fresh clone in which nothing has run; nothing in this file may change that."""
    return make_project(regions={"north_texas": "us_csv"})


def _error(project: Project, *options: str) -> str:
    """The one line that a command says when it fails."""
    result = project.command(*options)
    assert result.exit_code == 1
    assert "Traceback" not in result.output
    [error] = [line for line in result.output.splitlines() if line.startswith("Error: ")]
    return error.removeprefix("Error: ")


def test_a_stage_without_its_input_names_the_command_to_run_first(fresh) -> None:
    """In a process of its own, so that really everything on the terminal is looked at."""
    process = fresh.start("--pipelines=training", "--env=test")
    out, err = process.communicate(timeout=120)
    assert process.returncode == 1
    assert out == ""
    assert err.splitlines() == [
        "Error: 'north_texas.large.panel' (and 1 more) has not been made yet: "
        "run `kedro run --pipelines=conditioning --env=test` first."
    ]


@pytest.mark.parametrize(
    ("stage", "first"),
    [
        ("validation", "conditioning,training"),
        ("release", "conditioning,training,validation"),
        ("scoring", "conditioning"),
        ("monitoring", "conditioning"),
    ],
)
def test_so_does_every_other_stage(fresh, stage, first) -> None:
    assert f"run `kedro run --pipelines={first}` first." in _error(fresh, f"--pipelines={stage}")


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("--namespaces=north_texs", "no region, segment or velocity 'north_texs'"),
        ("--namespaces=north_texas.lage", "Did you mean 'north_texas.large'?"),
        ("--namespaces=north_texas.large.fats", "Did you mean 'north_texas.large.fast'?"),
        ("--env=prodd", "no environment 'prodd'"),
        ("--params=forecast.horizon=0", "'forecast.horizon' is 0"),
        ("--params=forecast.horizn=4", "'forecast.horizn' does not exist"),
        ("--params=forcast.horizon=4", "no group or region 'forcast'"),
        (
            "--params=training.network.drpout=0.1",
            "'training.network.drpout' does not exist",
        ),
        ("--params=validation.mape_limt=4", "'validation.mape_limt' does not exist"),
        ("--params=north_texas.large.fast.validation.mape_limit=-3", "mape_limit' is -3"),
        ("--params=north_texas.large.fats.validation.mape_limit=3", "Did you mean 'fast'?"),
        ("--params=north_texas.large.forecast.origins=0", "'north_texas.large.forecast.origins'"),
        ("--pipelines=scorin", "no pipeline 'scorin'"),
        ("--nodes=north_texas.large.scor", "no node 'north_texas.large.scor'"),
        ("--from-nodes=north_texas.large.scor", "Did you mean 'north_texas.large.score'?"),
        ("--to-nodes=north_texas.large.scor", "Did you mean 'north_texas.large.score'?"),
        ("--tags=scorin", "no tag 'scorin'"),
        ("--runner=SegmntRunner", "Did you mean 'SegmentRunner'?"),
        ("--runner-params=max_worker=2", "no parameter 'max_worker'"),
    ],
)
def test_what_does_not_exist_is_named(fresh, option, words) -> None:
    assert words in _error(fresh, option)


FOLDERS = ["DEMAND_FORECAST_DATA_ROOT", "DEMAND_FORECAST_RAW_ROOT"]


@pytest.mark.measured
@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ([], "DEMAND_FORECAST_DATA_ROOT"),
        (["DEMAND_FORECAST_DATA_ROOT"], "DEMAND_FORECAST_RAW_ROOT"),
        (FOLDERS, "DEMAND_FORECAST_RESULTS_DATABASE"),
        ([*FOLDERS, "DEMAND_FORECAST_RESULTS_DATABASE"], "MLFLOW_TRACKING_URI"),
    ],
)
def test_production_asks_for_its_settings(fresh, monkeypatch, tmp_path, given, missing) -> None:
    for name in (*FOLDERS, "DEMAND_FORECAST_RESULTS_DATABASE", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)
    for name in given:
        monkeypatch.setenv(name, str(tmp_path))
    error = _error(fresh, "--env=prod")
    assert error.startswith("conf/prod, ")
    assert f"Environment variable '{missing}' not found" in error
    assert not list(tmp_path.iterdir())


def test_nothing_was_written_by_all_that(fresh) -> None:
    data = [name for name in fresh.files() if "/.runs/" not in name]  # locks of the regions
    assert {name.split("/")[1] for name in data} == {"01_raw"}


def test_a_region_that_fails_stops_no_other_and_says_the_way_out(make_project) -> None:
    """Also from a worker process; the project's own errors need no traceback."""
    project = make_project()
    for file in (project.root / "data/01_raw/north_texas").glob("*"):
        file.unlink()
    options = ("--pipelines=conditioning", "--env=test")
    here = project.command(*options)
    process = project.start(*options, "--runner=SegmentRunner", "--runner-params=max_workers=2")
    out, err = process.communicate(timeout=120)
    assert here.exit_code == process.returncode == 1
    for told in (here.output, out + err):
        assert "Traceback" not in told
        [*_, error, rest, again] = told.splitlines()
        assert re.match(r"Error: node 'north_texas\.condition': .*01_raw", error)
        assert rest.startswith("1 node failed; 6 that need what was not made were left out.")
        assert again.endswith("--env=test --pipelines=conditioning --namespaces=north_texas")
        assert "history until (as_of): " in told
    panels = [name for name in project.files("data/test/03_primary") if "manifest.json" in name]
    assert len(panels) == 4
    assert all("/new_england/" in name for name in panels)


def test_the_help_speaks_of_runners_namespaces_and_jobs(fresh) -> None:
    text = fresh.command("--help").output
    for word in ("SegmentRunner", "--pipelines=score", "--namespaces=north_texas.large"):
        assert word in text


def _written(project: Project) -> set[str]:
    return {name.split("/")[1] for name in project.files()} - {"01_raw"}


@pytest.mark.parametrize(
    ("env", "folders"),
    [
        (None, {".runs", "02_intermediate", "03_primary", "08_reporting", "09_audit"}),
        ("test", {"test"}),
        ("dev", {"dev"}),
    ],
)
def test_each_environment_writes_below_its_own_data_root(make_project, env, folders) -> None:
    project = make_project(regions={"north_texas": "us_csv"})
    project.run("conditioning", env=env)
    assert _written(project) == folders
    assert not list((project.root / "data").glob("*/01_raw"))
    experiments = {e.name for e in project.tracking.search_experiments()}
    assert f"demand_forecast_{env or 'base'}" in experiments


def test_dev_and_prod_go_where_they_are_told(make_project, monkeypatch, tmp_path) -> None:
    project = make_project(regions={"north_texas": "us_csv"})
    monkeypatch.setenv("DEMAND_FORECAST_DATA_ROOT", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("DEMAND_FORECAST_RAW_ROOT", str(project.root / "data" / "01_raw"))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{project.root}/mlflow.db")
    monkeypatch.setenv("DEMAND_FORECAST_RESULTS_DATABASE", f"sqlite:///{tmp_path}/results.db")
    for env in ("dev", "prod"):
        project.run("conditioning", env=env)
        assert _written(project) == set()
    assert (tmp_path / "elsewhere" / "03_primary" / "north_texas" / "large" / "panel").is_dir()


@pytest.mark.parametrize("job", ["score", "monitor"])
def test_jobs_work_from_raw_files_before_the_first_training(make_project, job) -> None:
    project = make_project(regions={"north_texas": "us_csv"})
    project.run(job)
    if job == "score":
        [forecast] = project.load(["north_texas.small.forecast"]).values()
        assert set(forecast["source"]) == {"baseline"}
        assert set(forecast["reason"]) == {"no champion; baseline computed now: no champion"}
        assert len(forecast) > 0
    else:
        [plan] = project.load(["retrain_plan"]).values()
        assert set(plan["reasons"]) == {"no_champion"}
        assert len(plan) == 4


@pytest.mark.measured
def test_the_dashboard_reads_the_store_of_the_environment(fresh, monkeypatch) -> None:
    from demand_forecast.dashboard.server import launch

    served: list[tuple[object, ...]] = []
    monkeypatch.setattr(launch, "serve", lambda *told: served.append(told))
    result = fresh.command("--env=test", "--port=9000", of="dashboard")
    assert result.exit_code == 0, result.output
    database = f"sqlite:///{fresh.root}/data/test/results.db"
    assert served == [(database, 9000, "127.0.0.1")]
    assert f"results store {database}, dashboard http://127.0.0.1:9000" in result.output
