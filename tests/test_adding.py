"""Adding a region, a source or a model takes three steps each (README): none may be forgotten."""

from __future__ import annotations

import inspect
import pkgutil
from importlib import import_module
from pathlib import Path

import pytest
import yaml

from demand_forecast import modelling
from demand_forecast.conditioning.layout import parse_layout
from demand_forecast.conditioning.tables import TABLES
from demand_forecast.modelling.evaluation.contest import CONTESTANTS
from demand_forecast.modelling.models.kinds import BASELINE, ENSEMBLE, KINDS, model_class
from demand_forecast.modelling.protocol import Forecaster


def _load(path: Path) -> dict[str, dict]:
    return yaml.safe_load(path.read_text())


ROOT = Path(__file__).parents[1]
BASE = ROOT / "conf" / "base"
LAYOUTS = {k: v for f in sorted((BASE / "layouts").glob("*.yml")) for k, v in _load(f).items()}
REGIONS = _load(BASE / "segments.yml")["regions"]
# The ensemble brings its members along, and the baseline is what it must beat.
COMPARED = {ENSEMBLE, "lasso", "network", BASELINE, *CONTESTANTS}


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


def test_every_model_can_be_stored() -> None:
    assert _models() == {model_class(kind) for kind in KINDS}


def test_every_model_is_compared() -> None:
    assert set(KINDS) == COMPARED
    for name, make in CONTESTANTS.items():
        assert type(make()) is model_class(name)
