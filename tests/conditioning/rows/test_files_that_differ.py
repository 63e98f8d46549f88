"""One file of a source that is written unlike the others: nothing is read wrong in silence."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import pytest
from raw_regions import WEEKS, RawRegion, reasons

from demand_forecast.exceptions import SourceError


def _late_file(raw_region: RawRegion, change: Callable[[pd.DataFrame], pd.DataFrame], master=True):
    """The deliveries of the last 13 weeks in a file of their own, changed."""
    for source in ("returns", *(() if master else ("products",))):
        del raw_region.layout["sources"][source], raw_region.frames[source]
    raw_region.layout["sources"]["shipments"] |= {"files": "shipments*.csv"}
    raw_region.layout["sources"]["shipments"]["columns"]["units_shipped"] = "Cases"
    frame = raw_region.frames["shipments"]
    late = pd.to_datetime(frame["Week"], format="%m/%d/%Y") > WEEKS[46]
    raw_region.frames["shipments"] = frame[~late]
    raw_region.frames["shipments_late"] = change(frame[late].copy())
    return raw_region.condition()


def _dates(frame: pd.DataFrame, days: int = 0) -> pd.Series:
    return pd.to_datetime(frame["Week"], format="%m/%d/%Y") + pd.Timedelta(days=days)


def test_labels_on_another_weekday_in_one_file_are_told(raw_region, caplog):
    _late_file(raw_region, lambda f: f.assign(Week=_dates(f, 1).dt.strftime("%m/%d/%Y")))
    assert "saturdays in shipments.csv; sundays in shipments_late.csv" in caplog.text


def test_a_file_of_which_nothing_can_be_read_is_named(raw_region, caplog):
    _late_file(raw_region, lambda f: f.assign(Week=_dates(f).dt.strftime("%G-W%V")))
    assert "shipments_late.csv: 156 of 156 rows cannot be used, most of them for bad_date" in (
        caplog.text
    )


def test_years_before_1900_are_no_history(raw_region):
    conditioned = _late_file(
        raw_region, lambda f: f.assign(Week=f["Week"].str.replace("2018", "0018"))
    )
    assert conditioned.manifest["first_week"] == "2017-01-07"
    assert set(reasons(conditioned, "shipments")) == {"bad_date"}


@pytest.mark.parametrize("change", [str.lower, lambda sku: f"{sku}.0", lambda sku: f"00{sku}"])
def test_ids_that_differ_by_their_spelling_only_are_told(raw_region, caplog, change):
    _late_file(raw_region, lambda f: f.assign(Sku=f["Sku"].map(change)), master=False)
    assert "6 ids of shipments.product_id differ only by" in caplog.text


def test_marks_without_width_are_no_part_of_an_id(raw_region):
    conditioned = _late_file(
        raw_region, lambda f: f.assign(Store="\ufeff" + f["Store"], Sku=f["Sku"] + "\u200b")
    )
    assert conditioned.quarantine.empty
    assert len(conditioned.tables["shipments"]) == 720


@pytest.mark.parametrize(("rule", "told"), [(None, True), ("first", False), ("last", False)])
def test_a_corrected_file_without_a_rule_is_told(raw_region, caplog, rule, told):
    late = raw_region.frames["shipments"]
    late = late[_dates(late) > WEEKS[46]]
    raw_region.frames["shipments_v2"] = late.assign(Cases=late["Cases"] + 1)
    if rule is not None:
        raw_region.layout["sources"]["shipments"]["duplicates"] = rule
    _late_file(raw_region, lambda f: f)
    assert (
        "156 rows repeat the key and the date of another row with other units" in caplog.text
    ) is (told)


@pytest.mark.parametrize("of", ["all", "store", "week"])
def test_a_single_row_that_is_the_sum_of_all_others_is_refused(raw_region, of):
    del raw_region.layout["sources"]["products"], raw_region.layout["sources"]["returns"]
    raw_region.layout["sources"]["shipments"]["columns"]["units_shipped"] = "Cases"
    frame = raw_region.frames["shipments"]
    more = [frame.assign(Sku=frame["Sku"] + str(k)) for k in range(4)]  # 48 rows a week
    frame = pd.concat(more)
    part = {
        "all": frame,
        "store": frame[frame["Store"] == "S1"],
        "week": frame[frame["Week"] == "02/24/2018"],
    }[of]
    total = frame.iloc[[0]].assign(Sku="TOTAL", Week="02/24/2018", Cases=part["Cases"].sum())
    raw_region.frames["shipments"] = pd.concat([frame, total])
    with pytest.raises(SourceError, match=r"store 'S1' and product 'TOTAL' .* sum of all others"):
        raw_region.condition()
