"""One segment drawn by stage, for people who read the project in Kedro-Viz.

Kedro-Viz groups nodes by namespace, and ours say which segment a node belongs to: good to run by,
but a box for each of 28 segments tells nobody what happens inside. Here the nodes of one segment
get their stage as namespace, so that the boxes are conditioning, training, validation... and the
datasets get short names, because Kedro-Viz makes the whole picture as wide as the full ones.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import update_wrapper
from inspect import signature
from typing import Any, Final, NamedTuple

from kedro.pipeline import Node, Pipeline

from demand_forecast.framework.segments import Segment, Segments
from demand_forecast.framework.stages import PUBLISHING, STAGES

EXAMPLE: Final = "example"
# What is drawn beside the stage that makes it, though no other stage reads it.
_RESULTS: Final = ("control_totals_plot", "backtest_plot", "forecast", "forecast_plot", "health")


class Drawing(NamedTuple):
    """A segment drawn by stage.

    Attributes:
        pipeline: It can be run as well.
        names: Full names of the datasets, by the short ones.
        nodes: The drawn nodes, by the names of those that they stand for.
    """

    pipeline: Pipeline
    names: dict[str, str]
    nodes: dict[str, Node]


def draw_example(everything: Pipeline, plan: Segments) -> Drawing:
    """The first segment of an environment by stage and velocity.

    What a segment remembers of earlier runs (the last classes, the last conditioned tables, past
    forecasts) is left out: the picture, and a run of it, is that of a fresh clone. Publishing is
    left out too: it reads from every other stage, and its arrows would be most of the picture.

    Args:
        everything: All stages of all segments.
        plan: Regions and formats of the environment.
    """
    segment = plan.segments[0]
    sources = {f"{segment.region}.raw_{source}" for source in plan.sources(segment.region)}
    of_segment = everything.only_nodes_with_tags(segment.namespace)
    nodes = Pipeline([node for node in of_segment.nodes if PUBLISHING not in node.tags])
    datasets = {name for name in nodes.datasets() if not name.startswith("params:")}
    memory = nodes.inputs() & datasets - sources
    short = {name: _short(name, segment) for name in datasets - memory}
    drawn = {node.name: _drawn(node, segment, short, memory) for node in nodes.nodes}
    results = {name for full, name in short.items() if full.rpartition(".")[2] in _RESULTS}
    return Drawing(
        Pipeline([*drawn.values(), *_readers(Pipeline(list(drawn.values())), results)]),
        {name: full for full, name in short.items()},
        drawn,
    )


def _drawn(node: Node, segment: Segment, short: dict[str, str], memory: Collection[str]) -> Node:
    """The same node in the namespace of its stage, without the memory of earlier runs."""
    inputs = [name for name in node.inputs if name not in memory]
    nothing = {name: None for name in node.inputs if name in memory}

    def call(*data: Any) -> Any:
        made = node.run({**dict(zip(inputs, data, strict=True)), **nothing})
        results = [made[name] for name in node.outputs]
        return results[0] if len(results) == 1 else results

    outputs = [short[name] for name in node.outputs]
    own = signature(call)
    update_wrapper(call, node.func)  # Kedro-Viz shows the function's own code
    # Kedro takes the types of parameters from these, by position: the order here is another one.
    call.__signature__, call.__annotations__ = own, {}  # type: ignore[attr-defined]
    return Node(
        call,
        inputs=[short.get(name, name) for name in inputs],
        outputs=outputs if len(outputs) > 1 else outputs[0],
        name=node.short_name,
        tags=node.tags,
        namespace=_stage(node, segment),
    )


def _readers(drawn: Pipeline, results: Collection[str]) -> Iterator[Node]:
    """For each stage a node that stands for people, who read what no other stage does.

    Kedro-Viz draws inside a box what is read there, and beside it what is not: without readers,
    tables that the next stage does not need would be most of the picture.
    """
    for stage in STAGES:
        nodes = drawn.only_nodes_with_tags(stage)
        unread = nodes.all_outputs() & drawn.outputs() - set(results)
        if unread:
            yield Node(
                read_by_people,
                inputs=sorted(unread),
                outputs=None,
                name="read_by_people",
                tags={stage},
                namespace=stage,
            )


def read_by_people(*tables: Any) -> None:
    """Stands for whoever opens these tables; it does nothing."""


def _stage(node: Node, segment: Segment) -> str:
    stage = next(stage for stage in STAGES if stage in node.tags)
    velocities = {branch.namespace: branch.velocity for branch in segment.branches}
    velocity = velocities.get(node.namespace or "")
    return f"{stage}.{velocity}" if velocity else stage


def _short(name: str, segment: Segment) -> str:
    """Name of a dataset without region and format; what is of one velocity says so."""
    namespace, _, own = name.rpartition(".")
    velocities = {branch.namespace: branch.velocity for branch in segment.branches}
    return f"{velocities[namespace]}_{own}" if namespace in velocities else own
