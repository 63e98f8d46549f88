"""A run is told to a real receiver of the protocol, which listens on this machine."""

from __future__ import annotations

import socket
import time

import pytest
from kedro.framework.hooks.manager import _create_hook_manager
from opentelemetry import trace
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from receiver import receiving

from demand_forecast.framework import notes, run_context, telemetry
from demand_forecast.framework.failures import Failure, RunFailedError
from demand_forecast.framework.notes import Note
from demand_forecast.framework.run_context import RunContext
from demand_forecast.framework.segments import Segments
from demand_forecast.hooks.telemetry import TelemetryHook
from demand_forecast.registry.tracking import ParentRun

PARAMS = {"run_id": "v1", "env": "prod", "pipeline_names": ["train", "score"]}
KINDS = {"/v1/traces": ExportTraceServiceRequest, "/v1/metrics": ExportMetricsServiceRequest}


@pytest.fixture
def received(monkeypatch):
    """Requests by path, as the receiver has parsed them."""
    found = {}

    def take(path, headers, body):
        assert headers["Content-Type"] == "application/x-protobuf"
        found[path] = KINDS[path].FromString(body)

    with receiving(take) as address:
        monkeypatch.setenv(telemetry.ENDPOINT, address)
        yield found


@pytest.fixture
def run():
    """The hooks of a run that has started; two of its nodes have ended."""
    plan = Segments(store_formats=[], regions={}, layouts={})
    file = notes.new_file()
    with run_context.inside(RunContext(plan, notes=file, parent=ParentRun("mlflow", "7"))):
        manager = _create_hook_manager()
        manager.register(TelemetryHook())
        manager.hook.before_pipeline_run(run_params=PARAMS, pipeline=None, catalog=None)
        notes.add([Note("training", "texas", f"fit_{x}", 1.5, ended=time.time()) for x in "ab"])
        yield manager.hook
    file.unlink()


def _end(hook, error=None):
    if error is None:
        hook.after_pipeline_run(run_params=PARAMS, run_result={}, pipeline=None, catalog=None)
    else:
        hook.on_pipeline_error(error=error, run_params=PARAMS, pipeline=None, catalog=None)


def _spans(received):
    [resource] = received["/v1/traces"].resource_spans
    [name] = [a.value for a in resource.resource.attributes if a.key == "service.name"]
    assert name.string_value == "demand_forecast"
    [scope] = resource.scope_spans
    return {span.name: span for span in scope.spans}


def test_spans_and_metrics_arrive(run, received):
    _end(run)
    spans = _spans(received)
    assert set(spans) == {"run", "fit_a", "fit_b"}
    attributes = {a.key: a.value.string_value for a in spans["run"].attributes}
    assert attributes["environment"] == "prod"
    assert attributes["pipelines"] == "train,score"
    assert attributes["mlflow_run"] == "mlflow"
    fit = spans["fit_a"]
    assert fit.parent_span_id == spans["run"].span_id
    assert fit.end_time_unix_nano - fit.start_time_unix_nano == pytest.approx(1.5e9, abs=1e3)
    [resource] = received["/v1/metrics"].resource_metrics
    names = {metric.name for scope in resource.scope_metrics for metric in scope.metrics}
    assert "demand_forecast.run.duration" in names
    # MLflow's own tracing, and anybody else's, is as it was
    assert type(trace.get_tracer_provider()).__name__ == "ProxyTracerProvider"


def test_a_run_that_went_on_after_a_failure_says_so(run, received):
    failure = Failure("fit_c", "texas", "node 'fit_c'", "http://ann:secret@mlflow is down")
    _end(run, RunFailedError([failure], left_out=["score"]))
    status = _spans(received)["run"].status
    assert status.code == 2
    assert status.message.startswith("node 'fit_c': http://***@mlflow is down")
    [resource] = received["/v1/metrics"].resource_metrics
    [nodes] = [m for m in resource.scope_metrics[0].metrics if m.name.endswith("nodes")]
    assert sorted(point.as_int for point in nodes.gauge.data_points) == [0, 1, 2]


def test_a_hook_that_fails_is_not_hidden(run, received):
    ending = TelemetryHook().after_pipeline_run(PARAMS, None, None)
    next(ending)
    with pytest.raises(KeyError):
        ending.throw(KeyError("results"))
    assert _spans(received)["run"].status.message == "'results'"


@pytest.mark.parametrize("silent", [False, True])
def test_a_dead_endpoint_costs_seconds_and_fails_nothing(run, monkeypatch, caplog, silent):
    monkeypatch.setattr(telemetry, "_SECONDS", 0.2)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        if silent:  # takes the connection and never answers
            listener.listen()
        address = f"http://ann:secret@127.0.0.1:{listener.getsockname()[1]}"
        monkeypatch.setenv(telemetry.ENDPOINT, address)
        started = time.monotonic()
        _end(run)
        assert time.monotonic() - started < 2
    [told] = [m for m in caplog.messages if m.startswith("no telemetry of this run: http://***@")]
    assert "secret" not in told


def test_without_an_endpoint_nothing_is_sent(run, received, monkeypatch):
    monkeypatch.delenv(telemetry.ENDPOINT)
    _end(run)
    assert received == {}
