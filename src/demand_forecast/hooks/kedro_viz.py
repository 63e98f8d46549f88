"""What Kedro-Viz needs to open on one segment that a person can read."""

from __future__ import annotations

from copy import copy
from typing import Final

from kedro.framework.cli.hooks import cli_hook_impl
from kedro.framework.hooks import hook_impl
from kedro.framework.project import pipelines
from kedro.io import DataCatalog

from demand_forecast.framework import run_context
from demand_forecast.framework.drawing import EXAMPLE, draw_example

_OPENS: Final = ("--pipeline", "-p", "--load-file", "--help", "-h")


class DrawingHook:
    """Gives the datasets of the drawn segment their short names."""

    @hook_impl
    def after_catalog_created(self, catalog: DataCatalog, save_version: str | None) -> None:
        """The short names stand for the same datasets, without layers.

        Layers would push everything that is reported to the bottom of the picture, far from the
        stage that makes it. The catalog of a run, which has a version to save, is drawn by nobody.
        """
        if save_version is not None:
            return
        drawing = draw_example(pipelines["__default__"], run_context.current().segments)
        for name, full in drawing.names.items():
            if full not in catalog:  # kept in memory only, which Kedro-Viz needs no entry for
                continue
            dataset = copy(catalog.get(full))
            vars(dataset)["metadata"] = None
            catalog[name] = dataset


class OpenExample:
    """``kedro viz`` opens on the drawn segment unless another pipeline is asked for."""

    @cli_hook_impl
    def before_command_run(self, command_args: list[str]) -> None:
        """Add the options that nobody should have to know."""
        if command_args[:1] != ["viz"] or command_args[1:2] not in ([], ["run"]):
            return
        options = command_args[2:]
        if not any(option.split("=")[0] in _OPENS for option in options):
            command_args[1:] = ["run", f"--pipeline={EXAMPLE}", "--include-hooks", *options]


open_example = OpenExample()
