"""Which hyperparameters are searched, and how values are put in their place."""

from __future__ import annotations

import pytest

from demand_forecast.modelling.lifecycle.search_space import (
    search_space,
    searched_fields,
    with_values,
)
from demand_forecast.modelling.lifecycle.training import TrainingParameters
from demand_forecast.modelling.models.kinds import MEMBERS, member_class

LASSO = TrainingParameters.model_validate({"network": None, "trees": None})


@pytest.mark.parametrize("member", sorted(MEMBERS.keys() - {"recent_level"}))
def test_each_member_says_what_is_searched(member) -> None:
    """Both ends of each range are values that the parameters take as they are."""
    group = member_class(member).parameters_class
    fields = searched_fields(group)
    assert fields
    for name, mark in fields.items():
        assert mark.low < mark.high
        assert not mark.log or mark.low > 0
        for value in (mark.low, mark.high):
            taken = getattr(group.model_validate({name: value}), name)
            assert taken == value
            assert isinstance(taken, int) == mark.whole


def test_the_space_is_that_of_the_members_there_are() -> None:
    assert set(search_space([LASSO])) == {"lasso.eps", "lasso.n_reweightings"}
    both = {"network": {"seeds": 1}, "lasso": {}, "trees": None}
    other = TrainingParameters.model_validate(both)
    assert {name.partition(".")[0] for name in search_space([LASSO, other])} == {"lasso", "network"}


def test_values_change_the_members_that_are_there_and_nothing_else() -> None:
    changed = with_values(LASSO, {"lasso.eps": 0.005, "trees.rounds": 7})
    assert changed.flat() == LASSO.flat() | {"lasso.eps": 0.005}
    with pytest.raises(ValueError, match="less than 1"):
        with_values(LASSO, {"lasso.eps": 2.0})
