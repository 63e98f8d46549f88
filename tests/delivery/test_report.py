"""The table that a pull request gets."""

from __future__ import annotations

import json
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

CI = Path(__file__).parents[2] / ".ci"
REPORT = runpy.run_path(str(CI / "report.py"))


def _results(folder: Path, mape: float, quarantined: int) -> Path:
    pair = {"baseline": 40.0, "ensemble": mape}
    accuracy = {"mape": pair, "wape": {**pair, "ensemble": 20.0}, "bias": {**pair, "ensemble": 1.0}}
    summary = {
        "models": [{"kind": "ensembles", "accuracy": None}, {"kind": "all", "accuracy": accuracy}],
        "outcomes": [{"passed": True}, {"passed": False}, {"passed": True}],
        "rows": {"rows_in": 1000, "rows_quarantined": quarantined},
    }
    measured = {"seconds": 80.0, "cpu_seconds": 150.0, "peak_memory_mb": 900}
    folder.mkdir()
    (folder / "summary.json").write_text(json.dumps(summary))
    (folder / "measured.json").write_text(json.dumps(measured))
    return folder


def _line(text: str, title: str) -> list[str]:
    [line] = [line for line in text.splitlines() if line.startswith(f"| {title}")]
    return [cell.strip() for cell in line.strip("|").split("|")][1:]


def test_a_change_stands_beside_main(tmp_path) -> None:
    main = _results(tmp_path / "main", mape=30.0, quarantined=0)
    change = _results(tmp_path / "change", mape=27.0, quarantined=8)
    REPORT["write"](main, change, tmp_path / "report.md")
    text = (tmp_path / "report.md").read_text()
    assert _line(text, "MAPE of the ensembles") == ["30.0", "27.0", "-10.0 %"]
    assert _line(text, "ensembles that passed") == ["2", "2", "same"]
    assert _line(text, "rows quarantined") == ["0", "8", "+8"]
    assert _line(text, "memory") == ["900", "900", "same"]


def test_without_results_of_main_the_change_stands_alone(tmp_path) -> None:
    change = _results(tmp_path / "change", mape=27.0, quarantined=8)
    REPORT["write"](tmp_path / "main", change, tmp_path / "report.md")
    text = (tmp_path / "report.md").read_text()
    assert _line(text, "MAPE of the ensembles") == ["27.0"]
    assert "no results of main" in text


def test_a_change_without_results_is_told(tmp_path) -> None:
    with pytest.raises(SystemExit, match="holds no summary"):
        REPORT["write"](tmp_path, tmp_path, tmp_path / "report.md")


@pytest.mark.parametrize("code", [0, 3])
def test_time_and_memory_of_a_command_are_written_down(tmp_path, code) -> None:
    block = f"x = bytearray(80_000_000); import sys; sys.exit({code})"
    command = [sys.executable, CI / "measure.py", tmp_path / "new" / "m.json", sys.executable, "-c"]
    done = subprocess.run([*command, block], check=False)
    assert done.returncode == code
    measured = json.loads((tmp_path / "new" / "m.json").read_text())
    assert measured["peak_memory_mb"] >= 80_000_000 / 2**20
    assert 0 < measured["seconds"] < 60
