"""What ``kedro run`` is told to run: every name exists, or the error says which ones do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from kedro.pipeline import Pipeline

from demand_forecast.exceptions import ConfigurationError, did_you_mean
from demand_forecast.framework.segments import Segments

DEFAULT = "__default__"
Options = Mapping[str, Any]


def pipeline_names(options: Options) -> list[str]:
    """The pipelines that are run: those that are named, else the default."""
    return list(options.get("pipeline_names") or [DEFAULT])


def check_selection(
    registered: Mapping[str, Pipeline], plan: Segments, options: Options
) -> Pipeline:
    """Refuse a selection by a name that does not exist, or one that leaves nothing to run.

    Args:
        registered: Pipelines by name.
        plan: Regions and formats of the environment.
        options: Arguments of ``KedroSession.run`` that choose what is run.

    Returns:
        What will be run.

    Raises:
        ConfigurationError: Naming the option, the name and the nearest valid ones.
    """
    names = pipeline_names(options)
    _check("--pipelines", "pipeline", names, registered)
    # jobs share nodes, such as those of conditioning
    pipeline = Pipeline(list(dict.fromkeys(n for name in names for n in registered[name].nodes)))
    nodes = [node.name for node in pipeline.nodes]
    for option, argument in {
        "--nodes": "node_names",
        "--from-nodes": "from_nodes",
        "--to-nodes": "to_nodes",
    }.items():
        _check(option, "node", options.get(argument), nodes)
    for option, argument in {"--from-inputs": "from_inputs", "--to-outputs": "to_outputs"}.items():
        _check(option, "dataset", options.get(argument), pipeline.datasets())
    _check("--load-versions", "dataset", options.get("load_versions"), pipeline.datasets())
    _check("--tags", "tag", options.get("tags"), {tag for n in pipeline.nodes for tag in n.tags})
    wanted = list(options.get("namespaces") or [])
    if unknown := set(wanted) - {n.namespace for n in pipeline.nodes}:
        _check("--namespaces", "region, segment or velocity", sorted(unknown), plan.namespaces)
    return _left(pipeline, plan, options)


def by_tags(options: Options, plan: Segments) -> bool:
    """Whether a choice of namespaces is made by tag, so that it brings its raw data along."""
    wanted = set(options.get("namespaces") or [])
    return bool(wanted) and not options.get("tags") and wanted <= set(plan.namespaces)


def _check(option: str, kind: str, names: Iterable[str] | None, valid: Iterable[str]) -> None:
    accepted = set(valid)
    for name in names or []:
        if name not in accepted:
            raise ConfigurationError(
                f"{option}: there is no {kind} '{name}' in this environment. "
                f"{did_you_mean(name, accepted)}"
            )


def _left(pipeline: Pipeline, plan: Segments, options: Options) -> Pipeline:
    """The nodes that are chosen, one at least."""
    chosen = {k: options.get(k) or None for k in ("tags", "from_nodes", "to_nodes", "node_names")}
    chosen |= {k: options.get(k) or None for k in ("from_inputs", "to_outputs")}
    if by_tags(options, plan):
        chosen["tags"] = options["namespaces"]
    else:
        chosen["node_namespaces"] = options.get("namespaces") or None
    try:
        return pipeline.filter(**chosen)
    except ValueError as error:
        given = ", ".join(f"{key}: {', '.join(value)}" for key, value in chosen.items() if value)
        raise ConfigurationError(f"no node is left to run ({given}): {error}") from error
