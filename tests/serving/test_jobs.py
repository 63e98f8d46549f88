"""Runs of others: one at a time, in processes of their own, with their last lines."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from demand_forecast.exceptions import ConfigurationError, RunInProgressError
from demand_forecast.serving import jobs as serving_jobs
from demand_forecast.serving.jobs import Jobs, kedro_run
from demand_forecast.serving.messages import Run, RunRequest, RunState

pytestmark = pytest.mark.usefixtures("environment")
MakeJobs = Callable[[str], Jobs]


@pytest.fixture
def make_jobs(tmp_path: Path) -> Iterator[MakeJobs]:
    """A queue whose runs carry out some lines of Python."""
    made: list[Jobs] = []

    def make(code: str) -> Jobs:
        command = [sys.executable, "-I", "-S", "-c", code]
        jobs = Jobs(tmp_path, ("score", "train"), (None, "prod"), lambda _: command, ("SECRET",))
        made.append(jobs)
        return jobs

    yield make
    for jobs in made:
        jobs.close()


def _request(**more: object) -> RunRequest:
    return RunRequest.model_validate({"pipelines": ["score"]} | more)


def _until(jobs: Jobs, run_id: str, *states: RunState) -> Run:
    for _ in range(1000):
        run = jobs.get(run_id)
        assert run is not None
        if run.state in states:
            return run
        time.sleep(0.01)
    pytest.fail(f"still {run.state}")


def test_a_run_succeeds_in_the_projects_folder_without_the_token(make_jobs, tmp_path, monkeypatch):
    monkeypatch.setenv("SECRET", "token")
    jobs = make_jobs("import os; print(os.getcwd(), 'SECRET' in os.environ)")
    asked = jobs.add(_request())
    assert asked.state is RunState.QUEUED
    run = _until(jobs, asked.id, RunState.SUCCEEDED)
    assert run.closing_lines == [f"{tmp_path} False"]
    assert run.exit_code == 0
    assert run.asked_at <= run.started_at <= run.ended_at
    assert jobs.get("another") is None


def test_a_run_that_fails_says_its_last_lines_without_passwords(make_jobs) -> None:
    jobs = make_jobs(
        "for k in range(30): print(k, flush=True)\nraise SystemExit('postgresql://me:pw@host/db')"
    )
    run = _until(jobs, jobs.add(_request()).id, RunState.FAILED)
    assert run.exit_code == 1
    assert run.closing_lines[0] == "11"
    assert run.closing_lines[-1].startswith("postgresql://")
    assert "pw" not in run.closing_lines[-1]


def test_a_command_that_cannot_be_started_has_failed(make_jobs) -> None:
    jobs = make_jobs("")
    jobs.command = lambda _: ["/nowhere/kedro"]
    run = _until(jobs, jobs.add(_request()).id, RunState.FAILED)
    assert run.exit_code is None
    assert "could not be started" in run.closing_lines[0]


def test_runs_wait_for_each_other_and_the_end_of_the_service_ends_them(
    make_jobs, monkeypatch
) -> None:
    monkeypatch.setattr(serving_jobs, "MOST_QUEUED", 2)
    jobs = make_jobs("import time; time.sleep(60)")
    first = jobs.add(_request())
    _until(jobs, first.id, RunState.RUNNING)
    second = jobs.add(_request())
    assert jobs.add(_request()).id == second.id  # it waits already
    third = jobs.add(_request(env="prod", namespaces=["ohio.large"]))
    assert third.id != second.id
    with pytest.raises(RunInProgressError, match="2 runs are waiting"):
        jobs.add(_request(pipelines=["train"]))
    assert jobs.get(second.id).state is RunState.QUEUED
    jobs.close()
    assert [jobs.get(run.id).state for run in (first, second, third)] == [RunState.FAILED] * 3
    assert jobs.get(first.id).exit_code != 0
    assert jobs.get(third.id).closing_lines == ["the service has ended before"]


def _until_ready(jobs: Jobs, run_id: str) -> None:
    for _ in range(1000):
        if jobs.get(run_id).closing_lines == ["ready"]:
            return
        time.sleep(0.01)
    pytest.fail("it has not started")


_INTERRUPTED = """
import signal, subprocess, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where tests run in background
worker = subprocess.Popen([sys.executable, '-I', '-S', '-c', 'import time; time.sleep(60)'])
print('ready', flush=True)
try:
    worker.wait()
except KeyboardInterrupt:
    worker.wait()
    raise SystemExit('closed')
"""


def test_the_end_of_the_service_interrupts_a_run_and_its_workers_as_ctrl_c_would(make_jobs) -> None:
    jobs = make_jobs(_INTERRUPTED)
    run = jobs.add(_request())
    _until_ready(jobs, run.id)
    jobs.close()
    told = jobs.get(run.id)
    assert (told.state, told.exit_code) == (RunState.FAILED, 1)
    assert told.closing_lines[-1] == "closed"


def test_a_run_that_does_not_heed_the_interruption_is_killed(make_jobs, monkeypatch) -> None:
    monkeypatch.setattr(serving_jobs, "GRACE_S", 0.1)
    ignore = "signal.signal(signal.SIGINT, signal.SIG_IGN)"
    jobs = make_jobs(f"import signal, time; {ignore}; print('ready', flush=True); time.sleep(60)")
    run = jobs.add(_request())
    _until_ready(jobs, run.id)
    jobs.close()
    assert jobs.get(run.id).exit_code == -signal.SIGKILL


def test_the_oldest_that_have_ended_are_forgotten(make_jobs, monkeypatch) -> None:
    monkeypatch.setattr(serving_jobs, "MOST_KEPT", 1)
    jobs = make_jobs("")
    first = jobs.add(_request())
    _until(jobs, first.id, RunState.SUCCEEDED)
    second = jobs.add(_request())
    assert jobs.get(first.id) is None
    assert jobs.get(second.id) is not None


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (
            {"pipelines": ["publish"]},
            r"pipelines: 'publish' may not be run here\. Valid: score, tr",
        ),
        ({"pipelines": ["score", "; rm"]}, "'; rm' may not be run here"),
        ({"namespaces": ["ohio.lage"]}, r"namespaces: 'ohio.lage'.* Did you mean 'ohio.large'\?"),
        ({"env": "dev"}, r"env: 'dev' may not be run here\. Valid: prod\."),
    ],
)
def test_only_what_is_on_the_list_may_be_run(make_jobs, request_, words) -> None:
    with pytest.raises(ConfigurationError, match=words):
        make_jobs("").add(_request(**request_))


def test_the_command_is_that_of_kedro() -> None:
    kedro = [sys.executable, "-m", "kedro", "run"]
    assert kedro_run(_request()) == [*kedro, "--pipelines=score"]
    everything = _request(pipelines=["train", "score"], namespaces=["ohio", "a.b"], env="prod")
    options = ["--pipelines=train,score", "--namespaces=ohio,a.b", "--env=prod"]
    assert kedro_run(everything) == [*kedro, *options]
