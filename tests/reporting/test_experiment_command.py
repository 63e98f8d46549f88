"""What ``kedro experiment`` lists, shows and stops."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from kedro.io import DataCatalog, MemoryDataset

from demand_forecast.exceptions import ConfigurationError
from demand_forecast.framework import run_context, segments
from demand_forecast.registry.experiment_stops import ExperimentStopsDataset
from demand_forecast.reporting import experiments as reporting

PLAN = {"challengers": {"ohio.large.fast": 7}, "start_week": "2025-01-04", "owner": "ann"}
PLANS = {
    "halves": PLAN | {"kind": "ab", "share": 0.5, "end_week": "2025-03-01"},
    "unseen": PLAN | {"kind": "shadow", "challengers": {"ohio.small.fast": 2}},
}


@pytest.fixture(autouse=True)
def _environment() -> Iterator[None]:
    plan = {"store_formats": ["large", "small"], "regions": {"ohio": {"layout": "csv"}}}
    parsed = segments.parse(plan, {"csv": {"sources": {}}})
    with run_context.inside(run_context.RunContext(parsed)):
        yield


@pytest.fixture
def context(tmp_path) -> Any:
    """Of one experiment a week has come, and one look at it was stored."""
    arms = {"experiment": "halves", "store_id": ["a", "b"], "size": 0, "is_chosen": [True, False]}
    look = {"experiment": "halves", "week": pd.Timestamp("2025-02-01"), "unit": "%"}
    look |= {"control": 30.0, "challenger": 32.5, "difference": 2.5, "verdict": "open"}
    looks = [
        look | {"measure": measure, "lower": lower, "upper": 4.0}
        for measure, lower in (("wape", 1.0), ("mape", None), ("value", -3.0))
    ]
    catalog = DataCatalog(
        {
            "ohio.large.arms": MemoryDataset(
                pd.DataFrame(arms).assign(problem="version 7 is gone")
            ),
            "experiment_readouts": MemoryDataset(pd.DataFrame(looks)),
            "experiment_stops": ExperimentStopsDataset(filepath=str(tmp_path)),
        }
    )
    return SimpleNamespace(catalog=catalog, params={"experiments": {"plans": PLANS}})


def test_experiments_are_listed_with_how_they_stand(context, capsys) -> None:
    reporting.print_experiments(reporting.load_status(context))
    told = capsys.readouterr().out
    assert "halves      running  ab      0 since 2025-01-04 to 2025-03-01  1 of 2" in told
    assert "unseen      planned  shadow  0 since 2025-01-04 " in told
    assert "halves: version 7 is gone" in told
    context.params["experiments"] = {}
    reporting.print_experiments(reporting.load_status(context))
    assert capsys.readouterr().out == "No experiment is planned: experiments.yml has none.\n"


def test_one_is_shown_with_its_newest_look(context, capsys) -> None:
    reporting.print_experiment(context, "halves")
    told = " ".join(capsys.readouterr().out.split())
    assert "Until the week of 2025-02-01" in told
    assert "wape 30.0 32.5 +2.5 +1.0 to +4.0 % open" in told
    assert "mape 30.0 32.5 +2.5 too early % open" in told
    assert "hold together with a probability of 90 %" in told
    reporting.print_experiment(context, "unseen")
    assert "No week of it has come" in capsys.readouterr().out


def test_one_is_stopped_once_and_only_if_there_is_one(context, capsys) -> None:
    reporting.stop_experiment(context, "halves", "enough seen")
    reporting.print_experiments(reporting.load_status(context))
    told = capsys.readouterr().out
    assert "halves      stopped" in told and "halves: enough seen" in told
    with pytest.raises(ConfigurationError, match="was stopped on"):
        reporting.stop_experiment(context, "halves", "again")
    with pytest.raises(ConfigurationError, match="Did you mean 'halves'"):
        reporting.stop_experiment(context, "halvs", "a slip")
