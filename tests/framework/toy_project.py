"""A project of cheap nodes, for runners whose workers are processes of their own."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

from kedro.framework.hooks.manager import _create_hook_manager
from kedro.io import DataCatalog, Version
from kedro.pipeline import Pipeline, node

from demand_forecast.datasets.atomic import JSONDataset
from demand_forecast.framework.namespacing import collector
from demand_forecast.framework.retries import forget_saved
from demand_forecast.framework.runner import SteadyRunner, Work
from demand_forecast.hooks.failures import FailureHook
from demand_forecast.hooks.progress import ProgressHook

REGIONS, FORMATS = ("maine", "texas"), ("large", "small")
SEGMENTS = [f"{region}.{store_format}" for region in REGIONS for store_format in FORMATS]
RAW = {"maine": 10, "texas": 100}
MODELS = {"maine.large": 23, "maine.small": 23, "texas.large": 203, "texas.small": 203}
VERSION = "2026-01-02T03.04.05.678Z"


class ToyProject:
    """A session that has joined a run; its folder holds raw data and a journal of all processes."""

    def __init__(self, run):
        self.folder = Path(run.data_root)
        self.pipeline = make_pipeline(self.folder)
        note(self.folder, "join")

    def run_nodes(self, names, lacking):
        part, catalog = self.pipeline.filter(node_names=list(names)), make_catalog(self.folder)
        forget_saved(part, catalog)
        return Work(catalog, hooks(), VERSION, SteadyRunner()).run(part, lacking)


def prepare(folder, kills=()):
    """Store raw data, and which segments kill the first worker that runs them."""
    for region, value in RAW.items():
        (folder / f"{region}.raw.json").write_text(json.dumps(value))
    for segment in kills:
        (folder / f"{segment}.kills").touch()


def make_pipeline(folder):
    """Regions, then their segments of two nodes, then one node for all."""
    models = {"models": {name: f"{name}.model" for name in SEGMENTS}}
    last = collector(lambda models: models, models, "summary", "summarise")
    return Pipeline(
        [*(_region(folder, r) for r in REGIONS), *(_segment(folder, s) for s in SEGMENTS), last]
    )


def make_catalog(folder):
    """Everything is stored, and has the version of the run but for the raw data."""
    return DataCatalog({name: _file(folder, name) for name in make_pipeline(folder).datasets()})


def _file(folder, name):
    version = None if name.endswith("raw") else Version(None, VERSION)
    return JSONDataset(filepath=f"{folder}/{name}.json", version=version)


def hooks():
    manager = _create_hook_manager()
    for hook in (FailureHook(), ProgressHook()):
        manager.register(hook)
    return manager


def note(folder, name):
    with (folder / "journal").open("a") as file:
        file.write(f"{name} {os.getpid()}\n")


def journal(folder):
    """What was done, with the process that did it."""
    return [tuple(line.split()) for line in (folder / "journal").read_text().splitlines()]


def _region(folder, region):
    def condition(raw):
        note(folder, f"{region}.condition")
        return raw + 1

    return Pipeline([node(condition, "raw", "conditioned", name="condition")], namespace=region)


def _segment(folder, name):
    region = name.split(".")[0]

    def build(conditioned):
        return conditioned * 2

    def fit(panel):
        note(folder, f"{name}.fit")
        kills = folder / f"{name}.kills"
        if kills.exists():
            kills.unlink()
            os.kill(os.getpid(), signal.SIGKILL)
        return panel + 1

    nodes = [
        node(build, "conditioned", "panel", name="build"),
        node(fit, "panel", "model", name="fit"),
    ]
    return Pipeline(nodes, namespace=name, inputs={"conditioned": f"{region}.conditioned"})
