"""Which overrides are taken, which are refused with what is valid, and what becomes of them."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pandas as pd
import pytest
from pydantic import ValidationError

from demand_forecast.modelling.decisions.overrides import (
    OVERRIDE_COLUMNS,
    Override,
    OverrideParameters,
    Overrides,
    Problem,
    Refused,
    Scope,
    check_override,
    judge_overrides,
    past,
    problem_of,
    refusals,
    strongest_last,
)
from stand_ins import override

RULES = OverrideParameters()
SCOPE = Scope("north_texas.large", frozenset({"S1"}), frozenset({"P1"}), date(2024, 12, 28))
SATURDAY = "Valid: the last day of a week, such as 2025-01-11."


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"store_id": "S2"}, "store_id: 'S2'. Valid: S1. Empty: all."),
        ({"product_id": "P9"}, "product_id: 'P9'. Valid: P1. Empty: all."),
        ({"first_week": date(2025, 1, 6)}, f"first_week: '2025-01-06'. {SATURDAY}"),
        ({"last_week": date(2025, 1, 6)}, f"last_week: '2025-01-06'. {SATURDAY}"),
        (
            {"first_week": date(2025, 1, 11), "last_week": date(2025, 1, 4)},
            "last_week: '2025-01-04'. Valid: 2025-01-11, the first week, or later.",
        ),
        (
            {"last_week": date(2025, 7, 5)},
            "last_week: '2025-07-05'. Valid: until 2025-06-28, 26 weeks.",
        ),
        (
            {"first_week": date(2024, 12, 28)},
            "last_week: '2024-12-28'. Valid: a week after 2024-12-28, where the history ends.",
        ),
        (
            {"expires_on": date(2024, 12, 27)},
            "expires_on: '2024-12-27'. Valid: 2024-12-28, where the history ends, or later.",
        ),
        ({"factor": None}, "factor: 'neither'. Valid: either a factor or an amount."),
        (
            {"factor": 2.0, "amount": 3.0},
            "factor: '2 and amount 3'. Valid: either a factor or an amount.",
        ),
        ({"factor": 100.0}, "factor: '100'. Valid: 0 to 5."),
        ({"factor": -1.0}, "factor: '-1'. Valid: 0 to 5."),
        ({"amount": -501.0}, "amount: '-501'. Valid: -500 to 500 units."),
        ({"reason": "promotoin"}, "Did you mean 'promotion'?"),
    ],
)
def test_what_is_wrong_is_named_with_what_is_valid(changes, problem) -> None:
    assert str(check_override(override(**changes), SCOPE, RULES)).endswith(problem)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"store_id": "S1", "product_id": "P1"},
        {"factor": 0.0},
        {"amount": -500.0},
        {"last_week": date(2025, 6, 28)},
        {"expires_on": date(2024, 12, 28)},
        {"first_week": date(2024, 12, 21), "last_week": date(2025, 1, 4)},
    ],
)
def test_what_is_right_is_taken(changes) -> None:
    assert check_override(override(**changes), SCOPE, RULES) is None
    assert past(override(**changes), SCOPE) is None


def test_limits_are_parameters() -> None:
    rules = OverrideParameters(max_factor=100, max_weeks=1, reasons=("whim",))
    assert check_override(override(factor=100.0, reason="whim"), SCOPE, rules) is None
    assert check_override(override(), SCOPE, rules).key == "reason"
    longer = override(last_week=date(2025, 1, 11), reason="whim")
    assert check_override(longer, SCOPE, rules).key == "last_week"


@pytest.mark.parametrize(
    ("values", "key", "found"),
    [
        ({"owner": " "}, "owner", ""),
        ({"first_week": "soon"}, "first_week", "soon"),
        ({"factor": "many"}, "factor", "many"),
        ({"factor": "nan"}, "factor", "nan"),
        ({"target": "returns"}, "target", "returns"),
        ({"colour": "red"}, "colour", "red"),
    ],
)
def test_what_cannot_be_read_is_named(values, key, found) -> None:
    with pytest.raises(ValidationError) as caught:
        Override.model_validate(override().model_dump() | values)
    problem = problem_of(caught.value)
    assert (problem.key, str(problem.found).strip()) == (key, found)


def test_what_is_missing_is_named() -> None:
    with pytest.raises(ValidationError) as caught:
        Override.model_validate(override().model_dump(exclude={"reason"}))
    told = "reason: ''. Field required (Reason from the list)."
    assert str(problem_of(caught.value)) == told


def test_each_override_has_a_line_that_says_what_became_of_it() -> None:
    made = datetime(2024, 12, 30, tzinfo=UTC)
    overrides = Overrides(
        (
            override(),
            override(id="b", factor=100.0),
            override(id="c", first_week=date(2024, 12, 28)),
            override(id="d", ended_at=made),
            override(id="e", segment="north_texas.small"),
        ),
        (Refused("f", "north_texas.large", "overrides.csv row 7", made, Problem("k", "x", "v")),),
    )
    in_force, table = judge_overrides(overrides, SCOPE, RULES)
    assert [o.id for o in in_force] == ["a"]
    assert list(table.columns) == OVERRIDE_COLUMNS
    assert table.set_index("override_id")["status"].to_dict() == {
        "a": "in_force",
        "b": "refused",
        "c": "past",
        "d": "ended",
        "f": "refused",
    }
    assert refusals(table) == [
        ("command of north_texas.large", "factor: '100'. Valid: 0 to 5."),
        ("overrides.csv row 7 of north_texas.large", "k: 'x'. v"),
    ]
    assert table["first_week"].tolist()[0] == pd.Timestamp("2025-01-04")


def test_what_is_no_longer_in_a_file_is_remembered_unless_it_was_refused() -> None:
    overrides = Overrides((override(), override(id="b", factor=100.0)))
    _, before = judge_overrides(overrides, SCOPE, RULES)
    in_force, table = judge_overrides(Overrides(), SCOPE, RULES, before)
    assert in_force == []
    assert table[["override_id", "owner", "status"]].values.tolist() == [["a", "ann", "withdrawn"]]
    _, again = judge_overrides(overrides, SCOPE, RULES, table)
    pd.testing.assert_frame_equal(again, before)
    _, nothing = judge_overrides(Overrides(), SCOPE, RULES)
    assert nothing.empty


def test_the_more_an_override_names_the_heavier_it_is_then_the_newer() -> None:
    later = datetime(2024, 12, 31, tzinfo=UTC)
    heaviest = [
        override(id="both", store_id="S1", product_id="P1"),
        override(id="product", product_id="P1"),
        override(id="store", store_id="S1"),
        override(id="newer", made_at=later),
        override(id="older"),
    ]
    assert strongest_last(heaviest) == heaviest[::-1]
