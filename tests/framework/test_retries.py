from __future__ import annotations

import fsspec
import pytest
from kedro.io import DataCatalog, Version
from kedro.pipeline import Pipeline, node

from demand_forecast.datasets.artefact import ArtefactDataset
from demand_forecast.datasets.atomic import JSONDataset
from demand_forecast.exceptions import StorageError
from demand_forecast.framework import run_context
from demand_forecast.framework.retries import forget_saved
from demand_forecast.framework.run_context import RunContext
from demand_forecast.framework.segments import Segments

BEFORE, NOW = "2026-01-01T00.00.00.000Z", "2026-01-02T00.00.00.000Z"
PIPELINE = Pipeline(
    [node(lambda raw: (raw, raw, raw), "raw", ["forecast", "model", "cache"], name="fit")]
)


def _catalog(folder, version):
    def file(name, version=None):
        return JSONDataset(filepath=f"{folder}/{name}.json", version=version)

    of_run = Version(None, version)
    artefact = "demand_forecast.modelling.panel.Panel"
    model = ArtefactDataset(filepath=f"{folder}/model", artefact=artefact, version=of_run)
    forecast = file("forecast", of_run)
    return DataCatalog(
        {"raw": file("raw"), "forecast": forecast, "model": model, "cache": file("cache")}
    )


class Model:
    def save(self, directory):
        (directory / "model.json").write_text("{}")


def _save(folder, version):
    catalog = _catalog(folder, version)
    for name in ("raw", "forecast", "cache"):
        catalog.save(name, 1)
    catalog.save("model", Model())


@pytest.mark.parametrize("protocol", ["", "memory://"])
def test_the_versions_of_this_run_are_removed_and_nothing_else(tmp_path, protocol):
    root = f"{protocol}{tmp_path}"
    for version in (BEFORE, NOW):
        _save(root, version)
    plan = Segments(store_formats=[], regions={}, layouts={})
    with run_context.inside(RunContext(plan, data_root=root)):
        forget_saved(PIPELINE, _catalog(root, NOW))
        forget_saved(PIPELINE, _catalog(root, "2026-01-03T00.00.00.000Z"))  # nothing saved yet
    catalog = _catalog(root, None)
    for name in ("forecast", "model"):
        assert catalog[name].resolve_load_version() == BEFORE
    assert catalog.load("cache") == catalog.load("raw") == 1
    _save(root, NOW)  # is possible again


def test_without_a_data_root_nothing_is_looked_for(tmp_path):
    _save(tmp_path, NOW)
    with run_context.inside(RunContext(Segments(store_formats=[], regions={}, layouts={}))):
        forget_saved(PIPELINE, _catalog(tmp_path, NOW))
    assert _catalog(tmp_path, None).load("forecast") == 1


def test_a_store_that_does_not_answer_is_named(monkeypatch):
    root = "memory://shop/data"
    plan = Segments(store_formats=[], regions={}, layouts={})

    def refuse(*_, **__):
        raise ConnectionResetError("no answer")

    monkeypatch.setattr(fsspec.filesystem("memory"), "exists", refuse)
    with (
        run_context.inside(RunContext(plan, data_root=root)),
        pytest.raises(StorageError, match=r"^memory://shop/data cannot be used: no answer"),
    ):
        forget_saved(PIPELINE, _catalog(root, NOW))
