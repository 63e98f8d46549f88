"""Digests of what makes a model besides its data: the code that it runs through, its parameters."""

from __future__ import annotations

import ast
import hashlib
import json
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Final

from demand_forecast.modelling.parameters import Parameters

# What a trained model depends on; validation, scoring and reports may change without it.
_PACKAGES: Final = ("conditioning", "modelling/features", "modelling/models")
_MODULES: Final = "modelling/*.py"
_LIBRARIES: Final = ("numpy", "pandas", "scikit-learn", "torch", "pytorch-lightning")
_DOCUMENTED: Final = (ast.Module, ast.ClassDef, ast.FunctionDef)


@cache
def code_digest() -> str:
    """Digest of the code between raw files and a trained model, and of the libraries that fit it.

    Comments, docstrings and layout do not count, and neither does the rest of the package, so that
    a change that cannot reach a model is no reason to train again.
    """
    root = Path(__file__).resolve().parents[2]
    files = {*root.glob(_MODULES)}.union(*(root.glob(f"{name}/**/*.py") for name in _PACKAGES))
    parts = [f"{path.relative_to(root).as_posix()}\n{_code(path)}" for path in sorted(files)]
    parts += [f"{name} {version(name)}" for name in _LIBRARIES]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def parameters_digest(*groups: Parameters) -> str:
    """Digest of groups of parameters; the order in which they are written does not matter.

    Args:
        groups: Those that steer the training of a model.
    """
    values = {type(group).__name__: group.model_dump(mode="json") for group in groups}
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def _code(path: Path) -> str:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, _DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:]
    return ast.dump(tree)
