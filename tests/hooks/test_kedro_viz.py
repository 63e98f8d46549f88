from __future__ import annotations

from types import SimpleNamespace

import pytest
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Pipeline

from demand_forecast.framework.drawing import Drawing
from demand_forecast.hooks import kedro_viz
from demand_forecast.hooks.kedro_viz import DrawingHook, OpenExample


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["viz"], ["viz", "run", "--pipeline=example", "--include-hooks"]),
        (["viz", "run"], ["viz", "run", "--pipeline=example", "--include-hooks"]),
        (
            ["viz", "run", "--port", "4142"],
            ["viz", "run", "--pipeline=example", "--include-hooks", "--port", "4142"],
        ),
        (["viz", "run", "--pipeline=ohio"], ["viz", "run", "--pipeline=ohio"]),
        (["viz", "run", "-p", "ohio"], ["viz", "run", "-p", "ohio"]),
        (["viz", "run", "--load-file=x"], ["viz", "run", "--load-file=x"]),
        (["viz", "run", "--help"], ["viz", "run", "--help"]),
        (["viz", "build"], ["viz", "build"]),
        (["run"], ["run"]),
        ([], []),
    ],
)
def test_kedro_viz_opens_on_the_example_unless_told_otherwise(given, expected) -> None:
    args = list(given)
    OpenExample().before_command_run(command_args=args)
    assert args == expected


def test_short_names_stand_for_the_same_data_without_layers(monkeypatch) -> None:
    full = MemoryDataset(7, metadata={"kedro-viz": {"layer": "raw"}})
    catalog = DataCatalog({"texas.raw_shipments": full})
    monkeypatch.setattr(kedro_viz, "pipelines", {"__default__": Pipeline([])})
    monkeypatch.setattr(kedro_viz.run_context, "current", lambda: SimpleNamespace(segments=None))
    names = {"raw_shipments": "texas.raw_shipments"}
    monkeypatch.setattr(kedro_viz, "draw_example", lambda *given: Drawing(Pipeline([]), names, {}))
    DrawingHook().after_catalog_created(catalog, save_version="2024-12-28T00.00.00.000Z")
    assert "raw_shipments" not in catalog
    DrawingHook().after_catalog_created(catalog, save_version=None)
    assert catalog.load("raw_shipments") == 7
    assert catalog.get("raw_shipments").metadata is None
    assert full.metadata is not None
