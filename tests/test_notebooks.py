"""The notebooks run from end to end, and are stored without what a run has left in them.

They run in this process, one after the other: a kernel of its own would take seconds to import
what is imported here already. The command that people are told to type is tried with a short one.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any, NamedTuple

import matplotlib as mpl
import matplotlib.pyplot as plt
import mlflow
import nbformat
import pytest
import yaml
from IPython.core.interactiveshell import InteractiveShell
from IPython.core.pylabtools import activate_matplotlib
from IPython.utils.capture import capture_output
from matplotlib_inline.backend_inline import configure_inline_support
from traitlets.config import Config

import small_store
from demand_forecast.datasets.artefact import seal
from demand_forecast.exceptions import MissingInputError
from demand_forecast.framework import run_context
from demand_forecast.framework.environment import prepare
from demand_forecast.modelling.evaluation.metrics import summarise
from demand_forecast.modelling.models import kinds
from demand_forecast.modelling.panel import Panel
from demand_forecast.results_store import migrations
from demand_forecast.results_store.database import ResultsDatabase

prepare()  # the session in this process is as quiet as those of the command line

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
PAGES = [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md"))]
PAGE = (ROOT / "docs/how-to/add-a-model.md").read_text().partition("## A contestant")[0]
INLINE = "module://matplotlib_inline.backend_inline"  # draws as a kernel does
QUICK = {"ENV": "test", "NETWORK": {"seeds": 1, "mape_seeds": 0, "min_steps": 5, "max_steps": 5}}
FLORIDA = {"ENV": "test", "REGION": "florida"}
MISSING = {"ENV": "test", "STORE_FORMAT": "small"}
NO_PANEL = (
    "The panel of north_texas.small has not been made yet: run "
    "`kedro run --pipelines=conditioning --namespaces=north_texas.small --env=test` first."
)


class Executed(NamedTuple):
    """What a notebook has left.

    Attributes:
        text: What it has printed, and its results.
        figures: How many pictures it shows.
        names: Its variables.
    """

    text: str
    figures: int
    names: dict[str, Any]


class Shell:
    """Runs notebooks in the folder of a project, each with nothing of the one before."""

    def __init__(self, folder: Path, shell: InteractiveShell) -> None:
        self._folder, self._shell = folder, shell

    def execute(self, name: str, parameters: dict[str, Any]) -> Executed:
        """Run a notebook with other parameters."""
        os.chdir(self._folder)
        self._shell.reset()
        outputs = []
        for cell in _cells(name):
            outputs.append(self.run(cell.source))
            if "parameters" in cell.metadata.get("tags", []):
                assert set(parameters) <= set(self._shell.user_ns)
                self._shell.push(parameters)
        text = "".join(output.stdout for output in outputs)
        figures = sum("image/png" in rich.data for output in outputs for rich in output.outputs)
        return Executed(text, figures, self._shell.user_ns)

    def run(self, source: str) -> Any:
        """Run a cell; it may neither fail nor warn."""
        with capture_output() as captured:
            result = self._shell.run_cell(source)
        result.raise_error()
        assert not captured.stderr, f"{source}\n{captured.stderr}"
        return captured


def _cells(name: str, kind: str = "code") -> list[Any]:
    notebook = nbformat.read(ROOT / "notebooks" / name, as_version=4)
    return [cell for cell in notebook.cells if cell.cell_type == kind]


@pytest.fixture(scope="module")
def panel(make_panel: Callable[..., Panel]) -> Panel:
    return make_panel(n_weeks=90, censored=0.1)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, empty_store: Path, panel: Panel) -> Path:
    """A project that has the panel of one segment, and the results of another company."""
    root = tmp_path_factory.mktemp("project")
    for folder in ("conf", "notebooks"):
        shutil.copytree(ROOT / folder, root / folder)
    shutil.copy(ROOT / "pyproject.toml", root)
    shutil.copy(empty_store, root / "mlflow.db")
    segments = {"store_formats": ["large"], "regions": {"north_texas": {"layout": "us_csv"}}}
    (root / "conf" / "base" / "segments.yml").write_text(yaml.safe_dump(segments))
    (root / "src").mkdir()
    data = root / "data" / "test"
    stored = data / "03_primary/north_texas/large/panel/2024-12-29T06.00.00.000Z/panel"
    stored.mkdir(parents=True)
    panel.save(stored)
    seal(stored)
    migrations.prepare(ResultsDatabase(f"sqlite:///{data}/results.db"))
    small_store.fill(data / "results.db")
    return root


@pytest.fixture(scope="module")
def shell(project: Path) -> Iterator[Shell]:
    """A shell that draws into the notebook; nothing of it is left in the process afterwards."""
    folder, uri, context = Path.cwd(), mlflow.get_tracking_uri(), run_context.entered()
    variables, path, backend = dict(os.environ), list(sys.path), plt.get_backend()
    main = sys.modules["__main__"]  # the shell takes its place
    os.environ.pop("MLFLOW_TRACKING_URI", None)  # of a session before
    inside = InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}))
    with mpl.rc_context():
        activate_matplotlib(INLINE)
        configure_inline_support(inside, INLINE)
        yield Shell(project / "notebooks", inside)
        configure_inline_support(inside, "other")
    plt.switch_backend(backend)
    InteractiveShell.clear_instance()
    sys.modules["__main__"] = main
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(variables)
    sys.path[:] = path
    mlflow.set_tracking_uri(uri)
    run_context.enter(context)


@pytest.mark.e2e
def test_explore_segment_runs(shell: Shell) -> None:
    seen = shell.execute("explore_segment.ipynb", QUICK)
    assert "12 series x 90 weeks up to 2024-12-28" in seen.text
    assert {"ensemble", "lasso", "network", "seasonal_naive"} <= set(seen.text.split())
    assert seen.figures == 4


@pytest.fixture(scope="module")
def experiment(shell: Shell) -> Executed:
    seen = shell.execute("experiment_to_pipeline.ipynb", QUICK)
    return seen._replace(names=dict(seen.names))


@pytest.mark.e2e
def test_an_experiment_uses_no_week_of_the_gate(experiment: Executed, panel: Panel) -> None:
    forecast = experiment.names["forecast"]
    weeks_of_the_gate = forecast.origins - 1 + forecast.horizon
    last = panel.weeks[panel.n_weeks - 1 - weeks_of_the_gate]
    assert experiment.names["known"].as_of == experiment.names["table"]["week"].max() == last
    assert experiment.names["past"].as_of < experiment.names["table"]["week"].min()


@pytest.mark.e2e
def test_an_experiment_tells_gain_and_error(experiment: Executed) -> None:
    table = summarise(experiment.names["table"]).set_index("model")
    gains = experiment.names["gains"]
    for name in ("mape", "wape_median", "wape_median_aware"):
        without, with_ridge = table[name]["without ridge"], table[name]["with ridge"]
        assert gains["without"][name] == pytest.approx(without)
        assert gains["gain"][name] == pytest.approx(without - with_ridge)
        assert gains["standard error"][name] > 0
    told = f"WAPE, sold-out weeks credited: {gains['gain']['wape_median_aware']:+.2f} points"
    assert told in experiment.text
    assert experiment.figures == 2


@pytest.mark.e2e
def test_an_experiment_says_which_steps_are_open(
    shell: Shell, experiment: Executed, monkeypatch: pytest.MonkeyPatch
) -> None:
    states = r"^(\d)\. .* (open|done)$"
    assert re.findall(states, experiment.text, re.M) == [(str(n), "open") for n in range(1, 6)]
    monkeypatch.setitem(kinds.MEMBERS, "ridge", "ridge.Ridge")
    again = shell.run(_cells("experiment_to_pipeline.ipynb")[-1].source).stdout
    assert [state for _, state in re.findall(states, again, re.M)].index("done") == 1


def test_the_experiment_and_the_page_about_models_tell_the_same() -> None:
    """The page is carried out by the tests of the how-to pages, and so are these steps."""
    code = {cell.source for cell in _cells("experiment_to_pipeline.ipynb")}
    steps = _cells("experiment_to_pipeline.ipynb", "markdown")[-1].source
    blocks = re.findall(r"```\{ \.\w+ title=\"(.+?)\".*?\}\n(.*?)\n    ```", PAGE, re.DOTALL)
    titles, texts = zip(*blocks, strict=True)
    assert len(titles) == 4
    assert dedent(texts[0]) in code
    for title in titles:
        assert f"`{title}`" in steps
    [command] = re.findall(r"^ +(kedro run .*)$", PAGE, re.MULTILINE)
    lines = [line for text in texts[1:3] for line in text.splitlines()]
    for line in [*lines, command]:
        assert line.strip() in steps


@pytest.mark.e2e
def test_a_forecast_is_read(shell: Shell) -> None:
    """The figures are those of ``small_store``: its second run, and the change since the first."""
    seen = shell.execute("read_a_forecast.ipynb", FLORIDA)
    rows = [" ".join(line.split()) for line in seen.text.splitlines()]
    assert "2026-01-17 13.0 11.0 10.0 4.0 6.0 8.0 14.0 20.0 24.0" in rows
    assert {"source champion", "level 10.0 10.0", "season 3.0 3.0", "mean 13.0 13.0"} <= set(rows)
    assert {"order_quantity 8", "order_bound_by pack", "money_at_risk 24.0"} <= set(rows)
    assert "0 2026-01-17 2026-01-03 2026-01-10 12.0 13.0 1.0" in rows
    assert list(seen.names["sold_out"]["week"]) == [small_store.AS_OF[small_store.SECOND]]
    # P2 has the most money at risk.
    number = "--namespace florida.large --store FL-large --product P2 --env test"
    assert {f"kedro trace {number}", f"kedro explain {number}"} <= set(rows)
    assert seen.figures == 4


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("name", "parameters", "words"),
    [
        ("explore_segment.ipynb", MISSING, NO_PANEL),
        ("experiment_to_pipeline.ipynb", MISSING, NO_PANEL),
        ("read_a_forecast.ipynb", MISSING, "kedro run --namespaces=north_texas.small --env=test"),
        ("read_a_forecast.ipynb", FLORIDA | {"PRODUCT": "P9"}, "{'product_id': 'P9'} is in sqlite"),
    ],
)
def test_what_is_missing_is_said(
    shell: Shell, name: str, parameters: dict[str, Any], words: str
) -> None:
    with pytest.raises(MissingInputError, match=re.escape(words)):
        shell.execute(name, parameters)


def test_the_command_on_the_pages_leaves_something_to_look_at(tmp_path: Path) -> None:
    told = [re.findall(r"jupyter execute [^`\n]*", page.read_text()) for page in PAGES]
    [command] = {line for lines in told for line in lines}
    for folder in ("notebooks", "data/08_reporting"):
        (tmp_path / folder).mkdir(parents=True)
    short = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1 + 1")])
    nbformat.write(short, tmp_path / "notebooks" / "short.ipynb")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    variables = os.environ | {"PATH": path}
    subprocess.run(command, shell=True, cwd=tmp_path, env=variables, check=True)
    left = nbformat.read(tmp_path / "data" / "08_reporting" / "short.ipynb", as_version=4)
    assert left.cells[0].outputs[0].data["text/plain"] == "2"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_notebooks_are_stored_without_outputs(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        assert not cell.get("outputs"), f"{path.name}: clear all outputs before saving"
        assert cell.get("execution_count") is None, f"{path.name}: clear all outputs before saving"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_notebooks_link_only_to_what_is_there(path: Path) -> None:
    for cell in _cells(path.name, "markdown"):
        for link in re.findall(r"\]\(([^)#]+)", cell.source):
            assert (path.parent / link).exists(), link


def test_every_notebook_is_run() -> None:
    tried = re.findall(r'execute\("(\w+\.ipynb)"', Path(__file__).read_text())
    assert {path.name for path in NOTEBOOKS} == set(tried)
