"""What a run has promoted becomes the next release, all of it or nothing."""

from __future__ import annotations

import pytest
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Pipeline, node

from demand_forecast.framework import run_context
from demand_forecast.framework.run_context import RunContext
from demand_forecast.framework.segments import Segments
from demand_forecast.hooks.release import ReleaseHook
from demand_forecast.registry import availability
from demand_forecast.registry.model_registry import ModelRegistryDataset
from demand_forecast.registry.releases import ModelVersion
from demand_forecast.registry.tracking import ParentRun
from stand_ins import lineage

NAMES = ["maine.large.fast", "maine.large.slow"]


def _entry(name):
    """Name of a model in the catalog."""
    return name.replace(".", "_")


TRAINS = Pipeline([node(print, "panel", _entry(name), name=name) for name in NAMES])
SCORES = Pipeline([node(print, [_entry(name) for name in NAMES], "forecast", name="score")])


@pytest.fixture
def catalog(tmp_path):
    """Two models, in an environment whose registry is known to be down: nothing asks it."""
    availability.remember("registry unreachable: a test")
    models = {
        _entry(name): ModelRegistryDataset(
            name=name, environment="unit", filepath=str(tmp_path / "06_models")
        )
        for name in NAMES
    }
    memory = {name: MemoryDataset() for name in ("panel", "forecast")}
    yield DataCatalog(models | memory | {"params:release": MemoryDataset({"approval": "none"})})
    availability.remember(None)


def _stage(catalog, name, version):
    dataset = catalog.get(_entry(name))
    staged = ModelVersion(version=version, lineage=lineage())
    dataset.releases.stage(run_context.current().release.run, dataset.name, staged)


@pytest.fixture
def run(catalog):
    """Do a run: begin, stage versions by name, and end it well or not."""

    def whole(run_id, versions, pipeline=TRAINS, ends_well=True):
        plan = Segments(store_formats=[], regions={}, layouts={})
        context = RunContext(plan, parent=ParentRun("abc"))
        with run_context.inside(context):
            ReleaseHook().before_pipeline_run({"run_id": run_id}, pipeline, catalog)
            for name, version in versions.items():
                _stage(catalog, name, version)
            if ends_well:
                ReleaseHook().after_pipeline_run(pipeline, catalog)
            return run_context.current().release

    return whole


def _current(catalog):
    release = catalog.get(_entry(NAMES[0])).releases.current()
    return release and {name: c.version for name, c in release.champions.items()}


def test_what_a_run_has_staged_is_its_release(run, catalog):
    run("monday", {NAMES[0]: "1", NAMES[1]: "1"})
    release = catalog.get(_entry(NAMES[0])).releases.current()
    assert release.run == "monday"
    assert release.why == "passed the gate: maine.large.fast, maine.large.slow"
    assert _current(catalog) == {f"unit.{name}": "1" for name in NAMES}


def test_a_part_is_released_on_top_of_what_is_in_force(run, catalog):
    run("monday", {NAMES[0]: "1", NAMES[1]: "1"})
    run("tuesday", {NAMES[1]: "2"})
    assert _current(catalog) == {"unit.maine.large.fast": "1", "unit.maine.large.slow": "2"}


def test_a_run_that_fails_releases_nothing_and_no_later_one_does_it_for_it(run, catalog):
    run("monday", {NAMES[0]: "1"}, ends_well=False)
    assert _current(catalog) is None
    run("tuesday", {NAMES[1]: "2"})
    assert _current(catalog) == {"unit.maine.large.slow": "2"}


def test_a_run_that_only_scores_releases_nothing_and_knows_what_is_in_force(run, catalog):
    run("monday", {NAMES[0]: "1"})
    seen = run("tuesday", {}, SCORES)
    assert seen.release.id == "00001"
    assert _current(catalog) == {"unit.maine.large.fast": "1"}


def test_a_release_that_must_be_approved_waits(run, catalog):
    run("monday", {NAMES[0]: "1"})
    catalog["params:release"] = MemoryDataset({"approval": "required"})
    seen = run("tuesday", {NAMES[0]: "2"})
    assert not seen.serves_staged
    assert _current(catalog) == {"unit.maine.large.fast": "1"}
    newest, state = catalog.get(_entry(NAMES[0])).releases.all()[0]
    assert (newest.run, state) == ("tuesday", "pending approval")


def test_without_models_there_is_nothing_to_do(run, catalog):
    assert run("monday", {}, Pipeline([node(print, "panel", "forecast", name="draw")])) is None
    assert _current(catalog) is None
