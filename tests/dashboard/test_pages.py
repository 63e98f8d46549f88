"""Pages draw what the results store holds: empty, of one segment and of several."""

from __future__ import annotations

import io
import shutil
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
from openpyxl import load_workbook
from requests import ConnectionError
from sqlalchemy import text, update
from sqlalchemy.exc import OperationalError
from streamlit.testing.v1 import AppTest

from demand_forecast.dashboard import charts, service, store, table
from demand_forecast.dashboard.pages import PAGES
from demand_forecast.dashboard.queries import forecasts
from demand_forecast.dashboard.server import launch
from demand_forecast.dashboard.server.launch import ADDRESS
from demand_forecast.results_store.schema import QUALITY
from small_store import SECOND

_APP = Path(launch.__file__).with_name("app.py")
FAR = date(2025, 12, 27)
_PAGE = """
import streamlit as st
from demand_forecast.dashboard.pages import PAGES
from demand_forecast.dashboard.queries import forecasts
from demand_forecast.dashboard.store import state
st.session_state["state"] = state()
PAGES[{name!r}][1]()
"""


def draw(name: str, **filters: str) -> AppTest:
    """A page as somebody sees it who follows a link with these filters."""
    page = AppTest.from_string(_PAGE.format(name=name), default_timeout=60)
    for key, value in filters.items():
        page.query_params[key] = value
    page.run()
    assert not page.exception, page.exception[0].stack_trace
    return page


def tiles(page: AppTest) -> dict[str, str]:
    return {tile.label: tile.value for tile in page.metric}


@pytest.mark.parametrize("database", ["one"], indirect=True)
@pytest.mark.parametrize("name", PAGES)
def test_every_page_draws_a_single_segment(database, name) -> None:
    page = draw(name)
    assert page.title[0].value.endswith("?")
    assert all(len(shown.value) for shown in page.dataframe)
    assert page.dataframe


@pytest.mark.parametrize("database", ["bare"], indirect=True)
@pytest.mark.parametrize("name", PAGES)
def test_a_page_without_rows_says_which_command_fills_it(database, name) -> None:
    page = draw(name)
    assert any("`kedro run" in told.value for told in page.info)


def test_late_sources_are_told(several, tmp_path, monkeypatch) -> None:
    own = Path(shutil.copy(several, tmp_path / "own.db"))
    with store.ResultsDatabase(f"sqlite:///{own}").writing() as connection:
        connection.execute(update(QUALITY).where(QUALITY.c.region == "ohio").values(as_of=FAR))
    monkeypatch.setenv(ADDRESS, f"sqlite:///{own}")
    page = draw("Data quality")
    assert tiles(page)["Late or missing sources"] == "1"
    assert page.dataframe[0].value[["region", "status"]].to_numpy().tolist() == [["ohio", "late"]]


@pytest.mark.parametrize("file", ["missing", "fresh"])
def test_an_empty_store_says_which_command_fills_it(file, fresh, tmp_path, monkeypatch) -> None:
    path = fresh if file == "fresh" else tmp_path / "missing.db"
    monkeypatch.setenv(ADDRESS, f"sqlite:///{path}")
    page = AppTest.from_file(_APP, default_timeout=60).run()
    assert not page.exception
    assert "`kedro run`" in page.info[0].value
    assert path.exists() == (file == "fresh")


def test_the_app_opens_on_today(database) -> None:
    page = AppTest.from_file(_APP, default_timeout=60).run()
    assert not page.exception
    assert page.title[0].value == "What serves, and what needs attention?"
    assert page.sidebar.caption[0].value == f"Results until run {SECOND}"


def test_a_store_of_another_version_is_told_in_a_line(tmp_path, monkeypatch, fresh) -> None:
    own = tmp_path / "old.db"
    own.write_bytes(fresh.read_bytes())
    database = store.ResultsDatabase(f"sqlite:///{own}")
    with database.writing() as connection:
        connection.execute(text("ALTER TABLE dim_runs RENAME COLUMN status TO state"))
    monkeypatch.setenv(ADDRESS, f"sqlite:///{own}")
    page = AppTest.from_file(_APP, default_timeout=60).run()
    assert not page.exception
    assert "cannot be read" in page.error[0].value


@pytest.mark.trials
def test_today_shows_what_the_store_holds(database) -> None:
    page = draw("Today")
    assert tiles(page) == {
        "History until": "10 Jan 2026",
        "Last complete run took": "60 s",
        "Models in use": "3",
        "Forecasts by champions": "83.3 %",
        "Points to look at": "2",
    }
    assert page.dataframe[0].value["message"].tolist() == [
        "baseline serves: no champion",
        "63 days old",
    ]
    assert page.selectbox[0].value == SECOND


@pytest.mark.trials
def test_training_is_filtered_by_the_address(database) -> None:
    page = draw("Training", region="ohio", measure="WAPE, %")
    assert page.selectbox(key="measure").value == "wape_median"
    shown = tiles(page)
    assert shown["MAPE, ensemble"] == "20.0 %"
    assert shown["Passed the gate"] == "0"
    assert set(page.dataframe[0].value["region"]) == {"ohio"}


