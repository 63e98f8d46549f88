"""Find the tests that coverage need not trace: others run the same lines, in less time.

    python .ci/untraced.py

Runs all tests traced, each with a context of its own, which takes about a quarter of an hour. Then
tests are chosen that together reach what all reach, those first that reach most in a second; of the
others, those that take long are written to ``tests/untraced.txt``. ``tests/conftest.py`` reads it.
Tracing doubles the time of tests that do much in other people's libraries.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree

from coverage import CoverageData

ROOT = Path(__file__).resolve().parents[1]
UNTRACED = ROOT / "tests" / "untraced.txt"
_HEAD = """\
# Tests that coverage does not trace: others run the same lines, in less time.
# Written by `python .ci/untraced.py`; a test that is not named is traced.
"""
_LONG = 0.1

Arc = tuple[str, int, int]


def run(folder: Path) -> None:
    """Run all tests, with their times and what each reaches in ``folder``."""
    command = [
        "-n2", "--cov", "--cov-report=", "--cov-context=test", "--cov-fail-under=0", "--trace-all",
        f"--junitxml={folder / 'times.xml'}",
    ]  # fmt: skip
    environment = {"COVERAGE_FILE": str(folder / "coverage")}
    subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *command],
        check=False,
        cwd=ROOT,
        env=os.environ | environment,
    )


def seconds(file: Path) -> dict[str, float]:
    """Time of each test function, all its parameters together, by its name."""
    times: dict[str, float] = defaultdict(float)
    for case in ElementTree.parse(file).iter("testcase"):
        path = _path(case.get("classname", ""))
        times[f"{path}::{case.get('name', '').partition('[')[0]}"] += float(case.get("time", 0))
    return dict(times)


def _path(dotted: str) -> str:
    return dotted.replace(".", "/") + ".py"


def arcs(file: Path) -> dict[str, set[Arc]]:
    """What each test function reaches and imports do not, by its name."""
    data = CoverageData(str(file))
    data.read()
    reached: dict[str, set[Arc]] = defaultdict(set)
    for context in data.measured_contexts():
        data.set_query_context(context)
        name = context.partition("|")[0].partition("[")[0]
        for source in data.measured_files():
            reached[name] |= {(source, *arc) for arc in data.arcs(source) or ()}
    imported = reached.pop("", set())
    return {name: mine - imported for name, mine in reached.items()}


def chosen(reached: Mapping[str, set[Arc]], times: Mapping[str, float]) -> set[str]:
    """Tests that together reach everything: greedily those that reach most that is new a second."""
    left, picked = dict(reached), set()
    while left:
        best = max(left, key=lambda name: len(left[name]) / (times.get(name, 0) + 0.01))
        if not left[best]:
            break
        new = left.pop(best)
        picked.add(best)
        left = {name: mine - new for name, mine in left.items() if mine - new}
    return picked


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--keep", type=Path, help="folder for what was measured; used if there")
    folder = parser.parse_args().keep or Path(tempfile.mkdtemp())
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "times.xml").exists():
        run(folder)
    times, reached = seconds(folder / "times.xml"), arcs(folder / "coverage")
    traced = chosen(reached, times)
    names = sorted(name for name, time in times.items() if time >= _LONG and name not in traced)
    part = UNTRACED.with_suffix(".part")
    part.write_text(_HEAD + "".join(f"{name}\n" for name in names))
    part.replace(UNTRACED)
    untraced = sum(times[name] for name in names)
    print(f"{len(names)} of {len(times)} are not traced; they took {untraced:.0f} of "
          f"{sum(times.values()):.0f} s, and {len(traced)} reach all")  # fmt: skip


if __name__ == "__main__":
    main()
