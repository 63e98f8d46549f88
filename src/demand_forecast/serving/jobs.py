"""Runs that others have asked for: one at a time, each a ``kedro run`` in a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from queue import Queue
from threading import Lock, Thread
from typing import Final
from uuid import uuid4

from demand_forecast.exceptions import ConfigurationError, RunInProgressError, did_you_mean
from demand_forecast.framework import run_context
from demand_forecast.registry.addresses import masked
from demand_forecast.serving.messages import Run, RunRequest, RunState

CLOSING_LINES: Final = 20
MOST_QUEUED: Final = 10
MOST_KEPT: Final = 200
GRACE_S: Final = 20  # for a run that is interrupted, to close itself in MLflow
Command = Callable[[RunRequest], Sequence[str]]


def kedro_run(request: RunRequest) -> list[str]:
    """The command that carries out a request."""
    command = [sys.executable, "-m", "kedro", "run", f"--pipelines={','.join(request.pipelines)}"]
    command += [f"--namespaces={','.join(request.namespaces)}"] if request.namespaces else []
    return command + ([f"--env={request.env}"] if request.env else [])


@dataclass
class Jobs:
    """The queue of runs, and what has become of them; a restart of the service forgets it.

    Attributes:
        folder: The project's folder.
        pipelines: Which may be run.
        environments: In which; the first is the default. None stands for Kedro's own default.
        command: Makes the command of a request.
        hidden: Environment variables that runs are not given.
    """

    folder: Path
    pipelines: Sequence[str]
    environments: Sequence[str | None]
    command: Command = kedro_run
    hidden: Sequence[str] = ()
    _runs: dict[str, Run] = field(default_factory=dict)
    _queue: Queue[str | None] = field(default_factory=Queue)
    _lock: Lock = field(default_factory=Lock)
    _worker: Thread | None = None
    _process: subprocess.Popen[str] | None = None

    def add(self, request: RunRequest) -> Run:
        """Queue a run; the same request that waits already is not queued twice.

        Raises:
            ConfigurationError: If it names something that may not be run.
            RunInProgressError: If too many runs wait.
        """
        self._check(request)
        request = request.model_copy(update={"env": request.env or self.environments[0]})
        with self._lock:
            waiting = [run for run in self._runs.values() if run.state is RunState.QUEUED]
            for run in waiting:
                if run.request == request:
                    return run.model_copy()
            if len(waiting) >= MOST_QUEUED:
                raise RunInProgressError(f"{MOST_QUEUED} runs are waiting; ask again later")
            run = Run(id=uuid4().hex, state=RunState.QUEUED, request=request, asked_at=_now())
            self._keep(run)
            self._start_worker()
            self._queue.put(run.id)
            return run.model_copy()

    def get(self, run_id: str) -> Run | None:
        """A run as it is now; None where it is not known."""
        with self._lock:
            run = self._runs.get(run_id)
            return None if run is None else run.model_copy(deep=True)

    def close(self) -> None:
        """End the run that goes on, as Ctrl-C would, and begin no other."""
        with self._lock:
            worker, self._worker = self._worker, None
            for run in self._runs.values():
                if run.state is RunState.QUEUED:
                    self._end(run, RunState.FAILED, ["the service has ended before"])
            process = self._process
        if worker is None:
            return
        self._queue.put(None)
        for number, seconds in ((signal.SIGINT, GRACE_S), (signal.SIGKILL, None)):
            if process is not None and worker.is_alive():
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, number)
            worker.join(seconds)

    def _check(self, request: RunRequest) -> None:
        places = run_context.current().segments.namespaces
        environments = [env for env in self.environments if env]
        for what, asked, valid in (
            ("pipelines", request.pipelines, self.pipelines),
            ("namespaces", request.namespaces, places),
            ("env", [request.env] if request.env else [], environments),
        ):
            for name in asked:
                if name not in valid:
                    raise ConfigurationError(
                        f"{what}: '{name}' may not be run here. {did_you_mean(name, valid)}"
                    )

    def _keep(self, run: Run) -> None:
        """Add a run; of those that have ended, the oldest are forgotten."""
        self._runs[run.id] = run
        ended = [name for name, old in self._runs.items() if old.ended_at is not None]
        for name in ended[: max(len(self._runs) - MOST_KEPT, 0)]:
            del self._runs[name]

    def _start_worker(self) -> None:
        if self._worker is None:
            self._worker = Thread(target=self._work, name="runs", daemon=True)
            self._worker.start()

    def _work(self) -> None:
        while (run_id := self._queue.get()) is not None:
            self._carry_out(self._runs[run_id])

    def _carry_out(self, run: Run) -> None:
        lines: deque[str] = deque(maxlen=CLOSING_LINES)
        try:
            process = self._started(run)
            if process is None:
                return
            with process:
                for line in process.stdout or ():
                    lines.append(masked(line.rstrip()))
                    run.closing_lines = list(lines)
            run.exit_code = process.returncode
        except OSError as error:
            lines.append(f"it could not be started: {error}")
        with self._lock:
            self._process = None
            succeeded = run.exit_code == 0
            self._end(run, RunState.SUCCEEDED if succeeded else RunState.FAILED, list(lines))

    def _started(self, run: Run) -> subprocess.Popen[str] | None:
        """Its process; None where the service has ended before."""
        with self._lock:
            if run.state is not RunState.QUEUED:
                return None
            run.state, run.started_at = RunState.RUNNING, _now()
            self._process = subprocess.Popen(  # noqa: S603 - names on the list alone get here
                self.command(run.request),
                cwd=self.folder,
                env={k: v for k, v in os.environ.items() if k not in self.hidden},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                start_new_session=True,  # so that its worker processes can be interrupted with it
            )
            return self._process

    @staticmethod
    def _end(run: Run, state: RunState, lines: list[str]) -> None:
        run.state, run.ended_at, run.closing_lines = state, _now(), lines


def _now() -> datetime:
    return datetime.now(UTC)
