"""Settings of other people's libraries that must be in place before these are imported.

Telemetry is off unless somebody turned it on, and the terminal is kept for what users need.
"""

from __future__ import annotations

import gc
import os
import sys
import warnings
from functools import cache
from importlib.util import find_spec

from demand_forecast.exceptions import extra_needed

_DEFAULTS = {
    "DO_NOT_TRACK": "1",  # Kedro
    "GX_ANALYTICS_ENABLED": "false",  # Great Expectations
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_LOGGING_LEVEL": "ERROR",
    # A registry that is down or slow costs a run less than 20 seconds, not minutes of retries.
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "5",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    # No connection to the tracking store may be shared with a worker that is forked.
    "MLFLOW_SQLALCHEMYSTORE_POOLCLASS": "NullPool",
    # Else each run imports IPython, to ask whether it is a job of Databricks that was resumed.
    "_MLFLOW_ENABLE_SGC_RUN_RESUMPTION_FOR_DATABRICKS_JOBS": "false",
    # What a cluster does that starts and ends as it should is of no interest.
    "DASK_LOGGING__DISTRIBUTED": "warning",
    # Small models train faster on one thread than on two that wait for each other.
    "OMP_NUM_THREADS": "1",
}


def prepare() -> None:
    """Called by Kedro's command line before anything else, and by the project's settings.

    Raises:
        SystemExit: Where Kedro is installed but not the rest of the extra ``kedro``, in one line.
    """
    for name, value in _DEFAULTS.items():
        os.environ.setdefault(name, value)
    look_for_ibis_once()
    # MLflow's advice on a class of kedro-mlflow, which no filter can stop: MLflow sets its own.
    with warnings.catch_warnings(record=True):
        try:
            import kedro_mlflow.mlflow  # noqa: F401
        except ModuleNotFoundError as error:
            raise SystemExit(extra_needed(error)) from None
    read_patterns_once()
    # What libraries hold lives as long as the process: the garbage collector need not look again.
    gc.freeze()


def read_patterns_once() -> None:
    """Kedro reads each pattern of the catalog anew for every dataset that it looks up.

    That is a tenth of a short command.
    """
    from kedro.io import catalog_config_resolver
    from parse import compile as read

    read_once = cache(read)
    vars(catalog_config_resolver)["parse"] = lambda pattern, name: read_once(pattern).parse(name)


def look_for_ibis_once() -> None:
    """Kedro tries to import it for each parameter, which takes half a second where it is not."""
    if find_spec("ibis") is None:
        sys.modules.setdefault("ibis", None)  # type: ignore[arg-type]
