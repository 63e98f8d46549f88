from __future__ import annotations

import pandas as pd
import pytest
from pydantic import ValidationError

from demand_forecast.modelling.experiments.parameters import Experiment, ExperimentParameters

PLAN = {
    "kind": "ab",
    "challengers": {"texas.large.fast": 7, "texas.large.slow": 3, "ohio.small.fast": 2},
    "share": 0.2,
    "start_week": "2025-01-04",
    "owner": "ann",
}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"share": None}, "kind is ab: a share is given to ab, and to no other kind"),
        ({"kind": "shadow"}, "kind is shadow: a share is given to ab"),
        ({"share": 0.7}, "less than or equal to 0.5"),
        ({"kind": "abc"}, "'ab', 'interleaved' or 'shadow'"),
        ({"end_week": "2025-01-01"}, "end_week 2025-01-01 is before start_week 2025-01-04"),
        ({"challengers": {}}, "at least 1 item"),
        ({"challengers": {"a.b.fast": 0}}, "a.b.fast names version 0"),
        ({"owner": ""}, "at least 1 character"),
        ({"stores": 3}, "Experiment has no parameter 'stores'"),
        (
            {"kind": "interleaved", "share": None, "end_week": "2025-01-04"},
            "takes two weeks at least",
        ),
    ],
)
def test_what_is_no_experiment_is_refused_with_what_is_valid(change, words) -> None:
    with pytest.raises(ValidationError, match=words):
        Experiment.model_validate(PLAN | change)


def test_a_model_is_in_one_experiment_at_a_time() -> None:
    later = PLAN | {"start_week": "2025-03-01"}
    with pytest.raises(ValidationError, match="'one' and 'two' are both about ohio"):
        ExperimentParameters(plans={"one": PLAN, "two": later})
    ended = PLAN | {"end_week": "2025-02-22"}
    assert len(ExperimentParameters(plans={"one": ended, "two": later}).plans) == 2
    other = later | {"challengers": {"texas.small.fast": 7}}
    assert len(ExperimentParameters(plans={"one": PLAN, "two": other}).plans) == 2
    with pytest.raises(ValidationError, match="'No Name' is no name of an experiment"):
        ExperimentParameters(plans={"No Name": PLAN})


def test_weeks_and_segments_are_those_of_the_plan() -> None:
    plan = Experiment.model_validate(PLAN | {"end_week": "2025-01-20"})
    weeks = pd.Series(pd.date_range("2024-12-28", periods=5, freq="7D"))
    assert plan.is_in(weeks).tolist() == [False, True, True, True, False]
    assert plan.number(weeks).tolist() == [-1, 0, 1, 2, 3]
    rules = ExperimentParameters(plans={"one": plan})
    assert [(name, mine) for name, _, mine in rules.of("texas.large")] == [
        ("one", {"fast": 7, "slow": 3})
    ]
    assert list(rules.of("texas.small")) == []
