from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from kedro.pipeline import node

from demand_forecast.reporting import run_status
from demand_forecast.reporting.run_status import NodeRun, write_run_status

START = datetime(2024, 1, 6, tzinfo=UTC)
FIT = node(print, "texas_panel", "texas_model", name="fit")
DRAWN = node(print, "panel", "model", name="fit", namespace=None)
JUDGE = node(print, "texas_model", "texas_verdict", name="judge")


@pytest.fixture
def status(tmp_path):
    """What Kedro-Viz makes of the file."""
    run_events = pytest.importorskip("kedro_viz.api.rest.responses.run_events")
    hooks = pytest.importorskip("kedro_viz.integrations.kedro.hooks_utils")

    def read(*runs: NodeRun, error: str = ""):
        write_run_status(tmp_path, START, runs, error)
        events = json.loads((tmp_path / ".viz" / "kedro_pipeline_events.json").read_text())
        response = run_events.transform_events_to_structured_format(events)
        return response, hooks.hash_node

    return read


def test_kedro_viz_shows_nodes_and_datasets_also_in_the_drawing(status) -> None:
    response, identify = status(NodeRun(FIT, (DRAWN,), 1.25))
    for one in (FIT, DRAWN):
        shown = response.nodes[identify(one)]
        assert (shown.status, shown.duration) == ("success", 1.25)
    assert set(response.datasets) == {identify("texas_model"), identify("model")}
    assert response.pipeline.status == "success"
    assert datetime.fromisoformat(response.pipeline.start_time) == START


def test_a_failed_node_shows_its_error(status) -> None:
    response, identify = status(
        NodeRun(FIT, (), 1.0), NodeRun(JUDGE, (), None, "ValueError: no"), error="no"
    )
    failed = response.nodes[identify(JUDGE)]
    assert (failed.status, failed.error.message) == ("failed", "ValueError: no")
    assert identify("texas_verdict") not in response.datasets
    assert (response.pipeline.status, response.pipeline.error.message) == ("failed", "no")


def test_without_kedro_viz_nothing_is_written(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(run_status, "find_spec", lambda name: None)
    write_run_status(tmp_path, START, [NodeRun(FIT, (), 1.0)], "")
    assert list(tmp_path.iterdir()) == []
