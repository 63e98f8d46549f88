"""Starts the dashboard: Streamlit for this machine alone, without telemetry."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from demand_forecast.exceptions import ConfigurationError

ADDRESS: Final = "DEMAND_FORECAST_DASHBOARD_DATABASE"  # in the environment: it may hold a password
HOST: Final = "127.0.0.1"
PORT: Final = 8501
_SETTINGS: Final = {
    "server.headless": "true",
    "server.fileWatcherType": "none",
    "browser.gatherUsageStats": "false",
    "client.toolbarMode": "viewer",
    "client.showErrorDetails": "false",
    "theme.base": "light",
    "theme.primaryColor": "#0072B2",
    "theme.baseFontSize": "15",
}


def arguments(port: int, host: str) -> list[str]:
    """What ``streamlit`` is told.

    Args:
        port: Where it listens.
        host: Address of the network card that it listens on; by default nobody else can reach it.
    """
    settings = _SETTINGS | {"server.address": host, "server.port": str(port)}
    options = [f"--{name}={value}" for name, value in settings.items()]
    return ["run", str(Path(__file__).with_name("app.py")), *options]


def serve(address: str, port: int = PORT, host: str = HOST) -> None:
    """Serve the dashboard until it is interrupted.

    Args:
        address: Of the results store, as SQLAlchemy takes it.
        port: Where it listens.
        host: Address of the network card that it listens on.

    Raises:
        ConfigurationError: If Streamlit is not installed.
    """
    if find_spec("streamlit") is None:
        raise ConfigurationError(
            "the dashboard needs Streamlit: pip install 'demand-forecast[dashboard]'"
        )
    from streamlit.web.cli import main

    os.environ[ADDRESS] = address
    main.main(arguments(port, host), prog_name="streamlit", standalone_mode=False)
