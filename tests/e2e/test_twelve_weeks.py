"""Twelve weeks in production: what comes, what is trained, what is released, and what answers.

Each test is a week and stands on those before it: all of them are run, in this order.
``make twelve-weeks`` does, and writes the page of the documentation from what it has seen.
"""

from __future__ import annotations

import os
from datetime import date, timedelta
from pathlib import Path

import pytest
from deliveries import simulated, sold
from walk import Alert, Company, Week
from walk_page import write_page

from demand_forecast.simulator.company import Company as Simulated

pytestmark = pytest.mark.walk

REGIONS = {"north_texas": "us_csv", "new_england": "json_feed"}
MODELS = {
    f"{region}.{store_format}.{velocity}"
    for region in REGIONS
    for store_format in ("large", "small")
    for velocity in ("fast", "slow")
}
FIRST = date(2018, 10, 13)  # last day of the first week, after 92 of history
ONE_STEP = {
    "seeds": 1,
    "mape_seeds": 0,
    "min_steps": 1,
    "max_steps": 1,
    "epochs": 0,
    "refit": False,
}
HARDLY_TRAINED = {"lasso": None, "network": ONE_STEP}
FAR_TOO_FAST = {
    "lasso": None,
    "network": ONE_STEP | {"min_steps": 20, "max_steps": 20, "learning_rate": 1.0},
}


WORSE = "north_texas.small.fast"  # what is worse is its next recipe


def _of(*places: str) -> set[str]:
    """The models of some regions or segments."""
    return {model for model in MODELS if model.startswith(tuple(f"{p}." for p in places))}


def _day(week: int) -> date:
    return FIRST + timedelta(weeks=week - 1)


def _all_is_well(week: Week) -> None:
    """Both commands went through, every model answers with its champion, from data of this week."""
    assert (week.retrained.exit_code, week.scored.exit_code) == (0, 0)
    assert week.sources == {"champion": MODELS}
    assert {served.reason for served in week.served.values()} == {""}
    assert {served.as_of for served in week.served.values()} == {week.until}


@pytest.fixture(scope="module")
def company(make_project, tmp_path_factory) -> Company:
    """Two regions with five stores and six products each, and models that are quickly trained.

    So few series need a gate with wide margins. Training by the calendar is off, so that each
    training has a reason of its own.
    """
    project = make_project(tmp_path_factory.mktemp("raw"), regions=REGIONS)
    company = Company(project, simulated(Simulated(5, 6, 104, 2), REGIONS), _day(0))
    company.configure("training.yml", {"training": {"network": None}})
    wide = {"margin": 30.0, "min_reduction": -40.0, "simple_margin": None, "bias_floor": None}
    company.configure("validation.yml", {"validation": wide})
    watched = {"schedule_days": None, "alerts": {"late_after_days": 7}}
    company.configure("monitoring.yml", {"monitoring": watched})
    company.configure(
        "segments/new_england.yml", {"new_england": {"small": {"training": HARDLY_TRAINED}}}
    )
    return company


def test_week_1_the_first_files_come_and_all_models_are_trained(company) -> None:
    company.deliver()
    week = company.week("The first files come")
    _all_is_well(week)
    assert week.reasons == dict.fromkeys(MODELS, "no_champion")
    assert week.release.id == "00001"
    assert week.released == MODELS
    assert week.alerts == []


def test_week_2_new_files_alone_are_no_reason_to_train(company) -> None:
    company.deliver()
    week = company.week("New files, and nothing else")
    _all_is_well(week)
    assert week.reasons == {}
    assert week.release == company.weeks[0].release
    assert week.alerts == []


def test_week_3_a_better_recipe_is_trained_and_released(company) -> None:
    company.take_back("segments/new_england.yml")
    company.deliver()
    week = company.week("`new_england.small` gets a LASSO in place of a hardly trained network")
    _all_is_well(week)
    changed = _of("new_england.small")
    assert week.reasons == dict.fromkeys(changed, "code_changed")
    assert week.release.id == "00002"
    assert week.released == changed
    assert {week.served[model].version for model in changed} == {"2"}


def test_week_4_the_release_is_rolled_back(company) -> None:
    company.configure(
        "segments/new_england.yml", {"new_england": {"small": {"training": HARDLY_TRAINED}}}
    )
    company.deliver()
    back = company.run("models", "rollback", "--why=orders were placed by the old models")
    assert back.exit_code == 0
    week = company.week("`kedro models rollback`, and the recipe is taken back")
    _all_is_well(week)
    assert week.reasons == {}
    assert (week.release.id, week.release.restores) == ("00003", "00001")
    assert {served.version for served in week.served.values()} == {"1"}


