"""A run as OpenLineage's events, sent in one piece when it has ended.

Datasets are those of the run's manifest, with their versions and digests; jobs are its stages, one
for each region or segment, below the run. Times and errors are what the nodes of all processes have
noted, so that it makes no difference which runner ran them.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from threading import Thread
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from demand_forecast.exceptions import TelemetryError, extra_needed
from demand_forecast.framework.notes import Note
from demand_forecast.registry.addresses import masked

if TYPE_CHECKING:
    from openlineage.client import OpenLineageClient
    from openlineage.client.event_v2 import Dataset, Job, Run, RunEvent
    from openlineage.client.facet_v2 import DatasetFacet, JobFacet

_ADDRESS: Final = ("OPENLINEAGE_URL", "OPENLINEAGE_CONFIG", "OPENLINEAGE__TRANSPORT")
_NAME: Final = "demand_forecast"
_FIRST: Final = 3.0  # seconds in which a collector that is well has taken an event
_ALL: Final = 10.0


class Data(NamedTuple):
    """A dataset that a run has read or written.

    Attributes:
        namespace: Where it is, as OpenLineage's naming conventions have it.
        name: Its name there, without a version.
        version: Kedro's, or that of a registered model; empty where it has none.
        sha256: Digest; empty where none is known.
        rows: Of a table, if known.
        size: Bytes, if known.
        columns: Names and types, if known.
    """

    namespace: str
    name: str
    version: str = ""
    sha256: str = ""
    rows: int | None = None
    size: int | None = None
    columns: Mapping[str, str] = {}


class Step(NamedTuple):
    """A stage of a region or segment.

    Attributes:
        stage: Its stage.
        place: Its region or segment.
        notes: Of its nodes; those that did not run have none.
        inputs: What it has read of what it has not made itself.
        outputs: What it has made.
    """

    stage: str
    place: str
    notes: Sequence[Note]
    inputs: Sequence[Data]
    outputs: Sequence[Data]


class RunFacts(NamedTuple):
    """What is told of a run beside its steps.

    Attributes:
        environment: Kedro environment.
        pipelines: Their names.
        started: Seconds since 1970.
        ended: The same.
        tags: Its version, release and so on.
        commit: Of the code.
        error: Why it failed; empty if it did not.
    """

    environment: str
    pipelines: str
    started: float
    ended: float
    tags: Mapping[str, str]
    commit: str = ""
    error: str = ""


def is_wanted() -> bool:
    """Whether the environment names a collector, in one of the ways of OpenLineage's client."""
    disabled = os.environ.get("OPENLINEAGE_DISABLED", "").strip().lower() == "true"
    return not disabled and any(
        name.startswith(_ADDRESS) and os.environ[name] for name in os.environ
    )


def send(run: RunFacts, steps: Iterable[Step]) -> None:
    """Send the events of a run to the collector that the environment names.

    Args:
        run: The run.
        steps: Its stages by region or segment.

    Raises:
        TelemetryError: If the client is not installed, or the collector does not take all events
            within seconds.
    """
    client, waiting = _client(), list(events(run, steps))
    whole, trouble = len(waiting), list[Exception]()

    def work() -> None:
        try:
            while waiting:
                client.emit(waiting[0])
                del waiting[:1]
            client.close(_FIRST)
        except Exception as error:  # said by the run's own thread
            trouble.append(error)

    thread = Thread(target=work, daemon=True)  # a silent collector must not hold the run
    thread.start()
    thread.join(_FIRST)
    if len(waiting) < whole:
        thread.join(_ALL - _FIRST)
    sent = whole - len(waiting)
    waiting.clear()  # of a slow one no more is asked
    if trouble or sent < whole:
        why = str(trouble[0]) if trouble else "the collector is slow or does not answer"
        raise TelemetryError(f"{sent} of {whole} events were sent: {why}")


def _client() -> OpenLineageClient:
    try:
        from openlineage.client import OpenLineageClient
        from openlineage.client.transport.http import HttpTransport
    except ModuleNotFoundError as error:
        raise TelemetryError(extra_needed(error, "lineage", "lineage needs it")) from error
    client = OpenLineageClient()
    if isinstance(client.transport, HttpTransport):
        client.transport.config.retry = {"total": 0}  # it would warn of each time it tries again
    return client


