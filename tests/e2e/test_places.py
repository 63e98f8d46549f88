"""What is found and written does not depend on where, how and on how many threads a run starts."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml
from project import ROOT, Project

SEGMENT = "north_texas.large"
ONE_REGION = {"north_texas": "us_csv"}


@pytest.mark.parametrize("kind", ["folder", "gztar", "zip"])
def test_an_environments_own_suite_counts_wherever_the_configuration_is(
    make_project, tmp_path, kind
) -> None:
    project = make_project(regions=ONE_REGION)
    conf = tmp_path / "elsewhere" / "conf"
    shutil.move(project.root / "conf", conf)
    many = {
        "type": "expect_table_row_count_to_be_between",
        "kwargs": {"min_value": 10**9},
    }
    (conf / "test" / "expectations").mkdir()
    (conf / "test" / "expectations" / "raw_stores.yml").write_text(
        yaml.safe_dump({"name": "raw_stores", "expectations": [many]})
    )
    source = conf
    if kind != "folder":
        source = shutil.make_archive(str(tmp_path / "conf"), kind, conf.parent, "conf")
    options = ("--pipelines=conditioning", f"--conf-source={source}")
    result = project.command(*options, "--env=test")
    assert result.exit_code == 1
    assert "node 'north_texas.condition'" in result.output
    assert "suite 'raw_stores'" in result.output
    assert project.command(*options).exit_code == 0


def test_a_run_on_a_cluster_makes_and_logs_what_a_sequential_one_does(make_project) -> None:
    """A worker is sent the run context and names of nodes, and nothing else."""
    project = make_project(regions=ONE_REGION)
    options = ("--pipelines=score", f"--namespaces={SEGMENT}", "--env=test")
    name, forecasts = f"{SEGMENT}.forecast", []
    for runner in ("DaskRunner", "SequentialRunner"):
        workers = ["--runner-params=max_workers=1"] if runner == "DaskRunner" else []
        done = project.command(
            *options, "--params=forecast.horizon=3", f"--runner={runner}", *workers
        )
        assert done.exit_code == 0, done.output
        forecasts.append(project.load([name])[name])
    pd.testing.assert_frame_equal(*forecasts)
    assert forecasts[0]["horizon"].max() == 3
    experiment = project.tracking.get_experiment_by_name("demand_forecast_test")
    first, second = project.tracking.search_runs([experiment.experiment_id])
    assert first.data.params == second.data.params != {}
    assert first.info.status == second.info.status == "FINISHED"


def _packaged(project: Project) -> Path:
    """``kedro package``; the folder with the wheel and the archive of the configuration."""
    shutil.rmtree(project.root / "src")
    shutil.copytree(ROOT / "src", project.root / "src", ignore=shutil.ignore_patterns("__pyc*"))
    for name in ("README.md", "LICENSE"):
        shutil.copy(ROOT / name, project.root)
    command = [sys.executable, "-m", "kedro", "package"]
    subprocess.run(command, cwd=project.root, check=True, capture_output=True, timeout=240)
    return project.root / "dist"


def _installed(wheels: Path, folder: Path) -> Path:
    """A virtual environment with the wheel and, by a path, what is installed here; no download."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    [packages] = folder.glob("lib/python*/site-packages")
    here = [path for path in sys.path if path.endswith("site-packages")]
    (packages / "here.pth").write_text("\n".join(here))
    [wheel] = wheels.glob("*.whl")
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python"), "install"]
    options = ["--no-deps", "--no-index", "--ignore-installed", "--quiet"]
    subprocess.run([*pip, *options, str(wheel)], check=True)
    return folder / "bin"


def test_the_packaged_project_runs_in_an_empty_folder(make_project, tmp_path) -> None:
    project = make_project(regions=ONE_REGION)
    dist = _packaged(project)
    programs = _installed(dist, tmp_path / "venv")
    folder = tmp_path / "empty"
    shutil.copytree(project.root / "data" / "01_raw", folder / "data" / "01_raw")
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}

    def run(*command: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(part) for part in command],
            check=False,
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=240,
        )

    [conf] = dist.glob("conf-*.tar.gz")
    done = run(
        programs / "demand-forecast", f"--conf-source={conf}", "--env=test", "--pipelines=score"
    )
    assert done.returncode == 0, done.stderr
    outputs = folder / "data/test/07_model_output/north_texas"
    for store_format in ("large", "small"):
        [file] = outputs.glob(f"{store_format}/forecast.parquet/*/forecast.parquet")
        assert len(pd.read_parquet(file)) > 0
    assert (folder / "mlflow.db").exists()

    shown = run(programs / "python", "-m", "demand_forecast", "--help")
    assert shown.returncode == 0
    assert "SegmentRunner" in shown.stdout
    wrong = run(programs / "python", "-m", "demand_forecast", f"--conf-source={conf}", "--env=tst")
    assert wrong.returncode == 1
    assert "Did you mean 'test'?" in wrong.stderr
    assert "Traceback" not in wrong.stderr