def test_health_compares_with_the_validation(database) -> None:
    shown = tiles(draw("Model health"))
    assert shown["Oldest data"] == "70 days"
    assert (shown["Older than 60 days"], shown["To train again"]) == ("1", "1")
    assert shown["Forecasts by a fallback"] == "2"


@pytest.mark.trials
def test_value_compares_our_orders_with_the_deliveries(database) -> None:
    page = draw("Value")
    assert tiles(page) == {
        "Value of our orders, money": "450",
        "Gain over the deliveries, money": "150",
        "Its 90 % interval": "140 to 160",
        "Weeks replayed": "5",
    }
    whole, parts = (shown.value for shown in page.dataframe)
    assert whole["value"].tolist() == [300.0, 210.0, 360.0, 450.0]
    assert parts.groupby("policy")["gain"].sum()["Our orders"] == 150.0
    assert "2 of 30 deliveries sold out" in page.caption[1].value


@pytest.mark.trials
def test_experiments_show_how_they_stand_and_what_they_have_shown(database) -> None:
    page = draw("Experiments", experiment="bad", measure="mape")
    assert tiles(page) == {
        "WAPE, points": "5.0 (worse)",
        "MAPE, points": "5.0 (worse)",
        "Value, money per 1,000 units": "5.0 (worse)",
    }
    assert page.error[0].value == "Stopped: wape +5.0 points"
    every, looks = (shown.value for shown in page.dataframe)
    assert every["experiment"].tolist() == ["bad", "begun"]
    assert len(looks) == 6 and looks["lower"].count() == 3


def test_an_experiment_that_has_just_begun_says_so(database) -> None:
    page = draw("Experiments", experiment="begun")
    assert page.warning[0].value == "The champion serves: challenger 2 cannot be used: gone"
    assert page.info[0].value.startswith("No week of it has come yet.")


@pytest.mark.trials
def test_data_quality_adds_up(database) -> None:
    page = draw("Data quality", region="florida")
    assert tiles(page)["Rows in"] == "100"
    assert tiles(page)["Rejected"] == "3.00 %"
    assert len(page.dataframe[-1].value) == 3


@pytest.mark.trials
def test_a_forecast_can_be_linked_to(database) -> None:
    page = draw("Forecast", region="florida", store="FL-small", product="P2")
    assert [box.value for box in page.selectbox[:3]] == ["florida", "FL-small", "P2"]
    assert tiles(page)["Week until 17 Jan 2026"] == "13.0 units"
    assert tiles(page)["80 % interval"] == "6 to 20 units"
    assert page.dataframe[-1].value["change"].tolist() == [1.0]


@pytest.mark.trials
def test_another_region_has_other_stores(database) -> None:
    page = draw("Forecast", region="florida", store="FL-small")
    page.selectbox[0].select("ohio").run()
    assert page.selectbox[1].value == "OH-large"
    assert not page.exception


@pytest.mark.trials
def test_orders_are_those_of_the_store(database) -> None:
    page = draw("Orders", store="OH-large", risk="may sell out")
    assert tiles(page)["Ordered"] == "20 units"
    assert tiles(page)["Cases"] == "5"
    assert tiles(page)["At risk, money"] == "40"
    assert page.dataframe[0].value["product_id"].tolist() == ["P2", "P1"]


@pytest.mark.trials
def test_orders_say_when_nothing_fits(database) -> None:
    page = draw("Orders", risk="may come back")
    assert page.info[0].value.startswith("There is no order that fits yet.")


@pytest.mark.trials
def test_overrides_stand_beside_what_they_change_and_were_worth(database) -> None:
    page = draw("Overrides", region="florida")
    assert tiles(page) == {"In force": "1", "Refused": "1", "Past": "0"}
    every, orders, people, steps = (shown.value for shown in page.dataframe)
    assert every[["override_id", "problem"]].to_numpy().tolist() == [
        ["o1", ""],
        ["o2", "factor: '100'. Valid: 0 to 5."],
    ]
    assert orders[["overridden_mean", "order_without_override", "order_quantity"]].to_numpy(
        float
    ).tolist() == [[24, 8, 12]]
    assert people[["owner", "verdict", "value_gain"]].to_numpy().tolist() == [["ann", "worse", -50]]
    assert len(steps) == 8
    assert page.code[0].value.startswith(
        "kedro override add --namespace=florida.large --factor=1.2"
    )


def test_a_region_without_overrides_says_so(database) -> None:
    page = draw("Overrides", region="ohio")
    assert page.info[0].value.startswith("There is no override that fits yet.")
    assert page.success[0].value == "No override is about the next delivery."


def test_nothing_can_be_written(database) -> None:
    with (
        store.reader(database).connect() as connection,
        pytest.raises(OperationalError, match="readonly"),
    ):
        connection.execute(text("DELETE FROM dim_runs"))


def test_a_download_has_more_than_is_shown(database) -> None:
    everything = store.later(forecasts.orders, region="ohio")
    assert len(store.ask(forecasts.orders, 1, region="ohio")) == 1
    assert len(everything()) == 2


