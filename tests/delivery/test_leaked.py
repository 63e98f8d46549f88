"""Which lines are looked at for passwords and keys: all that were ever added."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from unittest.mock import MagicMock

import pytest

CI = Path(__file__).parents[2] / ".ci"


@pytest.fixture
def added(monkeypatch, tmp_path):
    """The function, in an empty folder; the detector itself is not installed here."""
    for name in ("detect_secrets", "detect_secrets.core", "detect_secrets.core.scan"):
        monkeypatch.setitem(sys.modules, name, MagicMock())
    monkeypatch.setitem(sys.modules, "detect_secrets.settings", MagicMock())
    monkeypatch.syspath_prepend(str(CI))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    from leaked import added

    return added


def _git(*words):
    who = ["-c", "user.name=ann", "-c", "user.email=ann@example.com"]
    subprocess.run(["git", *who, *words], check=True, capture_output=True)


def test_lines_of_commits_and_of_merges_themselves_are_looked_at(added, tmp_path):
    file = tmp_path / "a.yml"
    _git("init", "--initial-branch=main")
    for branch, text in (("main", "one"), ("side", "two")):
        _git("checkout", "-B", branch)
        file.write_text(f"{text}\n")
        _git("add", ".")
        _git("commit", f"--message={branch}")
        _git("checkout", "main")
    _git("merge", "--no-ff", "--no-commit", "side")
    file.write_text("two\nfour\n")
    _git("commit", "--all", "--message=merge")
    assert {(name, text) for _, name, text in added()} == {
        ("a.yml", "one"),
        ("a.yml", "two"),
        ("a.yml", "four"),
    }


def test_without_a_history_nothing_is_said_to_be_clean(added):
    with pytest.raises(SystemExit, match=r"git log .* failed"):
        list(added())
