"""Models on disk: one JSON and one safetensors file, nothing that runs code when it is read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load_file, save_file

from demand_forecast.exceptions import ArtefactError

_META, _ARRAYS = "model.json", "model.safetensors"

Arrays = dict[str, npt.NDArray[Any]]


def save_state(directory: Path, meta: dict[str, Any], arrays: Arrays) -> None:
    """Write ``model.json`` and ``model.safetensors`` into an existing or new directory."""
    directory.mkdir(parents=True, exist_ok=True)
    contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    save_file(contiguous, str(directory / _ARRAYS))
    (directory / _META).write_text(json.dumps(meta, indent=2))


def load_state(directory: Path, kind: str) -> tuple[dict[str, Any], Arrays]:
    """Read what :func:`save_state` wrote.

    Args:
        directory: Where the model lies.
        kind: What ``meta["kind"]`` must say.

    Raises:
        ArtefactError: If a file is missing or unreadable, or holds another kind of model.
    """
    try:
        meta = json.loads((directory / _META).read_text())
        arrays = load_file(str(directory / _ARRAYS))
    except Exception as error:
        raise ArtefactError(f"{directory}: no readable model ({error})") from error
    found = meta.get("kind") if isinstance(meta, dict) else None
    if found != kind:
        raise ArtefactError(f"{directory / _META}: kind is {found!r}, expected {kind!r}")
    return meta, arrays
