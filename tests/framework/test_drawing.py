from __future__ import annotations

import pytest
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Node, Pipeline
from kedro.runner import SequentialRunner

from demand_forecast.framework.drawing import draw_example
from demand_forecast.framework.namespacing import per_region, per_segment, stage
from demand_forecast.framework.segments import Segments

PLAN = Segments(
    store_formats=["large", "small"],
    regions={"texas": {"layout": "plain"}, "ohio": {"layout": "plain"}},
    layouts={"plain": {"sources": {"shipments": {}}}},
)


def condition(raw: int, last: int | None) -> int:
    return raw if last is None else last


def fit(conditioned: int, factor: int) -> tuple[int, int]:
    return conditioned * factor, -1


def release(fast: int, slow: int) -> list[int]:
    return [fast, slow]


def publish(forecast: list[int]) -> int:
    return len(forecast)


@pytest.fixture
def drawing():
    region = Pipeline(
        [Node(condition, ["raw_shipments", "last_conditioned"], "conditioned", name="condition")]
    )
    velocity = Pipeline(
        [Node(fit, ["conditioned", "params:factor"], ["model", "notes"], name="fit")]
    )
    segment = Pipeline(
        [Node(release, {"slow": "model_slow", "fast": "model_fast"}, "forecast", name="release")]
    )
    publishing = Pipeline([Node(publish, "forecast", "published", name="publish")])
    # the sources of a velocity are the region's
    models = [
        Pipeline(
            velocity,
            namespace=branch.namespace,
            inputs={"conditioned": f"{branch.region}.conditioned"},
            tags={branch.region, branch.segment.namespace, branch.namespace},
        )
        for branch in PLAN.branches
    ]
    everything = Pipeline(
        [
            stage("conditioning", per_region(dict.fromkeys(PLAN.regions, region), PLAN)),
            stage("training", models),
            stage("scoring", per_segment(segment, PLAN, velocity_inputs=["model"])),
            stage("publishing", per_segment(publishing, PLAN)),
        ]
    )
    return draw_example(everything, PLAN)


def test_nodes_are_in_the_namespace_of_their_stage_and_velocity(drawing) -> None:
    assert {node.name for node in drawing.nodes.values()} == {
        "conditioning.condition",
        "training.fast.fit",
        "training.slow.fit",
        "scoring.release",
    }


def test_only_the_first_segment_is_drawn_and_no_publishing(drawing) -> None:
    assert set(drawing.nodes) == {
        "texas.condition",
        "texas.large.fast.fit",
        "texas.large.slow.fit",
        "texas.large.release",
    }


def test_datasets_have_short_names(drawing) -> None:
    assert drawing.names == {
        "raw_shipments": "texas.raw_shipments",
        "conditioned": "texas.conditioned",
        "fast_model": "texas.large.fast.model",
        "slow_model": "texas.large.slow.model",
        "fast_notes": "texas.large.fast.notes",
        "slow_notes": "texas.large.slow.notes",
        "forecast": "texas.large.forecast",
    }


def test_only_raw_sources_come_from_outside(drawing) -> None:
    inputs = {name for name in drawing.pipeline.inputs() if not name.startswith("params:")}
    assert inputs == {"raw_shipments"}


def test_what_no_stage_reads_is_read_inside_its_box(drawing) -> None:
    assert drawing.pipeline.outputs() == {"forecast"}
    [reader] = [node for node in drawing.pipeline.nodes if not node.outputs]
    assert (reader.namespace, reader.inputs) == ("training", ["fast_notes", "slow_notes"])


def test_a_drawn_node_shows_its_own_code_and_does_its_own_work(drawing) -> None:
    node = drawing.nodes["texas.large.release"]
    assert node.func.__wrapped__ is release
    assert node.run({"fast_model": 1, "slow_model": 2}) == {"forecast": [1, 2]}


def test_the_drawing_can_be_run(drawing) -> None:
    catalog = DataCatalog(
        {
            "raw_shipments": MemoryDataset(3),
            "params:texas.large.fast.factor": MemoryDataset(2),
            "params:texas.large.slow.factor": MemoryDataset(5),
        }
    )
    result = SequentialRunner().run(drawing.pipeline, catalog)
    assert result["forecast"].load() == [6, 15]
