"""Adding a region, source, covariate, model or metric takes a few steps: none may be forgotten.

``tests/e2e/test_how_to.py`` carries the steps out; here a step that was left out is noticed.
"""

from __future__ import annotations

import inspect
import pkgutil
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import yaml

from core_panels import simulated
from demand_forecast import modelling
from demand_forecast.conditioning.layout import parse_layout
from demand_forecast.conditioning.tables import TABLES
from demand_forecast.exceptions import ConfigurationError
from demand_forecast.modelling.evaluation import metrics
from demand_forecast.modelling.evaluation.metrics import METRICS, Metric
from demand_forecast.modelling.features.design import Design
from demand_forecast.modelling.features.spec import learn_spec
from demand_forecast.modelling.models.kinds import ENSEMBLE, KINDS, MEMBERS, SIMPLE, model_class
from demand_forecast.modelling.panel import Covariate
from demand_forecast.modelling.protocol import Forecaster


def _load(path: Path) -> dict[str, dict]:
    return yaml.safe_load(path.read_text())


ROOT = Path(__file__).parents[1]
BASE = ROOT / "conf" / "base"
LAYOUTS = {k: v for f in sorted((BASE / "layouts").glob("*.yml")) for k, v in _load(f).items()}
REGIONS = _load(BASE / "segments.yml")["regions"]


def _models() -> set[type]:
    """Public classes of ``modelling`` that can be trained, asked, stored and loaded."""
    found = set()
    for module in pkgutil.walk_packages(modelling.__path__, f"{modelling.__name__}."):
        for name, cls in vars(import_module(module.name)).items():
            if inspect.isclass(cls) and cls.__module__ == module.name and name[0] != "_":
                partial = inspect.isabstract(cls) or getattr(cls, "_is_protocol", False)
                is_model = issubclass(cls, Forecaster) and not partial
                found |= {cls} if is_model else set()
    return found


@pytest.mark.parametrize("region", REGIONS)
def test_a_region_has_its_files(region: str) -> None:
    layout = parse_layout(region, LAYOUTS[REGIONS[region]["layout"]])
    folder = ROOT / "data" / "01_raw" / region
    for source, spec in layout.sources.items():
        assert spec.optional or list(folder.glob(spec.files)), f"{source}: {folder}/{spec.files}"


def test_no_region_is_left_out() -> None:
    folders = {path.name for path in (ROOT / "data" / "01_raw").iterdir() if path.is_dir()}
    assert folders == set(REGIONS)


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_source_is_a_standard_table(name: str) -> None:
    assert set(parse_layout(name, LAYOUTS[name]).sources) <= set(TABLES)


def test_every_source_has_its_contract() -> None:
    suites = {path.stem.removeprefix("raw_") for path in (BASE / "expectations").glob("raw_*.yml")}
    assert suites == set(TABLES)


@pytest.mark.parametrize("source", LAYOUTS["us_csv"]["sources"])
def test_a_covariate_needs_a_role_that_its_source_has(source: str) -> None:
    table = TABLES[source]
    wrong = {"known_future", "observed", "static"} - set(table.roles)
    for role in [*sorted(wrong), *([None] if table.extra_role is None else [])]:
        layout = _load(BASE / "layouts" / "us_csv.yml")["us_csv"]
        column = {"from": "Shelf Display", "role": role}
        layout["sources"][source]["columns"]["display"] = column
        with pytest.raises(ConfigurationError, match=f"source '{source}', column 'display'"):
            parse_layout("us_csv", layout)


def test_every_covariate_becomes_features() -> None:
    """What is known afterwards is kept in the panel only, as the page says."""
    panel = simulated(weeks=60)
    random, index = np.random.default_rng(1), np.arange(panel.n_series)
    shape = (panel.n_series, len(panel.weeks))
    # What does nothing is left out: half more is sold where there is a display.
    shown = random.integers(0, 2, shape).astype(np.float32)
    display = Covariate(shown, index)
    sold = panel.demand * np.where(shown[:, : panel.n_weeks] > 0, 1.5, 1.0).astype(np.float32)
    known = panel.known_future | {"display": display}
    series = panel.series.assign(
        aisle=[f"a{k % 3}" for k in range(panel.n_series)], area=random.uniform(size=panel.n_series)
    )
    panel = replace(panel, known_future=known, series=series, demand=sold, delivered=sold)
    features = Design(panel, learn_spec(panel, [1], 50)).features
    used = {source for feature in features for source in feature.sources}
    assert used >= {*panel.known_future, *panel.weather, *panel.series.columns}


def test_every_model_can_be_stored() -> None:
    assert _models() == {model_class(kind) for kind in KINDS}


def test_every_model_is_compared() -> None:
    """The ensemble brings its members along, the others are contestants of their own."""
    assert set(KINDS) == {ENSEMBLE, *MEMBERS, *SIMPLE}
    for kind in SIMPLE:
        assert type(model_class(kind)()) is model_class(kind)


def test_every_measure_is_in_the_table() -> None:
    takes = ["actual", "forecast", "scale"]
    terms = {
        value
        for value in vars(metrics).values()
        if inspect.isfunction(value) and list(inspect.signature(value).parameters) == takes
    }
    assert terms == {metric.term for metric in METRICS}
    named = {value for value in vars(metrics).values() if isinstance(value, Metric)}
    assert named <= {*METRICS, *(metric.twin for metric in METRICS)}


def test_every_metric_has_a_column_of_its_own() -> None:
    names = [name for metric in METRICS for name in (metric.name, metric.twin.name)]
    others = ["rows", "volume", "share_left_out", "share_censored", "weather_gap"]
    assert len({*names, *others}) == len(names) + len(others)
