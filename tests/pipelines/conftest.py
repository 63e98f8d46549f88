"""The registered pipelines of an environment, with its catalog."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from kedro.config import OmegaConfigLoader
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline

from demand_forecast.framework import run_context, segments
from demand_forecast.pipeline_registry import register_pipelines
from demand_forecast.settings import CONFIG_LOADER_ARGS

ROOT = Path(__file__).parents[2]


class Registry(NamedTuple):
    """What Kedro knows of one environment."""

    plan: segments.Segments
    pipelines: dict[str, Pipeline]
    config: dict[str, Any]
    catalog: DataCatalog


@cache
def load_registry(env: str) -> Registry:
    """Register the pipelines of an environment; nothing else is touched."""
    loader = OmegaConfigLoader(str(ROOT / "conf"), env=env, **CONFIG_LOADER_ARGS)
    plan = segments.parse(dict(loader["segments"]), dict(loader["layouts"]))
    with run_context.inside(run_context.RunContext(plan)):
        pipelines = register_pipelines()
    config = dict(loader["catalog"])
    return Registry(plan, pipelines, config, DataCatalog.from_config(config))


@pytest.fixture(params=["base", "oj"])
def registry(request) -> Registry:
    """Two environments: fourteen regions with all sources, and one without most of them."""
    return load_registry(request.param)


@pytest.fixture
def base() -> Registry:
    """The fourteen regions."""
    return load_registry("base")
