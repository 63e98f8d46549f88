"""What a change does to the sample's results, as a table in Markdown for a pull request.

    python .ci/report.py results/main results/change results/report.md

Each folder holds ``summary.json`` of a run and ``measured.json`` of ``.ci/measure.py``. Without
results of main, those of the change stand alone.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

Results = dict[str, Any]


class Line(NamedTuple):
    """A line of the table: what is shown, how it is read from the results, and its format."""

    title: str
    read: Callable[[Results], float]
    form: str = "{:.1f}"


def _accuracy(measure: str, model: str) -> Callable[[Results], float]:
    return lambda results: _total(results)["accuracy"][measure][model]


def _total(results: Results) -> dict[str, Any]:
    [line] = [line for line in results["summary"]["models"] if line["kind"] == "all"]
    return line


def _passed(results: Results) -> float:
    return sum(outcome["passed"] for outcome in results["summary"]["outcomes"])


def _rows(name: str) -> Callable[[Results], float]:
    return lambda results: results["summary"]["rows"][name]


def _measured(name: str) -> Callable[[Results], float]:
    return lambda results: results["measured"][name]


LINES = (
    Line("MAPE of the ensembles, %", _accuracy("mape", "ensemble")),
    Line("MAPE of the historical average, %", _accuracy("mape", "baseline")),
    Line("WAPE of the ensembles, %", _accuracy("wape", "ensemble")),
    Line("bias of the ensembles, %", _accuracy("bias", "ensemble"), "{:+.1f}"),
    Line("ensembles that passed the gate", _passed, "{:,.0f}"),
    Line("rows read", _rows("rows_in"), "{:,.0f}"),
    Line("rows quarantined", _rows("rows_quarantined"), "{:,.0f}"),
    Line("seconds", _measured("seconds"), "{:.0f}"),
    Line("CPU seconds", _measured("cpu_seconds"), "{:.0f}"),
    Line("memory of the largest process, MB", _measured("peak_memory_mb"), "{:,.0f}"),
)


def load(folder: Path) -> Results | None:
    """Results of a folder; None where it has none.

    Args:
        folder: Where ``summary.json`` and ``measured.json`` are.
    """
    files = {name: folder / f"{name}.json" for name in ("summary", "measured")}
    if not all(file.is_file() for file in files.values()):
        return None
    return {name: json.loads(file.read_text()) for name, file in files.items()}


def compare(main: Results | None, change: Results) -> str:
    """The table, with a column for main where it has results.

    Args:
        main: Results of the branch that the change is for.
        change: Results of the change.
    """
    rows = []
    for line in LINES:
        new = line.read(change)
        cells = [line.title, line.form.format(new)]
        if main is not None:
            old = line.read(main)
            cells = [line.title, line.form.format(old), line.form.format(new), _change(old, new)]
        rows.append(cells)
    head = ["sample", "this change"] if main is None else ["sample", "main", "this change", ""]
    note = "" if main is not None else "\nThere are no results of main to compare with yet.\n"
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (head, rule, *rows)) + "\n" + note


def _change(old: float, new: float) -> str:
    if old == new:
        return "same"
    return f"{100 * (new / old - 1):+.1f} %" if old else f"{new - old:+g}"


def write(main: Path, change: Path, output: Path) -> None:
    """Write the table of two folders.

    Args:
        main: Results of main; may be empty.
        change: Results of the change.
        output: File to write.

    Raises:
        SystemExit: If the change has no results.
    """
    results = load(change)
    if results is None:
        sys.exit(f"{change} holds no summary.json and measured.json: see `make measure`.")
    output.write_text(compare(load(main), results))


if __name__ == "__main__":
    write(*(Path(argument) for argument in sys.argv[1:4]))
