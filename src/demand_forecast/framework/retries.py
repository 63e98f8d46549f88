"""What a worker that died has saved must not stand in the way of whoever does its work again."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline

from demand_forecast.datasets.artefact import Folders
from demand_forecast.datasets.object_stores import reaching
from demand_forecast.framework import run_context
from demand_forecast.registry.file_records import Files, place_of


def forget_saved(pipeline: Pipeline, catalog: CatalogProtocol[Any, Any]) -> None:
    """Remove the versions that this run has saved already of what some nodes make.

    Versions are never overwritten, and a version that is there may be taken for the last run's.

    Args:
        pipeline: The nodes.
        catalog: Of the run.

    Raises:
        StorageError: If the store does not answer.
    """
    root = run_context.current().data_root
    if root is None:
        return
    files = Files(root)
    folders = Folders(files.fs, files.is_local)
    for name in sorted(pipeline.all_outputs()):
        path, version = place_of(catalog.get(name), saved=True) or ("", None)
        folder = PurePosixPath(path).parent
        with reaching(root):
            if version is not None and files.fs.exists(str(folder)):
                folders.remove(str(folder), str(folder.parents[1]))
