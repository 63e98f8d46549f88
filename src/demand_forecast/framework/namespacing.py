"""The only loops over regions, segments and velocities: templates in, namespaced copies out."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from typing import Any

from kedro.pipeline import Node, Pipeline

from demand_forecast.framework.not_made import NotMade
from demand_forecast.framework.segments import Branch, Segment, Segments
from demand_forecast.modelling.velocity import VELOCITIES

_PARAMETERS = "params:"
_COLLECTED = "collected"


def per_region(templates: Mapping[str, Pipeline], plan: Segments) -> list[Pipeline]:
    """One copy of its template per region.

    Args:
        templates: Template by region (they differ in the sources a region has).
        plan: Regions and formats of the environment.
    """
    pipelines = []
    places: list[Segment | Branch] = [*plan.segments, *plan.branches]
    for region in plan.regions:
        tags = {region, *(place.namespace for place in places if place.region == region)}
        pipelines.append(Pipeline(templates[region], namespace=region, tags=tags))
    return pipelines


def per_segment(
    template: Pipeline | Callable[[list[str]], Pipeline],
    plan: Segments,
    *,
    region_inputs: Iterable[str] = (),
    sibling_inputs: Iterable[str] = (),
    velocity_inputs: Iterable[str] = (),
    run_inputs: Iterable[str] = (),
    leads_to_velocities: bool = False,
) -> list[Pipeline]:
    """One copy of ``template`` per segment.

    Args:
        template: Nodes of one segment; or gives them, told the other store formats of its region.
        plan: Regions and formats of the environment.
        region_inputs: What the segments of a region share, such as ``conditioned``.
        sibling_inputs: What the other segments of a region make, such as ``order_terms``; the
            template calls them ``order_terms_small``.
        velocity_inputs: What each velocity of the segment makes, such as ``model``; the template
            calls them ``model_fast`` and ``model_slow``.
        run_inputs: What there is once in a run, such as ``params:monitoring``.
        leads_to_velocities: Whether a run of one velocity needs these nodes.
    """
    pipelines = []
    of_run = {name: name for name in run_inputs}
    for segment in plan.segments:
        inside = {
            f"{name}_{branch.velocity}": _within(branch.namespace, name)
            for name in velocity_inputs
            for branch in segment.branches
        }
        tags = {segment.region, segment.namespace}
        if leads_to_velocities:
            tags |= {branch.namespace for branch in segment.branches}
        outside = {name: _within(segment.region, name) for name in region_inputs}
        others = [f for f in plan.formats(segment.region) if f != segment.store_format]
        outside |= {
            f"{name}_{other}": _within(f"{segment.region}.{other}", name)
            for name in sibling_inputs
            for other in others
        }
        nodes = template if isinstance(template, Pipeline) else template(others)
        pipelines.append(_copy(nodes, segment.namespace, of_run | outside | inside, tags))
    return pipelines


def per_velocity(
    template: Pipeline,
    plan: Segments,
    *,
    segment_inputs: Iterable[str] = (),
    run_inputs: Iterable[str] = (),
) -> list[Pipeline]:
    """One copy of ``template`` per velocity of each segment.

    Args:
        template: Nodes of one velocity.
        plan: Regions and formats of the environment.
        segment_inputs: What the velocities of a segment share, such as ``panel``.
        run_inputs: What there is once in a run.
    """
    shared, of_run = list(segment_inputs), {name: name for name in run_inputs}
    return [
        _copy(
            template,
            branch.namespace,
            of_run | {name: _within(branch.segment.namespace, name) for name in shared},
            {branch.region, branch.segment.namespace, branch.namespace},
        )
        for branch in plan.branches
    ]


def of_velocities(name: str) -> dict[str, str]:
    """``velocity_inputs`` of one name as arguments: ``fast`` is ``model_fast``."""
    return {velocity: f"{name}_{velocity}" for velocity in VELOCITIES}


def of_regions(name: str, plan: Segments) -> dict[str, str]:
    """One dataset of every region, by region."""
    return {region: _within(region, name) for region in plan.regions}


def of_segments(name: str, plan: Segments) -> dict[Segment, str]:
    """One dataset of every segment, by segment."""
    return {segment: _within(segment.namespace, name) for segment in plan.segments}


def of_branches(name: str, plan: Segments) -> dict[Branch, str]:
    """One dataset of every velocity of every segment, by where it is from."""
    return {branch: _within(branch.namespace, name) for branch in plan.branches}


def collector(
    func: Callable[..., Any],
    inputs: Mapping[str, str | Mapping[Any, str]],
    outputs: str | list[str],
    name: str,
) -> Node:
    """A node that reads from many namespaces and belongs to none; it comes after all segments.

    Args:
        func: Takes a mapping by place for each argument that stands for many datasets; places
            that failed are left out of it (:func:`without`).
        inputs: By argument of ``func``, parameters first: a dataset, or datasets by place.
        outputs: Dataset, or several.
        name: Name of the node.
    """

    def pick(source: str | Mapping[Any, str], loaded: Mapping[str, Any]) -> Any:
        if isinstance(source, str):
            return loaded[source]
        return {place: loaded[name] for place, name in source.items() if name in loaded}

    @wraps(func)  # Kedro and Kedro-Viz look at the function itself
    def call(**loaded: Any) -> Any:
        return func(**{argument: pick(source, loaded) for argument, source in inputs.items()})

    setattr(call, _COLLECTED, [set(s.values()) for s in inputs.values() if isinstance(s, Mapping)])
    sources = [[s] if isinstance(s, str) else list(s.values()) for s in inputs.values()]
    with warnings.catch_warnings():
        # Kedro warns of dots in names because they mean namespaces, which is what is meant here.
        warnings.filterwarnings("ignore", message="One or more dataset names contain")
        datasets = {name: name for names in sources for name in names}
        return Node(call, inputs=datasets, outputs=outputs, name=name)


def without(node: Node, lacking: Mapping[str, NotMade]) -> Node | None:
    """The node for want of some of its inputs; None if it cannot do without them.

    A collector can, and so can a function for which they are some of its ``**kwargs``, as long as
    one of a kind is left. So can a function whose default for the argument is a :class:`NotMade`.

    Args:
        node: A node.
        lacking: Inputs of it that there are not, and why.
    """
    if not lacking:
        return node
    arguments, kinds = _arguments(node), _kinds(node)
    told = {k: lacking[arguments[k]] for k in _dispensable(node) if arguments[k] in lacking}
    needed = lacking.keys() - {arguments[argument] for argument in told}
    if needed - set().union(*kinds) or any(kind and kind <= needed for kind in kinds):
        return None
    kept = {k: v for k, v in arguments.items() if v not in lacking}

    @wraps(node.func)
    def call(**loaded: Any) -> Any:
        return node.func(**loaded, **told)

    return node._copy(func=call, inputs=kept)


def _dispensable(node: Node) -> list[str]:
    """Arguments in whose place a node's function takes the reason why they were not made."""
    if hasattr(node.func, _COLLECTED):
        return []
    parameters = inspect.signature(node.func).parameters
    given = _arguments(node).keys() & parameters.keys()
    return [name for name in given if isinstance(parameters[name].default, NotMade)]


