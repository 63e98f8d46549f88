"""A run as OpenTelemetry's spans and metrics, sent in one piece when it has ended.

Spans are made of what the nodes of all processes have noted, so that it makes no difference which
runner ran them, nothing is sent while nodes work, and no worker needs a connection. The providers
are the run's own: MLflow, which traces with the same library, is not touched.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from demand_forecast.exceptions import TelemetryError, extra_needed
from demand_forecast.framework.notes import Note, seconds_by_stage

if TYPE_CHECKING:
    from opentelemetry.metrics import Meter
    from opentelemetry.sdk.metrics.export import MetricsData
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import ReadableSpan

ENDPOINT: Final = "OTEL_EXPORTER_OTLP_ENDPOINT"
_SERVICE: Final = "demand_forecast"
_SECONDS: Final = 2.0  # for each of the two requests, repetitions included

Values = Mapping[str, str]


class RunFacts(NamedTuple):
    """What is told of a run beside its nodes.

    Attributes:
        started: Seconds since 1970.
        ended: The same.
        attributes: Its environment, version, pipelines and so on.
        error: Why it failed; empty if it did not.
        left_out: How many nodes did not run for want of what failed.
    """

    started: float
    ended: float
    attributes: Values
    error: str = ""
    left_out: int = 0


def is_wanted() -> bool:
    """Whether the environment names an endpoint."""
    disabled = os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true"
    return bool(os.environ.get(ENDPOINT)) and not disabled


def send(run: RunFacts, notes: Iterable[Note]) -> None:
    """Send the spans and metrics of a run to the endpoint that the environment names.

    Args:
        run: The run.
        notes: Of its nodes.

    Raises:
        TelemetryError: If the exporter is not installed, or the endpoint does not take them within
            seconds.
    """
    try:
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    except ModuleNotFoundError as error:
        raise TelemetryError(extra_needed(error, "telemetry", "telemetry needs it")) from error
    noted = list(notes)
    _check(OTLPSpanExporter(timeout=_SECONDS).export(spans(run, noted)))
    _check(OTLPMetricExporter(timeout=_SECONDS).export(metrics(run, noted)))


def spans(run: RunFacts, notes: Iterable[Note]) -> tuple[ReadableSpan, ...]:
    """One span for the run and, below it, one per node.

    Args:
        run: The run.
        notes: Of its nodes.
    """
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
    from opentelemetry.trace import Status, StatusCode, set_span_in_context

    made = InMemorySpanExporter()
    provider = TracerProvider(resource=_resource(), shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(made))
    tracer = provider.get_tracer(_SERVICE)

    def add(name: str, start: float, end: float, attributes: Values, error: str, above: Any) -> Any:
        span = tracer.start_span(name, above, attributes=attributes, start_time=_nanoseconds(start))
        if error:
            span.set_status(Status(StatusCode.ERROR, error))
        span.end(_nanoseconds(end))
        return span

    whole = add("run", run.started, run.ended, run.attributes, run.error, None)
    below = set_span_in_context(whole)
    for note in notes:
        place = {"stage": note.stage, "place": note.place}
        add(note.node, note.ended - (note.seconds or 0), note.ended, place, note.error, below)
    return made.get_finished_spans()


def metrics(run: RunFacts, notes: Iterable[Note]) -> MetricsData:
    """The seconds of the run and of its stages, and how many nodes finished, failed or did not run.

    Args:
        run: The run.
        notes: Of its nodes.
    """
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader

    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], _resource(), shutdown_on_exit=False)
    environment = {key: value for key, value in run.attributes.items() if key == "environment"}
    _record(provider.get_meter(_SERVICE), run, list(notes), environment)
    data = reader.get_metrics_data()
    assert data is not None  # noqa: S101 - something was recorded
    return data


def _record(meter: Meter, run: RunFacts, notes: list[Note], environment: Values) -> None:
    duration = meter.create_gauge("demand_forecast.run.duration", "s", "Seconds of a run")
    duration.set(run.ended - run.started, environment)
    stages = meter.create_gauge("demand_forecast.stage.work", "s", "Seconds of a stage's nodes")
    for stage, seconds in seconds_by_stage(notes).items():
        stages.set(seconds, {**environment, "stage": stage})
    nodes = meter.create_gauge(
        "demand_forecast.run.nodes", "{node}", "Nodes by what became of them"
    )
    failed = sum(bool(note.error) for note in notes)
    for outcome, number in {
        "finished": len(notes) - failed,
        "failed": failed,
        "left out": run.left_out,
    }.items():
        nodes.set(number, {**environment, "outcome": outcome})
    success = meter.create_gauge("demand_forecast.run.success", "1", "1 if the run has not failed")
    success.set(int(not run.error), environment)


def _resource() -> Resource:
    from opentelemetry.sdk.resources import SERVICE_NAME, Resource

    named = os.environ.get("OTEL_SERVICE_NAME", _SERVICE)
    return Resource.create({SERVICE_NAME: named})


def _check(result: Any) -> None:
    if result.name != "SUCCESS":
        raise TelemetryError(f"{os.environ[ENDPOINT]} did not take it within {_SECONDS:.0f} s")


def _nanoseconds(seconds: float) -> int:
    return int(seconds * 1e9)
