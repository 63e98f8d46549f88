"""The steps of a workflow on this machine: jobs in order, matrices, artifacts, what is not run."""

from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path

import pytest

CI = Path(__file__).parents[2] / ".ci"
VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
CALLED = """
jobs:
  first:
    strategy:
      matrix:
        word: [one, two]
    steps:
      - uses: actions/setup-python@1
        with: {python-version: "%s"}
      - run: mkdir -p made && python -c "print('$WORD')" > "made/$WORD"
        env: {WORD: "${{ matrix.word }}"}
      - uses: actions/upload-artifact@1
        with: {name: made, path: made}
  other:
    steps:
      - uses: actions/setup-python@1
        with: {python-version: "2.0"}
      - run: false
"""
CALLING = """
jobs:
  last:
    needs: checks
    steps:
      - uses: actions/download-artifact@1
        with: {name: made, path: came}
      - run: cat came/one came/two > "$SEEN"
      - run: make comment
        env: {GH_TOKEN: "${{ github.token }}"}
      - if: always()
        run: make report
      - run: "%s"
      - run: echo never > "$SEEN"
  checks:
    uses: ./called.yml
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A repository with two workflows, of which one calls the other."""
    (tmp_path / ".ci").mkdir()
    (tmp_path / ".ci" / "rehearse.py").write_text((CI / "rehearse.py").read_text())
    (tmp_path / "called.yml").write_text(CALLED % VERSION)
    author = ["-c", "user.name=Somebody", "-c", "user.email=somebody@example.com"]
    for command in (["init", "-q"], ["add", "."], [*author, "commit", "-qm", "Workflows"]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    return tmp_path


def rehearsed(project: Path, last: str, monkeypatch) -> tuple[int, list[tuple[str, str]], str]:
    """Exit code, what became of each step by job, and what the last job has seen."""
    file, seen = project / "calling.yml", project / "seen"
    file.write_text(CALLING % last)
    monkeypatch.setenv("SEEN", str(seen))
    monkeypatch.setattr(
        sys, "argv", ["rehearse.py", str(file), f"--python={VERSION}={sys.executable}"]
    )
    module = runpy.run_path(str(project / ".ci" / "rehearse.py"))
    results = [
        (result.job, result.said)
        for job in module["jobs"](file)
        for result in module["rehearse"](job, {VERSION: sys.executable}, project / "artifacts")
    ]
    return module["main"](), results, seen.read_text()


def test_jobs_run_after_those_that_they_need_and_say_what_is_not_run(project, monkeypatch, capfd):
    code, results, seen = rehearsed(project, "true", monkeypatch)
    assert results == [
        ("first (one)", "passed"),
        ("first (two)", "passed"),
        ("other", "not run: there is no python2.0"),
        ("last", "passed"),
        ("last", "not run: it needs GitHub"),
        ("last", "not run: its condition is GitHub's"),
        ("last", "passed"),
        ("last", "passed"),
    ]
    assert (code, seen) == (0, "never\n")
    assert "not run: it needs GitHub  make comment" in capfd.readouterr().out


def test_a_step_that_fails_ends_its_job_and_is_told(project, monkeypatch, capfd):
    code, results, seen = rehearsed(project, "exit 3", monkeypatch)
    assert results[-1] == ("last", "failed")
    assert (code, seen) == (1, "one\ntwo\n")
    assert "failed    exit 3" in capfd.readouterr().out


def test_a_job_that_there_is_not_is_refused(project, monkeypatch, capsys):
    (project / "calling.yml").write_text(CALLING % "true")
    given = ["rehearse.py", str(project / "calling.yml"), "--jobs", "docs"]
    monkeypatch.setattr(sys, "argv", given)
    with pytest.raises(SystemExit, match="2"):
        runpy.run_path(str(project / ".ci" / "rehearse.py"))["main"]()
    there = "no job docs; there are first (one), first (two), other, last"
    assert there in capsys.readouterr().err
