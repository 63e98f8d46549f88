from __future__ import annotations

import sys

import pytest

from demand_forecast.exceptions import TelemetryError
from demand_forecast.framework import telemetry
from demand_forecast.framework.notes import Note
from demand_forecast.framework.telemetry import RunFacts

RUN = RunFacts(100.0, 160.0, {"environment": "prod", "run": "v1"}, "1 node failed", left_out=3)
NOTES = [
    Note("training", "texas.large", "texas.large.fit", 12.5, ended=140.0),
    Note("training", "texas.small", "texas.small.fit", None, "MemoryError", 150.0),
    Note("scoring", "texas.large", "texas.large.score", 2.0, ended=142.0),
]


def test_a_span_for_the_run_and_below_it_one_per_node():
    run, *nodes = telemetry.spans(RUN, NOTES)
    assert (run.name, run.start_time, run.end_time) == ("run", 100 * 10**9, 160 * 10**9)
    assert dict(run.attributes) == RUN.attributes
    assert (run.status.is_ok, run.status.description) == (False, "1 node failed")
    assert [node.name for node in nodes] == [note.node for note in NOTES]
    assert {node.parent.span_id for node in nodes} == {run.context.span_id}
    assert {node.context.trace_id for node in nodes} == {run.context.trace_id}
    first, failed, _ = nodes
    assert (first.start_time, first.end_time) == (127_500_000_000, 140_000_000_000)
    assert dict(first.attributes) == {"stage": "training", "place": "texas.large"}
    assert failed.status.description == "MemoryError"


def test_metrics_count_nodes_and_seconds():
    [resource] = telemetry.metrics(RUN, NOTES).resource_metrics
    [scope] = resource.scope_metrics
    points = {
        (metric.name, *(v for k, v in point.attributes.items() if k != "environment")): point.value
        for metric in scope.metrics
        for point in metric.data.data_points
    }
    assert points == {
        ("demand_forecast.run.duration",): 60.0,
        ("demand_forecast.run.success",): 0,
        ("demand_forecast.stage.work", "training"): 12.5,
        ("demand_forecast.stage.work", "scoring"): 2.0,
        ("demand_forecast.run.nodes", "finished"): 2,
        ("demand_forecast.run.nodes", "failed"): 1,
        ("demand_forecast.run.nodes", "left out"): 3,
    }


@pytest.mark.parametrize(
    ("variables", "wanted"),
    [
        ({}, False),
        ({telemetry.ENDPOINT: ""}, False),
        ({telemetry.ENDPOINT: "http://collector:4318"}, True),
        ({telemetry.ENDPOINT: "http://collector:4318", "OTEL_SDK_DISABLED": "true"}, False),
    ],
)
def test_it_is_off_unless_there_is_an_endpoint(monkeypatch, variables, wanted):
    for name in (telemetry.ENDPOINT, "OTEL_SDK_DISABLED"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert telemetry.is_wanted() == wanted


def test_without_the_exporter_it_is_said_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http", None)
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.metric_exporter", None)
    with pytest.raises(TelemetryError, match=r"pip install 'demand-forecast\[telemetry\]'"):
        telemetry.send(RUN, NOTES)
