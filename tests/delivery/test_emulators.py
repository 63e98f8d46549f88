"""What the scripts for emulators and servers do without any of these."""

from __future__ import annotations

import hashlib
import socket
import sys
from pathlib import Path

import pytest

CI = Path(__file__).parents[2] / ".ci"


@pytest.fixture(autouse=True)
def scripts(monkeypatch):
    monkeypatch.syspath_prepend(str(CI))


def test_runs_are_numbered_and_only_what_must_be_equal_is_digested(tmp_path):
    from outputs import digests

    for name in (
        "07_model_output/a/2026-01-02T03.04.05.678Z/a",
        "07_model_output/a/2026-01-01T03.04.05.678Z/a",
        "03_primary/b",
        "09_audit/current.json",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    assert digests(str(tmp_path)) == {
        "03_primary/b": hashlib.sha256(b"03_primary/b").hexdigest(),
        "07_model_output/a/0/a": hashlib.sha256(
            b"07_model_output/a/2026-01-01T03.04.05.678Z/a"
        ).hexdigest(),
        "07_model_output/a/1/a": hashlib.sha256(
            b"07_model_output/a/2026-01-02T03.04.05.678Z/a"
        ).hexdigest(),
    }


def _answers(port):
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def test_a_program_serves_as_long_as_it_is_wanted(tmp_path):
    from programs import free_port, serving

    port = free_port()
    command = [sys.executable, "-m", "http.server", str(port), "--bind=127.0.0.1"]
    with serving(command, port, tmp_path / "log"):
        assert _answers(port)
    assert not _answers(port)


def test_a_program_that_does_not_start_is_told_with_its_words(tmp_path):
    from programs import free_port, serving

    command = [sys.executable, "-c", "raise SystemExit('no licence')"]
    with (
        pytest.raises(SystemExit, match="no licence"),
        serving(command, free_port(), tmp_path / "log"),
    ):
        raise AssertionError("it was said to serve")
