"""Starts the service: on this machine alone, unless told otherwise."""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from kedro.io import CatalogProtocol

from demand_forecast.exceptions import ConfigurationError
from demand_forecast.framework.stages import JOBS
from demand_forecast.results_store.database import ResultsDatabase

Catalog = CatalogProtocol[Any, Any]
HOST: Final = "127.0.0.1"
PORT: Final = 8000


def check_installed() -> None:
    """Refuse to go on without what the service is made with.

    Raises:
        ConfigurationError: If FastAPI or uvicorn is not installed.
    """
    missing = [name for name in ("fastapi", "uvicorn") if find_spec(name) is None]
    if missing:
        raise ConfigurationError(
            f"the service needs {' and '.join(missing)}: pip install 'demand-forecast[serve]'"
        )


def serve(
    catalog: Catalog,
    database: ResultsDatabase,
    project: Path,
    environments: Sequence[str | None],
    host: str = HOST,
    port: int = PORT,
) -> None:
    """Serve until it is interrupted.

    Args:
        catalog: Of the environment.
        database: The results store.
        project: The project's folder.
        environments: In which runs may be started; the first is that of the service.
        host: Address of the network card that it listens on; by default nobody else can reach it.
        port: Where it listens.
    """
    import uvicorn

    from demand_forecast.serving.app import create_app
    from demand_forecast.serving.champions import Champions
    from demand_forecast.serving.guard import VARIABLE
    from demand_forecast.serving.jobs import Jobs

    jobs = Jobs(project, tuple(JOBS), environments, hidden=(VARIABLE,))
    kept = ResultsDatabase(database.address, pooled=True)
    app = create_app(kept, Champions(catalog), jobs, os.environ.get(VARIABLE))
    uvicorn.run(app, host=host, port=port, log_level="warning")
