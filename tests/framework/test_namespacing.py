"""Templates in, namespaced copies out; collectors get what they read by name and place."""

from __future__ import annotations

import pytest
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Node, Pipeline
from kedro.runner import SequentialRunner

from demand_forecast.framework.namespacing import (
    collector,
    of_branches,
    of_regions,
    of_velocities,
    per_segment,
    per_velocity,
    regions_of,
    unit_of_work,
    without,
)
from demand_forecast.framework.not_made import NOT_MADE, NotMade
from demand_forecast.framework.segments import Branch, parse


@pytest.fixture
def plan():
    return parse(
        {"store_formats": ["large", "small"], "regions": {"texas": {"layout": "csv"}}},
        {"csv": {"sources": {}}},
    )


def _not_made(*names):
    return {name: NotMade(f"of {name}") for name in names}


def _node(inputs, outputs):
    return Pipeline([Node(lambda *_, **__: 1, inputs, outputs, name="work")])


def test_a_velocity_reads_its_own_and_what_its_segment_shares(plan):
    template = _node(["panel", "model", "params:training", "params:forecast"], "out")
    copies = per_velocity(template, plan, segment_inputs=["panel", "params:forecast"])
    assert len(copies) == 4
    assert copies[1].inputs() == {
        "texas.large.panel",
        "texas.large.slow.model",
        "params:texas.large.slow.training",
        "params:texas.large.forecast",
    }
    [node] = copies[1].nodes
    assert node.namespace == "texas.large.slow"
    assert node.tags == {"texas", "texas.large", "texas.large.slow"}
    assert unit_of_work(node) == "texas.large"


def test_a_segment_reads_what_its_velocities_made(plan):
    template = _node({"panel": "panel", **of_velocities("model")}, "out")
    large, _ = per_segment(template, plan, velocity_inputs=["model"])
    assert large.inputs() == {
        "texas.large.panel",
        "texas.large.fast.model",
        "texas.large.slow.model",
    }
    assert large.nodes[0].tags == {"texas", "texas.large"}


def test_a_collector_gets_everything_by_name_and_place(plan):
    def gather(limit, verdicts, totals):
        return {"limit": limit, "verdicts": verdicts, "totals": totals}

    inputs = {
        "limit": "params:limit",
        "verdicts": of_branches("verdict", plan),
        "totals": of_regions("totals", plan),
    }
    node = collector(gather, inputs, "out", "gather")
    assert unit_of_work(node) == ""
    names = [f"{branch.namespace}.verdict" for branch in plan.branches]
    data = {name: MemoryDataset(name) for name in reversed([*names, "texas.totals"])}
    catalog = DataCatalog(data | {"params:limit": MemoryDataset(3)})
    found = SequentialRunner().run(Pipeline([node]), catalog)["out"].load()
    assert found == {
        "limit": 3,
        "verdicts": dict(zip(plan.branches, names, strict=True)),
        "totals": {"texas": "texas.totals"},
    }
    assert list(found["verdicts"])[1] == Branch("texas", "large", "slow")


def test_a_collector_does_without_places_as_long_as_one_of_a_kind_is_left(plan):
    inputs = {"verdicts": of_branches("verdict", plan), "totals": of_regions("totals", plan)}
    node = collector(lambda verdicts, totals: (verdicts, totals), inputs, "out", "gather")
    fast, *others = [f"{branch.namespace}.verdict" for branch in plan.branches]
    less = without(node, _not_made(fast))
    assert less.name == node.name
    assert less.run({name: name for name in less.inputs})["out"] == (
        dict(zip(plan.branches[1:], others, strict=True)),
        {"texas": "texas.totals"},
    )
    assert without(node, _not_made(fast, *others)) is None
    assert without(node, _not_made("texas.totals")) is None
    assert without(node, {}) is node


def test_a_function_does_without_some_of_what_it_takes_by_any_name(plan):
    def refit(panel, **verdicts):
        return {"panel": panel, **verdicts}

    template = Pipeline([Node(refit, {"panel": "panel", "a": "one", "b": "two"}, "out")])
    [node] = Pipeline(template, namespace="texas.large").nodes
    less = without(node, _not_made("texas.large.one"))
    assert less.run({"texas.large.panel": 1, "texas.large.two": 2}) == {
        "texas.large.out": {"panel": 1, "b": 2}
    }
    assert without(node, _not_made("texas.large.panel")) is None
    assert without(node, _not_made("texas.large.one", "texas.large.two")) is None


def test_a_function_that_can_do_without_an_argument_is_told_why_there_is_none():
    def score(*, panel=NOT_MADE, past, **models):
        return (panel, past, models)

    inputs = {"panel": "panel", "past": "past", "fast": "fast", "slow": "slow"}
    node = Node(score, inputs, "out", name="score")
    less = without(node, _not_made("panel"))
    assert (less.name, less.inputs) == ("score", ["past", "fast", "slow"])
    loaded = {"past": 1, "fast": 2, "slow": 3}
    assert less.run(loaded)["out"] == (NotMade("of panel"), 1, {"fast": 2, "slow": 3})
    assert without(node, _not_made("panel", "fast")).run({"past": 1, "slow": 3})["out"] == (
        NotMade("of panel"),
        1,
        {"slow": 3},
    )
    assert without(node, _not_made("panel", "past")) is None
    assert without(node, _not_made("panel", "fast", "slow")) is None


def test_the_regions_of_a_pipeline_are_those_of_its_nodes(plan):
    template = Pipeline([Node(lambda x: x, "panel", "out", name="work")])
    nodes = [*per_segment(template, plan), *per_velocity(template, plan)]
    assert regions_of(Pipeline(nodes)) == {"texas"}
    assert regions_of(template) == set()
