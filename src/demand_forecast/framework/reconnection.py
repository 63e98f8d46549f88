"""Connections to object stores in worker processes: they do not survive a fork."""

from __future__ import annotations

from typing import Any

from kedro.io import AbstractDataset, CatalogProtocol, MemoryDataset
from kedro.pipeline import Pipeline

from demand_forecast.framework import run_context


def connect_anew(nodes: Pipeline, catalog: CatalogProtocol[Any, Any]) -> None:
    """Let the datasets of some nodes that are at an address connect to it from this process.

    Each is set up again in its place, because a catalog forgets the contract of a dataset that is
    replaced.

    Args:
        nodes: What a forked worker is about to run.
        catalog: As it was inherited.
    """
    for name in nodes.datasets():
        dataset = catalog.get(name)
        if isinstance(dataset, AbstractDataset) and not isinstance(dataset, MemoryDataset):
            given = _given(dataset)
            if "://" in str(given):
                dataset.__init__(**given)  # type: ignore[misc]
    run_context.log_below(run_context.current().parent, nodes, catalog)


def _given(dataset: AbstractDataset[Any, Any]) -> dict[str, Any]:
    """The arguments that a dataset was made with, as Kedro keeps them."""
    given = dict(dataset._init_args)  # type: ignore[attr-defined]
    return dict(given["kwargs"]) if given.keys() == {"args", "kwargs"} else given