def _kinds(node: Node) -> list[set[str]]:
    """Inputs that a node may be without, by what they are of."""
    collected: list[set[str]] | None = getattr(node.func, _COLLECTED, None)
    if collected is not None:
        return collected
    parameters = inspect.signature(node.func).parameters
    if not any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        return []
    return [{name for argument, name in _arguments(node).items() if argument not in parameters}]


def _arguments(node: Node) -> dict[str, str]:
    """Datasets by argument, where a node has its inputs by argument."""
    return dict(node._inputs) if isinstance(node._inputs, dict) else {}


def stage(name: str, parts: Iterable[Pipeline | Node]) -> Pipeline:
    """Join the parts of a stage and tag their nodes with its name."""
    return Pipeline(list(parts), tags={name})


def unit_of_work(node: Node) -> str:
    """Namespace of the region or segment that a node belongs to; empty if it belongs to none.

    The velocities of a segment go with it.
    """
    return ".".join((node.namespace or "").split(".")[:2])


def regions_of(pipeline: Pipeline) -> set[str]:
    """The regions that nodes of a pipeline belong to."""
    return {work.split(".")[0] for node in pipeline.nodes if (work := unit_of_work(node))}


def _copy(
    template: Pipeline, namespace: str, outside: Mapping[str, str], tags: set[str]
) -> Pipeline:
    """A template in its namespace, with what it reads from ``outside`` of it."""
    parameters = {name for name in outside if name.startswith(_PARAMETERS)}
    return Pipeline(
        template,
        namespace=namespace,
        inputs={name: outside[name] for name in outside.keys() - parameters},
        parameters={name: outside[name] for name in parameters},
        tags=tags,
    )


def _within(namespace: str, name: str) -> str:
    """Full name of a dataset, or of parameters, of a namespace."""
    if name.startswith(_PARAMETERS):
        return f"{_PARAMETERS}{namespace}.{name.removeprefix(_PARAMETERS)}"
    return f"{namespace}.{name}"
