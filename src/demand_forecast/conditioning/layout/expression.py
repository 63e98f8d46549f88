"""Arithmetic of raw columns, such as ``{Gross} - {Returned}``, and nothing else."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_HEADER: Final = re.compile(r"{([^{}]+)}")
_OPERATORS: Final[dict[type[ast.operator], Callable[[Any, Any], Any]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_SIGNS: Final[dict[type[ast.unaryop], Callable[[Any], Any]]] = {
    ast.UAdd: operator.pos,
    ast.USub: operator.neg,
}


class Expression:
    """An expression that has been checked.

    Args:
        text: Headers in braces, numbers, ``+ - * /`` and parentheses.

    Raises:
        ValueError: If it is anything else.
    """

    def __init__(self, text: str) -> None:
        self.headers = tuple(dict.fromkeys(_HEADER.findall(text)))
        names = {header: f"column_{k}" for k, header in enumerate(self.headers)}
        source = _HEADER.sub(lambda m: f" {names[m[1]]} ", text).strip()
        try:
            self._tree = ast.parse(source, mode="eval").body
        except (SyntaxError, RecursionError, MemoryError) as error:
            raise ValueError(f"'{text}' is no expression") from error
        self._header_of = {name: header for header, name in names.items()}
        self._check(self._tree, text)

    def __call__(self, values: Mapping[str, Floats]) -> Floats:
        """Compute it; NaN where a column has none, and where it divides by zero.

        Args:
            values: ``(rows,)`` numbers by header.
        """
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            result = np.asarray(self._compute(self._tree, values), np.float64)
        return np.where(np.isfinite(result), result, np.nan)

    def _check(self, node: ast.AST, text: str) -> None:
        match node:
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
                self._check(left, text)
                self._check(right, text)
            case ast.UnaryOp(op=op, operand=operand) if type(op) in _SIGNS:
                self._check(operand, text)
            case ast.Constant(value=int() | float()):
                pass
            case ast.Name(id=name) if name in self._header_of:
                pass
            case _:
                raise ValueError(
                    f"'{text}' may hold headers in braces, numbers, + - * / and parentheses only"
                )

    def _compute(self, node: ast.AST, values: Mapping[str, Floats]) -> Any:
        match node:
            case ast.BinOp(left=left, op=op, right=right):
                return _OPERATORS[type(op)](
                    self._compute(left, values), self._compute(right, values)
                )
            case ast.UnaryOp(op=sign, operand=operand):
                return _SIGNS[type(sign)](self._compute(operand, values))
            case ast.Name(id=name):
                return values[self._header_of[name]]
            case ast.Constant(value=number):
                return number
        raise AssertionError(node)
