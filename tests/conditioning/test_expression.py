"""Arithmetic of raw columns."""

from __future__ import annotations

import numpy as np
import pytest

from demand_forecast.conditioning.layout.expression import Expression

ROW = {"Gross Units": np.array([12.0, np.nan]), "b": np.array([4.0, 1.0])}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{Gross Units} - {b}", 8),
        ("-({Gross Units} + 2) * {b} / 7", -8),
        ("{b}", 4),
        ("1.5", 1.5),
    ],
)
def test_it_computes(text, expected):
    assert np.ravel(Expression(text)(ROW))[0] == expected


def test_unknown_and_divided_by_zero_are_unknown():
    assert np.isnan(Expression("{Gross Units} / {b}")(ROW)[1])
    assert np.isnan(Expression("{b} / ({b} - {b})")(ROW)).all()


def test_it_knows_its_headers():
    assert Expression("{b} + {Gross Units} + {b}").headers == ("b", "Gross Units")


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os')",
        "{b}.real",
        "{b}[0]",
        "b",
        "{b} ** 9",
        "{b} if {b} else 1",
        "'text'",
        "{b} +",
        "lambda: 1",
        "",
        "(" * 5000,
    ],
)
def test_anything_else_is_refused(text):
    with pytest.raises(ValueError, match=r"is no expression|may hold"):
        Expression(text)