def events(run: RunFacts, steps: Iterable[Step]) -> Iterable[RunEvent]:
    """Start and end of the run, then of each step that has run.

    Args:
        run: The run.
        steps: Its stages by region or segment.
    """
    from openlineage.client import facet_v2 as facets
    from openlineage.client.event_v2 import Run, RunEvent, RunState, set_producer
    from openlineage.client.uuid import generate_new_uuid

    set_producer(f"pkg:pypi/demand-forecast@{version('demand-forecast')}")  # it has to be a URI

    def pair(
        job: Job, of: Run, began: float, ended: float, error: str, **data: Any
    ) -> Iterable[Any]:
        yield RunEvent(eventType=RunState.START, eventTime=_time(began), run=of, job=job)
        end = RunState.FAIL if error else RunState.COMPLETE
        if error:
            said = facets.error_message_run.ErrorMessageRunFacet(masked(error), "python")
            of = Run(of.runId, {**(of.facets or {}), "errorMessage": said})
        yield RunEvent(eventType=end, eventTime=_time(ended), run=of, job=job, **data)

    job = _job(f"{run.environment}.{run.pipelines}", "PIPELINE", run.commit)
    whole = Run(str(generate_new_uuid()), _run_facets(run.tags))
    yield from pair(job, whole, run.started, run.ended, run.error)
    for step in steps:
        if not step.notes:
            continue
        began = min(note.ended - (note.seconds or 0) for note in step.notes)
        ended = max(note.ended for note in step.notes)
        error = "; ".join(f"{note.node}: {note.error}" for note in step.notes if note.error)
        of = Run(str(generate_new_uuid()), {"parent": _below(whole, job)})
        name = f"{run.environment}.{step.stage}.{step.place}"
        data = {
            "inputs": [_dataset(one, written=False) for one in step.inputs],
            "outputs": [_dataset(one, written=True) for one in step.outputs],
        }
        yield from pair(_job(name, "STAGE", run.commit), of, began, ended, error, **data)


def _job(name: str, kind: str, commit: str) -> Job:
    from openlineage.client import facet_v2 as facets
    from openlineage.client.event_v2 import Job
    from openlineage.client.git import get_git_repo_url

    about: dict[str, JobFacet] = {
        "jobType": facets.job_type_job.JobTypeJobFacet("BATCH", "KEDRO", kind)
    }
    # The client would add it itself, with the password that the address of a remote may have.
    if url := get_git_repo_url():
        about["sourceCodeLocation"] = facets.source_code_location_job.SourceCodeLocationJobFacet(
            "git", masked(url), repoUrl=masked(url), version=commit or None
        )
    return Job(os.environ.get("OPENLINEAGE_NAMESPACE") or _NAME, name, about)


def _run_facets(tags: Mapping[str, str]) -> dict[str, Any]:
    from openlineage.client import facet_v2 as facets

    told = facets.tags_run.TagsRunFacetFields
    return {
        "tags": facets.tags_run.TagsRunFacet(
            [told(name, value, _NAME) for name, value in tags.items() if value]
        ),
        "processing_engine": facets.processing_engine_run.ProcessingEngineRunFacet(
            version("kedro"), "Kedro", version("demand-forecast")
        ),
    }


def _below(run: Run, job: Job) -> Any:
    from openlineage.client.facet_v2 import parent_run

    return parent_run.ParentRunFacet(
        parent_run.Run(run.runId), parent_run.Job(job.namespace, job.name)
    )


def _dataset(data: Data, written: bool) -> Dataset:
    from openlineage.client import facet_v2 as facets
    from openlineage.client.event_v2 import InputDataset, OutputDataset

    about: dict[str, DatasetFacet] = {}
    if version := data.version or data.sha256:
        about["version"] = facets.dataset_version_dataset.DatasetVersionDatasetFacet(version)
    if data.sha256:
        digest = facets.tags_dataset.TagsDatasetFacetFields("sha256", data.sha256, _NAME)
        about["tags"] = facets.tags_dataset.TagsDatasetFacet([digest])
    if data.columns:
        column = facets.schema_dataset.SchemaDatasetFacetFields
        about["schema"] = facets.schema_dataset.SchemaDatasetFacet(
            [column(name, kind) for name, kind in data.columns.items()]
        )
    if not written:
        return InputDataset(data.namespace, data.name, facets=about)
    counted = facets.output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(
        data.rows, data.size
    )
    return OutputDataset(data.namespace, data.name, {"outputStatistics": counted}, facets=about)


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()
