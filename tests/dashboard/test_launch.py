"""Streamlit is started for this machine alone, and says nothing to anybody."""

from __future__ import annotations

import pytest
from streamlit.web import cli

from demand_forecast.dashboard.server import launch
from demand_forecast.exceptions import ConfigurationError


def test_only_this_machine_and_no_telemetry(monkeypatch: pytest.MonkeyPatch) -> None:
    told: dict[str, list[str]] = {}
    monkeypatch.setattr(cli.main, "main", lambda args, **_: told.update(args=args))
    monkeypatch.setenv(launch.ADDRESS, "")
    launch.serve("sqlite:///results.db", 9000)
    command, script, *options = told["args"]
    assert (command, script.rsplit("/", 1)[1]) == ("run", "app.py")
    assert {
        "--server.address=127.0.0.1",
        "--server.port=9000",
        "--server.headless=true",
        "--browser.gatherUsageStats=false",
    } <= set(options)
    assert launch.os.environ[launch.ADDRESS] == "sqlite:///results.db"
    assert "results.db" not in " ".join(told["args"])


def test_without_streamlit_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch, "find_spec", lambda _: None)
    with pytest.raises(ConfigurationError, match=r"demand-forecast\[dashboard\]"):
        launch.serve("sqlite:///results.db")
