"""Entry point of the packaged project: ``demand-forecast --pipelines=score --env=prod``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from demand_forecast.exceptions import extra_needed


def main(*args: Any, **kwargs: Any) -> Any:
    """Run a pipeline with the options of ``kedro run``.

    Args:
        args: Options, as click takes them: none for those of the command line.
        kwargs: More arguments of a click command.

    Raises:
        SystemExit: Without the extra ``kedro``, in one line.
    """
    try:
        from kedro.framework.cli.utils import find_run_command
        from kedro.framework.project import configure_project
    except ModuleNotFoundError as error:
        raise SystemExit(extra_needed(error)) from None
    # The name of the module is no help: it is __main__ where Python was asked to run the package.
    package_name = Path(__file__).parent.name
    configure_project(package_name)
    # In a notebook or on Databricks, the end of a run is not that of Python.
    kwargs.setdefault("standalone_mode", not hasattr(sys, "ps1"))
    return find_run_command(package_name)(*args, **kwargs)


if __name__ == "__main__":
    main()
