"""The notebooks run from end to end, and are stored without what a run has left in them."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import mlflow
import nbformat
import pytest
import yaml
from kedro.framework.startup import bootstrap_project
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from demand_forecast.framework import run_context
from demand_forecast.framework.environment import prepare
from demand_forecast.framework.session import SegmentSession
from demand_forecast.simulator import simulate

prepare()  # the session in this process is as quiet as those of the command line

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
QUICK = 'ENV = "test"\nNETWORK = {"seeds": 1, "min_steps": 5, "max_steps": 5}\n'


def _run(project: Path, name: str, parameters: str) -> Any:
    """Execute a notebook of a project with other parameters; returns it with its outputs."""
    path = project / "notebooks" / name
    notebook = nbformat.read(path, as_version=4)
    position = next(
        i for i, cell in enumerate(notebook.cells) if "parameters" in cell.metadata.get("tags", [])
    )
    notebook.cells.insert(position + 1, nbformat.v4.new_code_cell(parameters))
    where = {"metadata": {"path": str(path.parent)}}
    return NotebookClient(notebook, timeout=120, kernel_name="python3", resources=where).execute()


@pytest.fixture(autouse=True)
def _own_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel draws into the notebook, whatever Streamlit has told this process to draw with."""
    monkeypatch.delenv("MPLBACKEND", raising=False)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with one small simulated region, one segment of which has been conditioned."""
    root = tmp_path_factory.mktemp("project")
    for folder in ("conf", "notebooks"):
        shutil.copytree(ROOT / folder, root / folder)
    shutil.copy(ROOT / "pyproject.toml", root)
    (root / "src").mkdir()
    segments = {
        "store_formats": ["large", "small"],
        "regions": {"north_texas": {"layout": "us_csv"}},
    }
    (root / "conf" / "base" / "segments.yml").write_text(yaml.safe_dump(segments))
    simulate(root / "data" / "01_raw", 5, 4, 90, 1, regions=["north_texas"])
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        patch.setattr(os, "environ", os.environ.copy())
        _condition(root)
    return root


def _condition(root: Path) -> None:
    bootstrap_project(root)
    uri, context = mlflow.get_tracking_uri(), run_context.entered()
    with SegmentSession.create(root, env="test") as session:
        session.run(pipeline_names=["conditioning"], namespaces=["north_texas.large"])
    mlflow.set_tracking_uri(uri)
    run_context.enter(context)


@pytest.mark.e2e
def test_explore_segment_runs(project: Path) -> None:
    notebook = _run(project, "explore_segment.ipynb", QUICK)
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    texts = "".join(o.get("text", "") for o in outputs)
    tables = "".join(o.get("data", {}).get("text/plain", "") for o in outputs)
    assert "series x 90 weeks" in texts
    assert {"ensemble", "lasso", "network", "seasonal_naive"} <= set(tables.split())
    assert sum("image/png" in o.get("data", {}) for o in outputs) >= 3
    assert not any(o.get("name") == "stderr" for o in outputs)


@pytest.mark.e2e
def test_explore_segment_names_the_command_that_is_missing(project: Path) -> None:
    command = "kedro run --pipelines=conditioning --namespaces=north_texas.small --env=test"
    with pytest.raises(CellExecutionError, match=command):
        _run(project, "explore_segment.ipynb", f'{QUICK}STORE_FORMAT = "small"')


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_notebooks_are_stored_without_outputs(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        assert not cell.get("outputs"), f"{path.name}: clear all outputs before saving"
        assert cell.get("execution_count") is None, f"{path.name}: clear all outputs before saving"


def test_there_is_a_notebook() -> None:
    assert "explore_segment.ipynb" in [path.name for path in NOTEBOOKS]
