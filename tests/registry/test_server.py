"""Servers that do not answer, and runs that were interrupted; no server is started for it."""

from __future__ import annotations

import multiprocessing
import os
import socket
import time

import mlflow
import pytest
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from demand_forecast.registry import availability, server
from demand_forecast.registry.tracking import PIPELINE_RUN, ParentRun


@pytest.fixture(autouse=True)
def _available():
    yield
    availability.remember(None)


def test_after_giving_up_nothing_is_asked(own_store):
    registry = mlflow.get_registry_uri()  # as the environment names it
    with mlflow.start_run():
        server.give_up("registry unreachable: a test")
        assert mlflow.active_run() is None
    assert server.is_given_up()
    assert availability.trouble() == "registry unreachable: a test"
    with pytest.raises(MlflowException, match="unreachable") as caught:
        MlflowClient().get_model_version_by_alias("model", "champion")
    assert server.is_refusal(caught.value)
    assert not server.is_refusal(MlflowException("no such model"))
    assert os.environ.get("MLFLOW_REGISTRY_URI") == registry


def _raised(error, cause=None):
    try:
        raise error from cause
    except Exception as caught:
        return caught


def test_a_server_that_answered_may_still_be_asked_for_models(tmp_path, empty_store):
    forbidden = MlflowException("failed with error code 403")
    silent = _raised(MlflowException("failed with exception"), ConnectionError("no route"))
    assert server.can_be_read("http://mlflow", forbidden)
    assert not server.can_be_read("http://mlflow", silent)
    assert server.can_be_read(f"sqlite:///{empty_store}", silent)
    assert all(server.is_servers_fault(error) for error in (forbidden, silent, OSError()))
    assert not server.is_servers_fault(ValueError("Parameter 'x' is too long"))


def _connect(uri, journal):
    with server.one_at_a_time(uri):
        for word in ("begin", "end"):
            with journal.open("a") as file:
                file.write(f"{word}\n")
            time.sleep(0.02)


def test_processes_that_start_together_make_a_store_one_after_the_other(tmp_path):
    context, journal = multiprocessing.get_context("fork"), tmp_path / "journal"
    given = (f"sqlite:///{tmp_path}/new/mlflow.db", journal)
    processes = [context.Process(target=_connect, args=given) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert journal.read_text().split() == ["begin", "end"] * 4


def test_a_store_in_a_folder_that_can_only_be_read_needs_no_lock(tmp_path, monkeypatch):
    (tmp_path / "mlflow.db").touch()
    monkeypatch.setattr(server.os, "access", lambda path, mode: False)
    with server.one_at_a_time(f"sqlite:///{tmp_path}/mlflow.db"):
        assert [path.name for path in tmp_path.iterdir()] == ["mlflow.db"]


def test_runs_of_processes_that_were_killed_are_closed_with_what_is_below_them(own_store):
    client = MlflowClient()
    dead = multiprocessing.get_context("fork").Process(target=int)
    dead.start()
    dead.join()

    def begin(**tags):
        return client.create_run("0", tags=tags).info.run_id

    here = socket.gethostname()
    killed = begin(process_host=here, process_id=str(dead.pid))
    same_number = begin(process_host=here, process_id=str(os.getpid()))  # it was used before
    below = [begin(**{tag: killed}) for tag in ("mlflow.parentRunId", PIPELINE_RUN)]
    others = [
        begin(process_host="elsewhere", process_id=str(dead.pid)),
        begin(process_host=here, process_id="unknown"),
        begin(),
    ]
    own = begin()
    server.sign(ParentRun(own))
    server.sign(ParentRun())
    assert server.close_interrupted(ParentRun(own, "0")) == 4
    states = {
        run: client.get_run(run).info.status for run in (killed, same_number, *below, own, *others)
    }
    assert states == dict.fromkeys([killed, same_number, *below], "KILLED") | dict.fromkeys(
        [own, *others], "RUNNING"
    )


def test_the_warning_names_the_server_without_its_password():
    uri = "https://ann:secret@mlflow.example.com"
    assert server.words(uri, f"{uri}/api:\n no answer") == (
        "MLflow at https://***@mlflow.example.com cannot be reached: "
        "https://***@mlflow.example.com/api: no answer; the run goes on without it"
    )
