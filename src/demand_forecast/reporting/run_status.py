"""The status of the last run, where Kedro-Viz looks for it.

Kedro-Viz has a hook of its own for that. It knows whole runs in one process only, not those by
segment or in workers, and would write a warning into every other. So its file is written here, from
the seconds that all workers have noted.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from kedro.pipeline import Node


class NodeRun(NamedTuple):
    """What became of one node.

    Attributes:
        node: As it is registered.
        drawn: The nodes that stand for it in drawings.
        seconds: How long it took, with reading and writing; None where it failed or did not run.
        error: Why it failed; empty where it did not.
    """

    node: Node
    drawn: tuple[Node, ...] = ()
    seconds: float | None = None
    error: str = ""


def write_run_status(project: Path, start: datetime, runs: Iterable[NodeRun], error: str) -> None:
    """Write the events of a run for the workflow view of Kedro-Viz, where that is installed.

    Args:
        project: The project's folder.
        start: When the run began.
        runs: Its nodes.
        error: Why the run failed; empty where it did not.
    """
    if find_spec("kedro_viz") is None:
        return
    from kedro_viz.integrations.kedro.hooks_utils import EVENTS_DIR, EVENTS_FILE

    end: dict[str, Any] = {"timestamp": datetime.now(UTC).isoformat()}
    end |= {"event": "on_pipeline_error", "error": error} if error else _named("after_pipeline_run")
    events = [_named("before_pipeline_run") | {"timestamp": start.isoformat()}]
    events += [event for run in runs for event in _events(run)]
    folder = project / EVENTS_DIR
    folder.mkdir(exist_ok=True)
    (folder / EVENTS_FILE).write_text(json.dumps([*events, end]))


def _events(run: NodeRun) -> Iterator[dict[str, Any]]:
    """Of a node and of its datasets, in every pipeline that shows them."""
    from kedro_viz.integrations.kedro.hooks_utils import hash_node

    for node in (run.node, *run.drawn):
        one = {"node": node.name, "node_id": hash_node(node)}
        if run.error:
            yield _named("on_node_error") | one | {"error": run.error}
        elif run.seconds is not None:
            done: dict[str, Any] = {"duration": round(run.seconds, 3), "status": "success"}
            yield _named("after_node_run") | one | done
            for dataset in node.outputs:
                saved = {"dataset": dataset, "node_id": hash_node(dataset), "status": "Available"}
                yield _named("after_dataset_saved") | saved


def _named(event: str) -> dict[str, Any]:
    return {"event": event}