def test_a_workbook_holds_the_rows_with_titles() -> None:
    rows = pd.DataFrame({"store_id": ["A"], "order_quantity": [12], "q10": [1.25]})
    sheet = load_workbook(io.BytesIO(table.workbook(rows))).active
    assert list(sheet.values) == [("Store", "Order, units", "10 %, units"), ("A", 12, 1.25)]


def test_more_names_than_colours_are_joined() -> None:
    rows = pd.DataFrame({"reason": [f"r{i}" for i in range(9)], "rows": range(9)})
    joined = charts.most(rows, "reason", "rows")
    assert joined["reason"].tolist() == ["others", "others", *(f"r{i}" for i in range(2, 9))]
    assert charts.most(rows.head(8), "reason", "rows")["reason"].tolist()[0] == "r0"


def test_parts_of_a_waterfall_end_at_the_forecast() -> None:
    chart = charts.waterfall(pd.Series({"level": 10.0, "season": -3.0, "events": 1.0}), "forecast")
    steps = chart.to_dict()["datasets"].popitem()[1]
    assert [(s["start"], s["end"]) for s in steps] == [(0, 10), (10, 7), (7, 8), (0, 8)]
    assert [s["kind"] for s in steps] == ["level", "less", "more", "forecast"]


def test_pages_are_short() -> None:
    files = [
        p for p in _APP.parents[1].glob("pages/*.py") if len(p.read_text().splitlines()) >= 100
    ]
    assert not files


def _asked(monkeypatch, answer: object, ok: bool = True) -> AppTest:
    """The page after somebody has asked for a lower price."""

    def post(url: str, json: dict[str, object], timeout: int) -> SimpleNamespace:
        if isinstance(answer, Exception):
            raise answer
        assert (url, timeout) == ("http://127.0.0.1:8000/what-if", 120)
        assert json == {
            "namespace": "ohio.large",
            "product": "P1",
            "changes": {"price": "-10%", "feature": "on"},
            "weeks": 2,
        }
        return SimpleNamespace(ok=ok, json=lambda: answer)

    monkeypatch.setattr(service.requests, "post", post)
    monkeypatch.delenv(service.ADDRESS, raising=False)
    page = draw("What if", region="ohio", product="P1")
    assert len(page.dataframe) == 1
    page.text_input[0].input("-10%")
    page.text_input[2].input("feature = on")
    page.number_input[0].set_value(2)
    page.button[0].click().run()
    assert not page.exception
    return page


def test_what_if_shows_what_the_service_answers(database, monkeypatch) -> None:
    names = ("order_quantity", "expected_margin", "mean")
    sides = {f"{n}_{side}": v for n in names for side, v in (("before", 10.0), ("after", 30.0))}
    effect = {"effect": 20.0, "effect_low": 12.0, "effect_high": None, "margin_unit": "money"}
    row = {"product_id": "P1", "store_id": "OH-large", "week": "2026-01-17"} | sides | effect
    told = {"total": sides | effect, "remarks": ["price: never seen."], "rows": [row]}
    page = _asked(monkeypatch, told)
    assert tiles(page) == {
        "Change": "20 units",
        "80 % interval of it": "12 to –",  # noqa: RUF001
        "Order, units": "30",
        "Expected margin, money": "30",
    }
    assert page.dataframe[0].value["effect"].tolist() == [20.0]
    assert "- price: never seen." in [text.value for text in page.markdown]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (ConnectionError(), "does not answer. Start it with `kedro serve`"),
        ({"detail": "'feature' is no column of the plan."}, "'feature' is no column"),
    ],
)
def test_what_if_says_why_there_is_no_answer(database, monkeypatch, answer, words) -> None:
    page = _asked(monkeypatch, answer, ok=False)
    assert words in page.warning[0].value
    assert len(page.dataframe) == 1


@pytest.mark.parametrize("other", ["feature on", "price=3.49", "=on"])
def test_what_if_does_not_leave_out_a_column_that_it_cannot_read(
    database, monkeypatch, other
) -> None:
    monkeypatch.setattr(service.requests, "post", lambda *_, **__: pytest.fail("it has asked"))
    page = draw("What if", region="ohio", product="P1")
    page.text_input[0].input("-10%")
    page.text_input[2].input(other)
    page.button[0].click().run()
    assert not page.exception
    assert page.warning[0].value.startswith(f"'{other}' is not COLUMN=VALUE")


@pytest.mark.trials
def test_what_if_shows_no_rows_where_nothing_changes(database, monkeypatch) -> None:
    sums = dict.fromkeys(("order_quantity_before", "order_quantity_after"), 4.0)
    sums |= dict.fromkeys(("expected_margin_before", "expected_margin_after"), 4.0)
    sums |= dict.fromkeys(("effect", "effect_low", "effect_high"), 0.0)
    total = sums | {"margin_unit": "money"}
    page = _asked(monkeypatch, {"total": total, "remarks": [], "rows": []})
    assert len(page.dataframe) == 1
    assert tiles(page)["Change"] == "0 units"
