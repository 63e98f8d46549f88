"""Modelling, conditioning and the simulator in an environment without Kedro and MLflow.

The environment is real: its site-packages hold links to the installed distributions that the core
requirements need, and nothing else. Making it takes no download.
"""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import tomllib
import venv
from functools import cache
from importlib.metadata import Distribution, distribution, packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CORE = ["modelling", "conditioning", "simulator"]

IMPORT_EVERYTHING = """
import importlib, pkgutil
names = []
for package in ("modelling", "conditioning", "simulator"):
    root = importlib.import_module(f"demand_forecast.{package}")
    names += [m.name for m in pkgutil.walk_packages(root.__path__, root.__name__ + ".")]
for name in names:
    importlib.import_module(name)
print(len(names))
"""

FORECAST = """
from demand_forecast.conditioning import RawSource, build_panel, condition_region
from demand_forecast.modelling.models.ensemble import Ensemble, EnsembleParameters
from demand_forecast.simulator import choose_layouts, simulate

conf = CONF
simulate("raw", 5, 4, 80, 1, regions={"florida": "json_feed"}, conf=conf)
layout = choose_layouts({"florida": "json_feed"}, conf)["florida"]
handles = {name: RawSource(name, "raw/florida") for name in layout.sources}
panel = build_panel(condition_region(handles, layout, "florida", ["large", "small"]), "large")
network = {"seeds": 1, "mape_seeds": 1, "min_steps": 5, "max_steps": 5}
parameters = EnsembleParameters(members={"lasso": {}, "network": network})
ensemble = Ensemble.from_parameters(parameters, 4)
table = ensemble.fit(panel).predict(panel, panel.as_of, 4)
print(len(table))
"""


def requirements(declared: list[str], extra: str = "") -> list[Requirement]:
    """Requirements that hold here, for a distribution installed with an extra."""
    parsed = [Requirement(line) for line in declared]
    return [r for r in parsed if r.marker is None or r.marker.evaluate({"extra": extra})]


def closure(declared: list[str]) -> dict[str, Distribution]:
    """All installed distributions that some requirements need, by canonical name."""
    needed: dict[str, Distribution] = {}
    waiting, seen = requirements(declared), set()
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        for extra in {"", *requirement.extras}:
            if (name, extra) not in seen:
                seen.add((name, extra))
                needed[name] = distribution(name)
                waiting += requirements(needed[name].requires or [], extra)
    return needed


def link(package: Distribution, site: Path) -> None:
    """Link what a distribution has installed, file by file where others share a folder."""
    for file in package.files or []:
        if ".." in file.parts or file.suffix == ".pyc":
            continue
        installed, here = Path(str(package.locate_file(file))), site / file
        top = Path(str(package.locate_file(file.parts[0])))
        if len(file.parts) > 1 and ((top / "__init__.py").exists() or top.suffix == ".dist-info"):
            installed, here = top, site / file.parts[0]
        if not here.exists():
            here.parent.mkdir(parents=True, exist_ok=True)
            here.symlink_to(installed)


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    """Interpreter of an environment with the core requirements and this project's source."""
    home = tmp_path_factory.mktemp("core")
    venv.create(home, symlinks=True)
    (site,) = home.glob("lib/python*/site-packages")
    for package in closure(PROJECT["dependencies"]).values():
        link(package, site)
    (site / "demand_forecast.pth").write_text(f"{SOURCE}\n")
    return home / "bin" / "python"


def run(python: Path, code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run some code where only the environment's own packages can be imported."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "COV_"))}
    return subprocess.run(
        [python, "-c", code],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("name", ["kedro", "mlflow", "kedro_mlflow", "great_expectations", "rich"])
def test_environment_is_without(python, tmp_path, name):
    assert f"No module named '{name}'" in run(python, f"import {name}", tmp_path).stderr


@pytest.fixture(scope="module")
def printed(python, tmp_path_factory):
    """How many modules were imported, and how many rows a forecast has: all in one process."""
    code = IMPORT_EVERYTHING + FORECAST.replace("CONF", repr(str(ROOT / "conf" / "base")))
    done = run(python, code, tmp_path_factory.mktemp("core"))
    assert done.returncode == 0, done.stderr
    return [int(line) for line in done.stdout.splitlines()]


def test_every_module_of_the_core_can_be_imported(printed):
    files = [f for package in CORE for f in (SOURCE / "demand_forecast" / package).rglob("*.py")]
    assert printed[0] == len(files) - len(CORE)


def test_from_raw_files_to_a_forecast(printed):
    assert printed[1] > 0


def test_console_script_says_what_to_install(python, tmp_path):
    done = run(python, "from demand_forecast.__main__ import main; main()", tmp_path)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "demand-forecast: 'kedro' is not installed, and pipelines need it. "
        "Install it with: pip install 'demand-forecast[kedro]'"
    ]


def test_kedro_without_the_rest_of_the_extra_says_what_to_install(python, tmp_path):
    code = "from demand_forecast.framework.environment import prepare; prepare()"
    done = run(python, code, tmp_path)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "demand-forecast: 'kedro_mlflow' is not installed, and pipelines need it. "
        "Install it with: pip install 'demand-forecast[kedro]'"
    ]


def imported(file: Path) -> set[str]:
    """Top-level names of the modules that a file imports, anywhere in it."""
    names = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.add(str(node.module))
    return {name.partition(".")[0] for name in names} - set(sys.stdlib_module_names)


installed_packages = cache(packages_distributions)


def owners(files: list[Path]) -> dict[str, set[str]]:
    """Distributions that provide each module that some files import."""
    installed = installed_packages()
    modules = set().union(*(imported(file) for file in files)) - {"demand_forecast"}
    return {module: {canonicalize_name(d) for d in installed[module]} for module in modules}


def declared(*extras: str) -> set[str]:
    """Distributions that the project declares: its core requirements and those of some extras."""
    optional = PROJECT["optional-dependencies"]
    lines = [*PROJECT["dependencies"], *(line for extra in extras for line in optional[extra])]
    return {canonicalize_name(Requirement(line).name) for line in lines}


def test_core_requirements_are_what_the_core_imports():
    files = [f for package in CORE for f in (SOURCE / "demand_forecast" / package).rglob("*.py")]
    providers = owners(files)
    extras = declared("tune")  # imported when a search begins
    assert {m for m, names in providers.items() if not names & extras} == set()
    assert declared() - set().union(*providers.values()) == set()


def test_what_the_rest_imports_is_declared_too():
    files = list((SOURCE / "demand_forecast").rglob("*.py"))
    # Kedro-Viz is asked only where it is installed; the others are extras of their own.
    extras = declared(
        "kedro", "viz", "tune", "dashboard", "serve", "distributed", "telemetry", "lineage"
    )
    assert {m for m, names in owners(files).items() if not names & extras} == set()
