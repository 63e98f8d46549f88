"""Mutation score: how many small faults, put into the code one at a time, the tests notice.

    python benchmarks/mutants.py                      # every part, about an hour on two cores
    python benchmarks/mutants.py gate points          # some parts
    python benchmarks/mutants.py gate --show          # ... with every fault that was not noticed

Each part of the code is tried with its own tests only, by mutmut, in a copy under
``build/mutants/<part>``. A fault that changes nothing anyone could see is not valid: those are
listed with their reasons in ``mutants.yml`` and left out of the score. mutmut switches a fault on
after the code was imported, too late for what runs at import. The faults of a function none of
whose faults was noticed are therefore tried once more, each in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
BUILD = ROOT / "build" / "mutants"
SOURCE = "src/demand_forecast"
SETTINGS = Path(__file__).with_suffix(".yml")
DIFFS = """
import contextlib, json, sys
from mutmut.mutation.diff_apply import find_mutant, get_diff_for_mutant
names = json.load(sys.stdin)
with contextlib.redirect_stdout(sys.stderr):
    diffs = {name: get_diff_for_mutant(name, path=find_mutant(name).path) for name in names}
print(json.dumps(diffs))
"""
KILLED = {1: "killed", 3: "killed", 36: "timeout", -24: "timeout", 24: "timeout", 152: "timeout"}


@dataclass(frozen=True)
class Survivor:
    """A fault that no test noticed: where it is, and the lines before and after."""

    name: str
    function: str
    removed: tuple[str, ...]
    added: tuple[str, ...]


@dataclass(frozen=True)
class Score:
    """What became of the faults of one part."""

    part: str
    total: int
    killed: int
    equivalent: int
    survivors: tuple[Survivor, ...]

    @property
    def share(self) -> float:
        """Share of the valid faults that were noticed, per cent."""
        return 100 * self.killed / max(self.total - self.equivalent, 1)


def prepare(part: str, source: list[str], tests: list[str]) -> Path:
    """A project in which mutmut tries ``source`` with ``tests``."""
    folder = BUILD / part
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in ("src", "tests", "conf"):
        (folder / name).symlink_to(ROOT / name)
    pytest = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]
    lines = ["[tool.mutmut]", 'source_paths = ["src"]', 'also_copy = ["conf"]']
    lines += [f"only_mutate = {json.dumps([f'{SOURCE}/{path}' for path in source])}"]
    lines += [f"pytest_add_cli_args_test_selection = {json.dumps(tests)}"]
    lines += ["use_git_change_detection = false", "", "[tool.pytest.ini_options]"]
    lines += [f"{key} = {json.dumps(value)}" for key, value in pytest.items()]
    (folder / "pyproject.toml").write_text("\n".join(lines) + "\n")
    return folder


def run_in(
    folder: Path, *command: str, stdin: str = "", **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run a command in ``folder``, with the tests' profile for mutants."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    environment |= {"HYPOTHESIS_PROFILE": "mutants", "OMP_NUM_THREADS": "1"} | variables
    return subprocess.run(
        ["nice", *command],
        cwd=folder, env=environment, input=stdin, text=True, capture_output=True, check=False,
    )  # fmt: skip


def exit_codes(folder: Path) -> dict[str, int | None]:
    """Exit code of the tests for every fault."""
    codes: dict[str, int | None] = {}
    for path in sorted((folder / "mutants").rglob("*.meta")):
        codes |= json.loads(path.read_text())["exit_code_by_key"]
    return codes


def survivors(folder: Path, names: list[str]) -> list[Survivor]:
    """The lines that each of the faults changes."""
    result = run_in(folder, sys.executable, "-c", DIFFS, stdin=json.dumps(names))
    if result.returncode:
        sys.exit(result.stderr)
    return [_changes(name, text) for name, text in json.loads(result.stdout).items()]


def _changes(name: str, text: str) -> Survivor:
    lines = [line for line in text.splitlines() if not line.startswith(("---", "+++"))]
    removed, added = (
        tuple(line[1:].strip() for line in lines if line.startswith(mark)) for mark in "-+"
    )
    return Survivor(name, name.rpartition("__mutmut_")[0], removed, added)


def is_equivalent(fault: Survivor, listed: Iterable[dict[str, str]]) -> bool:
    """Whether ``mutants.yml`` says that ``fault`` changes nothing."""
    return any(
        entry["fault"] in " ".join(fault.added) and entry.get("in", "") in fault.function
        for entry in listed
    )


def survives_alone(folder: Path, fault: Survivor, tests: list[str]) -> bool:
    """Whether the tests pass in a process in which the fault is there from the beginning."""
    copy = folder / "mutants"
    command = [sys.executable, "-m", "pytest", "-x", "-q", "--no-header", *tests]
    result = run_in(copy, *command, MUTANT_UNDER_TEST=fault.name, PYTHONPATH=str(copy / "src"))
    return result.returncode == 0


def score(part: str, listed: list[dict[str, str]], tests: list[str]) -> Score:
    """Count what became of the faults of a part."""
    folder = BUILD / part
    codes = exit_codes(folder)
    alive = [name for name, code in codes.items() if code not in KILLED]
    noticed = {name.rpartition("__mutmut_")[0] for name in codes if name not in alive}
    told = [fault for fault in survivors(folder, alive) if not is_equivalent(fault, listed)]
    valid = tuple(
        fault for fault in told if fault.function in noticed or survives_alone(folder, fault, tests)
    )
    equivalent = len(alive) - len(told)
    return Score(part, len(codes), len(codes) - equivalent - len(valid), equivalent, valid)


def run(part: str, source: list[str], tests: list[str], jobs: int) -> None:
    """Try all faults of a part."""
    folder = prepare(part, source, tests)
    command = str(Path(sys.executable).parent / "mutmut")
    result = run_in(folder, command, "run", "--max-children", str(jobs))
    if result.returncode or not exit_codes(folder):
        sys.exit(f"mutmut failed on '{part}':\n{result.stdout[-4000:]}\n{result.stderr[-2000:]}")


def show(result: Score) -> None:
    """Print the faults of a part that no test noticed."""
    for fault in result.survivors:
        print(f"\n{fault.name}")
        for mark, lines in (("-", fault.removed), ("+", fault.added)):
            for line in lines:
                print(f"  {mark} {line}")


def main() -> None:
    """Print the score of each part."""
    parts = yaml.safe_load(SETTINGS.read_text())
    everywhere = parts.pop("everywhere")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(parts))
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--show", action="store_true", help="list the faults that stayed unnoticed")
    parser.add_argument("--keep", action="store_true", help="score the last run, try nothing")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(parts):
        parser.error(f"unknown part '{min(unknown)}'; valid: {', '.join(parts)}")
    print(f"{'part':<16}{'faults':>8}{'valid':>8}{'killed':>8}{'score':>9}")
    for name in options.parts or parts:
        settings = parts[name]
        if not options.keep:
            run(name, settings["source"], settings["tests"], options.jobs)
        listed = everywhere + settings.get("equivalent", [])
        result = score(name, listed, settings["tests"])
        valid = result.total - result.equivalent
        print(
            f"{name:<16}{result.total:>8}{valid:>8}{result.killed:>8}{result.share:>8.1f} %",
            flush=True,
        )
        if options.show:
            show(result)


if __name__ == "__main__":
    main()
