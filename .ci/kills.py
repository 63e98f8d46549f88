"""Kill full runs of a small company at random moments; see what is left and what a rerun makes.

python .ci/kills.py [COUNT] [SEED]      without, 50 kills

A company with a release in force trains all of its models anew. The run is killed (SIGKILL), half
of the times with its workers. Moments are shares of the processor's time that a whole run takes,
and denser towards its end, where releases are made. After each kill all champions must be those of
the old release or all those of the new one, and the views of the results store must show the
forecasts of one run. Then the run is started again: it must end well, with the forecasts and
champions of a run that nobody has killed, and leave nothing behind.
"""

from __future__ import annotations

import os
import random
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import NamedTuple

import psutil
from programs import ROOT

sys.path[:0] = [str(ROOT / "benchmarks"), str(ROOT / "tests" / "e2e")]

from digests import TABLES, digest, newest, segments  # noqa: E402
from project import Project  # noqa: E402

from demand_forecast.registry.releases import ReleaseStore  # noqa: E402
from demand_forecast.simulator import simulate  # noqa: E402

RUN = ["run", "--env=test", "--runner=SegmentRunner"]
# whatever is trained is released
GATE = [f"validation.{rule}=null" for rule in ("mape_limit", "min_reduction", "simple_margin")]
GATE += ["validation.bias_floor=null", "validation.margin=null"]
MODELS = 4  # of the six, to tell a mix of two releases


class Made(NamedTuple):
    """What a run has made: digests of the newest tables, and of the champions in force."""

    tables: dict[str, str]
    champions: dict[str, str | None]


class Company:
    """A project with a release in force, and what a run of it makes if nobody kills it.

    Args:
        folder: Empty.
    """

    def __init__(self, folder: Path) -> None:
        raw, self._root, self._start = folder / "raw", folder / "now", folder / "start"
        simulate(raw, stores=5, products=4, weeks=90, seed=1, regions={"north_texas": "us_csv"})
        self._root.mkdir()
        Project(self._root, _empty_store(folder), raw, {"north_texas": "us_csv"})
        self._must(self._run(seed=0))
        self.before = self._made()
        shutil.copytree(self._root, self._start)
        before = _used()
        self._must(self._run(seed=1))
        self.seconds, self.after = _used() - before, self._made()
        if len(self.before.champions.items() - self.after.champions.items()) < MODELS:
            raise SystemExit("the two releases cannot be told apart")

    def kill(self, moment: float, with_workers: bool) -> tuple[str, list[str]]:
        """Kill a run after some processor seconds and start it again.

        Returns:
            How far it came, and what is wrong.
        """
        shutil.rmtree(self._root)
        shutil.copytree(self._start, self._root)
        process = self._run(seed=1)
        while process.poll() is None and _used_by(process.pid) < moment:
            time.sleep(0.02)
        ended = process.poll() is not None
        with suppress(ProcessLookupError):
            (os.killpg if with_workers else os.kill)(process.pid, signal.SIGKILL)
        process.communicate()
        told = f"{moment:5.1f} s {'with' if with_workers else 'without'} workers: "
        told += "ended before" if ended else self._state()
        wrong = list(self._wrong_after_kill())
        again = self._run(seed=1)
        said, _ = again.communicate()
        if again.returncode:
            return told, [*wrong, f"the rerun failed: {said[-1500:]}"]
        return told, [*wrong, *self._wrong_after_rerun()]

    def _run(self, seed: int) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [
                sys.executable,
                "-m",
                "kedro",
                *RUN,
                f"--params={','.join(GATE)},training.seed={seed}",
            ],
            cwd=self._root,
            env={**os.environ, "PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def _must(self, process: subprocess.Popen[str]) -> None:
        said, _ = process.communicate()
        if process.returncode:
            raise SystemExit(f"{process.args} failed:\n{said[-4000:]}")

    @property
    def _data(self) -> Path:
        return self._root / "data" / "test"

    def _made(self) -> Made:
        root = self._data / "07_model_output"
        # not the backtests: they compare with the champion, which may be the new one by then
        tables = {
            f"{segment.relative_to(root)}/{name}": digest(newest(segment, name))
            for name in set(TABLES) - {"backtest"}
            for segment in segments(root, name)
        }
        return Made(tables, self._champions())

    def _champions(self) -> dict[str, str | None]:
        release = ReleaseStore(str(self._data / "06_models/releases")).current()
        return {} if release is None else {n: c.digest for n, c in release.champions.items()}

    def _state(self) -> str:
        """How far a run came: files, staged models, release."""
        staged = list((self._data / "06_models/releases/staged").glob("*/*.json"))
        new = self._champions() == self.after.champions
        return f"{len(staged)} models staged, release {'new' if new else 'old'}"

    def _wrong_after_kill(self) -> Iterator[str]:
        if self._champions() not in (self.before.champions, self.after.champions):
            yield "champions of two releases"
        if len(shown := self._asked("SELECT DISTINCT run_id FROM v_forecasts")) != 1:
            yield f"views show forecasts of {len(shown)} runs"

    def _wrong_after_rerun(self) -> Iterator[str]:
        made = self._made()
        for name in sorted(made.tables.keys() | self.after.tables.keys()):
            if made.tables.get(name) != self.after.tables.get(name):
                yield f"{name} differs"
        if made.champions != self.after.champions:
            yield "champions differ"
        if {"running"} & {status for (status,) in self._asked("SELECT status FROM dim_runs")}:
            yield "the results store has an open run"
        if self._asked("SELECT 1 FROM runs WHERE status = 'RUNNING'", "mlflow.db"):
            yield "MLflow has an open run"
        found = [path for path in self._data.rglob("*") if path.name.endswith((".tmp", ".old"))]
        if found:
            yield f"left behind: {found[0].relative_to(self._data)} and {len(found) - 1} more"

    def _asked(self, query: str, file: str = "data/test/results.db") -> list[tuple[str]]:
        with closing(sqlite3.connect(self._root / file)) as connection:
            return connection.execute(query).fetchall()


def _used() -> float:
    """Processor seconds of all runs that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _used_by(process: int) -> float:
    """Processor seconds of a run so far, its workers included."""
    try:
        run = psutil.Process(process)
        return sum(
            map(sum, [run.cpu_times()[:4], *(c.cpu_times()[:4] for c in run.children(True))])
        )
    except psutil.NoSuchProcess:  # a worker has just ended
        return 0.0


def _empty_store(folder: Path) -> Path:
    from mlflow.tracking import MlflowClient

    MlflowClient(f"sqlite:///{folder}/empty.db").search_experiments()
    return folder / "empty.db"


def main() -> int:
    """Kill and check; returns 1 where anything is not as it must be."""
    count, seed = [*map(int, sys.argv[1:]), *(50, 0)[len(sys.argv) - 1 :]]
    chance, faults = random.Random(seed), 0
    with tempfile.TemporaryDirectory(prefix="kills_") as name:
        company = Company(Path(name))
        print(f"undisturbed: {company.seconds:.0f} s of processor time", flush=True)
        for number in range(1, count + 1):
            moment = company.seconds * max(chance.random(), chance.random())
            told, wrong = company.kill(moment, with_workers=chance.choice([False, True]))
            print(f"{number:3d}  {told}", *wrong, sep="\n     WRONG: ", flush=True)
            faults += bool(wrong)
    print(f"{count} kills, {faults} with something wrong")
    return int(faults > 0)


if __name__ == "__main__":
    sys.exit(main())
