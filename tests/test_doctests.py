"""Examples in docstrings say what the code does."""

from __future__ import annotations

import doctest
from importlib import import_module
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src"
EXAMPLES = [
    ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__")
    for path in sorted((SOURCE / "demand_forecast").rglob("*.py"))
    if "    >>> " in path.read_text() or "\n>>> " in path.read_text()
]


def test_there_are_examples() -> None:
    assert "demand_forecast.modelling.points" in EXAMPLES
    assert "demand_forecast.modelling" in EXAMPLES


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_are_true(name: str) -> None:
    result = doctest.testmod(import_module(name))
    assert result.attempted > 0
    assert result.failed == 0
