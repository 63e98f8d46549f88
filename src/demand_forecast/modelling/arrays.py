"""Types of arrays, and arrays on disk: one JSON and one safetensors file, no code in either."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from demand_forecast.exceptions import ArtefactError

Array = npt.NDArray[np.floating]
FloatArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]
Weeks = npt.NDArray[np.datetime64]
Arrays = dict[str, npt.NDArray[Any]]
State = tuple[dict[str, Any], Arrays]

_META, _ARRAYS = "model.json", "model.safetensors"


def save_state(directory: Path, meta: dict[str, Any], groups: dict[str, Arrays]) -> None:
    """Write ``model.json`` and ``model.safetensors`` into an existing or new directory.

    Args:
        directory: Where to.
        meta: What JSON can hold; ``meta["kind"]`` says what kind of model it is.
        groups: Arrays by group and name; the name of a group has no slash.
    """
    directory.mkdir(parents=True, exist_ok=True)
    flat = {
        f"{group}/{name}": np.ascontiguousarray(array)
        for group, arrays in groups.items()
        for name, array in arrays.items()
    }
    save_arrays(directory / _ARRAYS, flat)
    (directory / _META).write_text(json.dumps(meta, indent=2))


def save_arrays(file: Path, arrays: Arrays) -> None:
    """Write arrays into a safetensors file.

    Args:
        file: In a folder that is there.
        arrays: By name, each contiguous.

    Raises:
        OSError: If the file cannot be written; safetensors has an error of its own.
    """
    try:
        save_file(arrays, str(file))
    except SafetensorError as error:
        raise OSError(str(error)) from error


def load_state(directory: Path, kind: str) -> tuple[dict[str, Any], dict[str, Arrays]]:
    """Read what :func:`save_state` wrote.

    >>> from tempfile import mkdtemp
    >>> folder = Path(mkdtemp())
    >>> save_state(folder, {"kind": "example"}, {"model": {"coef_": np.ones(2)}})
    >>> load_state(folder, "example")
    ({'kind': 'example'}, {'model': {'coef_': array([1., 1.])}})

    Args:
        directory: Where the model lies.
        kind: What ``meta["kind"]`` must say.

    Raises:
        ArtefactError: If a file is missing or unreadable, or holds another kind of model.
    """
    try:
        meta = json.loads((directory / _META).read_text())
        flat = load_file(str(directory / _ARRAYS))
    except Exception as error:
        raise ArtefactError(f"{directory}: no readable model ({error})") from error
    stored = meta.get("kind") if isinstance(meta, dict) else None
    if stored != kind:
        raise ArtefactError(f"{directory / _META}: kind is {stored!r}, expected {kind!r}")
    groups: dict[str, Arrays] = {}
    for path, array in flat.items():
        group, _, name = path.partition("/")
        groups.setdefault(group, {})[name] = array
    return meta, groups
