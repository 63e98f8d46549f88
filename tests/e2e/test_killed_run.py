"""A run that is killed leaves nothing that a later run would take for data."""

from __future__ import annotations

import signal
import time
from pathlib import Path

from kedro.io import DatasetError

from demand_forecast.framework.session import SegmentSession
from demand_forecast.modelling.output_contract import check_output, target_weeks
from demand_forecast.modelling.panel import KEY

SEGMENT = "north_texas.large"


def _wait_for(path: Path, seconds: float = 240) -> None:
    until = time.monotonic() + seconds
    while not list(path.parent.glob(path.name)):
        assert time.monotonic() < until, f"{path} has not come"
        time.sleep(0.02)


def _states(project) -> list[str]:
    """What MLflow says of the runs of the environment."""
    experiment = project.tracking.get_experiment_by_name("demand_forecast_test")
    runs = project.tracking.search_runs([experiment.experiment_id])
    return [run.info.status for run in runs]


def test_the_next_run_completes_what_a_killed_one_began(make_project) -> None:
    project = make_project(regions={"north_texas": "us_csv"})
    long_training = "--params=training.network.min_steps=20000,training.network.max_steps=20000"
    process = project.start("--env=test", f"--namespaces={SEGMENT}", long_training)
    models = project.root / "data/test/06_models/north_texas/large"
    _wait_for(models / "baseline" / "manifest.json")
    time.sleep(1)  # in the middle of training the ensemble
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=30)
    assert process.returncode == -signal.SIGKILL
    assert _states(project) == ["RUNNING"]
    names = [name.removeprefix("data/test/") for name in project.files("data/test")]
    assert "06_models/north_texas/large/fast/challenger/manifest.json" not in names

    # what is there is whole, what is not whole is not there
    kept = project.load([f"{SEGMENT}.panel", f"{SEGMENT}.velocity", f"{SEGMENT}.baseline"])
    assert kept[f"{SEGMENT}.panel"].n_series == len(kept[f"{SEGMENT}.velocity"])
    with project.inside(), SegmentSession.create(project.root, env="test") as session:
        catalog = session.load_context().catalog
        for name in ("fast.challenger", "fast.backtest", "forecast"):
            try:
                catalog.load(f"{SEGMENT}.{name}")
            except DatasetError:
                continue
            raise AssertionError(f"{name} was taken for data")

    project.run(namespaces=[SEGMENT])
    assert sorted(set(_states(project))) == ["FINISHED", "KILLED"]
    panel, forecast = project.load([f"{SEGMENT}.panel", f"{SEGMENT}.forecast"]).values()
    check_output(forecast, panel.series[KEY], target_weeks(panel.as_of, 4))
    registered = {m.name for m in project.tracking.search_registered_models()}
    assert registered == {f"test.{SEGMENT}.{m}" for m in ("fast", "slow", "baseline")}
