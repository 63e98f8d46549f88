"""Adds to an error the node and the dataset at which it arose."""

from __future__ import annotations

from kedro.framework.hooks import hook_impl
from kedro.pipeline.node import Node

from demand_forecast.framework.failures import Place, RunFailedError, mark


class FailureHook:
    """Follows the run of this process; the last place it saw is where an error arose."""

    def __init__(self) -> None:
        self._place: Place | None = None

    @hook_impl
    def before_pipeline_run(self) -> None:
        """Forget the run before."""
        self._place = None

    @hook_impl
    def before_dataset_loaded(self, dataset_name: str, node: Node) -> None:
        """The node loads an input."""
        self._place = Place(node.name, dataset_name, "loading")

    @hook_impl
    def before_node_run(self, node: Node) -> None:
        """The node works."""
        self._place = Place(node.name)

    @hook_impl
    def before_dataset_saved(self, dataset_name: str, node: Node) -> None:
        """The node saves an output."""
        self._place = Place(node.name, dataset_name, "saving")

    @hook_impl(tryfirst=True)
    def on_pipeline_error(self, error: Exception) -> None:
        """Mark an error of a node that ran in this process."""
        if not isinstance(error, RunFailedError):  # which says itself what arose where
            self.on_worker_error(error)

    @hook_impl
    def on_worker_error(self, error: Exception) -> None:
        """Mark an error of a node; called by the project's runners, which then go on."""
        if self._place is not None:
            mark(error, self._place)