def test_week_5_the_files_of_a_region_are_late(company) -> None:
    company.deliver(late=["new_england"])
    week = company.week("The files of `new_england` do not come")
    assert (week.retrained.exit_code, week.scored.exit_code) == (0, 0)
    assert week.sources == {"champion": MODELS}
    for model, served in week.served.items():
        assert served.as_of == (_day(4) if model in _of("new_england") else _day(5))
    late = "new_england.large, new_england.small"
    assert week.alerts == [Alert("high", "no new data", late)]


def test_week_6_they_come_and_past_weeks_are_corrected(company) -> None:
    company.change("new_england", sold(0.5, _day(-8), _day(-7), "small"))
    company.deliver()
    week = company.week("They come, and two past weeks of the small stores are corrected in them")
    _all_is_well(week)
    corrected = _of("new_england.small")
    assert week.reasons == dict.fromkeys(corrected, "data_changed")
    assert week.release.id == "00004"
    assert week.released == corrected
    assert {week.served[model].version for model in corrected} == {"3"}


def test_week_7_a_file_is_cut_short_and_the_other_region_goes_on(company) -> None:
    company.change("new_england", sold(1.8, _day(7), _day(12), ""))
    company.deliver()
    file = company.raw("new_england") / "deliveries_large_1.parquet"
    file.write_bytes(file.read_bytes()[:1000])
    week = company.week("A file of `new_england` is cut short")
    for ended in (week.retrained, week.scored):
        assert ended.exit_code == 1
        assert f"{file}: not readable as .parquet" in ended.output
    assert week.manifests[0].status == "in part"
    assert week.release.id == "00004"
    assert week.alerts == [Alert("high", "region not read", "new_england")]
    for model, served in week.served.items():
        late = model in _of("new_england")
        assert served.source == "champion"
        assert served.as_of == _day(6 if late else 7)
        assert bool(served.reason) is late
        assert (f"on the last panel, with data until {_day(6)}, read " in served.reason) is late


def test_week_8_demand_has_shifted_and_the_training_is_killed(company) -> None:
    company.deliver()
    company.kill_retraining()
    assert company.release.id == "00004"
    week = company.week(
        "The file is whole again. Demand in `new_england` is 80 % higher since last week. The "
        "training is killed before its release, and started again"
    )
    _all_is_well(week)
    shifted = _of("new_england")
    assert {model for model, reasons in week.reasons.items() if "drifted" in reasons} == shifted
    assert week.release.id == "00005"
    assert week.released == shifted


def test_week_9_a_worse_model_is_refused(company) -> None:
    company.configure(
        "segments/north_texas.yml",
        {"north_texas": {"small": {"fast": {"training": FAR_TOO_FAST}}}},
    )
    company.deliver()
    week = company.week("`north_texas.small.fast` gets a network that learns far too fast")
    _all_is_well(week)
    assert week.reasons == {WORSE: "code_changed"}
    assert week.release == company.weeks[7].release
    assert list(week.refused) == [WORSE]
    assert "not_worse_than_incumbent" in week.refused[WORSE]
    assert week.served[WORSE].version == "1"


def test_week_10_models_have_grown_old(company) -> None:
    company.deliver()
    week = company.week("The models of `north_texas` are of nine weeks ago")
    old = _of("north_texas")
    assert week.reasons == dict.fromkeys(old, "stale") | {WORSE: "code_changed; stale"}
    assert week.released == old - {WORSE}
    assert (week.waiting, week.refused) == ({WORSE}, {})
    assert week.sources == {"champion": MODELS - {WORSE}, "baseline": {WORSE}}
    assert week.served[WORSE].reason == "champion 1 is stale: 63 days, limit 60"
    assert Alert("medium", "model stale", WORSE) in week.alerts


def test_week_11_the_worse_recipe_is_taken_back(company) -> None:
    company.take_back("segments/north_texas.yml")
    company.deliver()
    week = company.week("The network is taken back")
    _all_is_well(week)
    assert week.reasons == {WORSE: "stale"}
    assert week.released == {WORSE}
    assert week.served[WORSE].version == "3"


def test_week_12_every_forecast_leads_back_to_its_raw_files(company) -> None:
    company.deliver()
    week = company.week("New files. `kedro trace` follows a forecast of each segment back")
    _all_is_well(week)
    for region in REGIONS:
        for store_format in ("large", "small"):
            assert "Every link holds." in _traced(company, f"{region}.{store_format}")
    statuses = [manifest.status for manifest in week.manifests]
    assert statuses.count("in part") == 2
    assert statuses.count("failed") == 0
    file = os.environ.get("TWELVE_WEEKS_PAGE")
    if file:
        write_page(Path(file), company.weeks)


def _traced(company: Company, segment: str) -> str:
    """What ``kedro trace`` says of the first forecast of a segment."""
    forecast = company.project.load([f"{segment}.forecast"], None)[f"{segment}.forecast"]
    store, product = forecast.loc[0, ["store_id", "product_id"]]
    options = (f"--namespace={segment}", f"--store={store}", f"--product={product}")
    result = company.run("trace", *options)
    assert result.exit_code == 0, result.output
    return result.output
