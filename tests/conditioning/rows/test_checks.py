"""Each check between sources at its limit."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from demand_forecast.conditioning.layout import SourceLayout
from demand_forecast.conditioning.raw.source import RawTable
from demand_forecast.conditioning.rows import checks
from demand_forecast.conditioning.rows.draft import Draft
from demand_forecast.conditioning.rows.repeats import resolve_repeats
from demand_forecast.conditioning.rows.span import plausible_span

WEEK = np.datetime64("2020-01-04")


def _draft(source: str, frame: pd.DataFrame, key: list[str], measure: str | None = None) -> Draft:
    count = len(frame)
    nothing = pd.DataFrame({"file": [], "row": [], "record": []})
    return Draft(
        source=source,
        raw=RawTable(frame.astype("str"), np.full(count, "f"), np.arange(count) + 2, nothing),
        frame=frame,
        key=key,
        measure=measure,
        raw_units=np.ones(count),
        pack_size=np.ones(count),
        reason=np.zeros(count, np.int16),
        detail=np.full(count, "", object),
    )


def _weeks(source: str, *ahead: int) -> Draft:
    days = WEEK + np.array(ahead).astype("timedelta64[D]")
    return _draft(source, pd.DataFrame({"week": days.astype("datetime64[us]")}), ["week"])


def _told(draft: Draft) -> list[tuple[str, str]]:
    return list(zip(draft.reasons(), draft.detail, strict=True))


def test_weeks_of_shipments_from_the_first_to_the_last():
    draft = _weeks("shipments", -14, -7, 0, 7, 28, 35)
    checks.check_weeks(draft, WEEK - 7, WEEK, WEEK)
    assert _told(draft) == [
        ("week_too_early", "week"),
        ("", ""),
        ("", ""),
        ("week_after_as_of", "week"),
        ("week_after_as_of", "week"),
        ("week_in_future", "week"),
    ]


def test_the_future_begins_after_the_later_of_two_weeks_and_returns_may_be_early():
    draft = _weeks("returns", -700, 7, 35, 42)
    checks.check_weeks(draft, WEEK - 7, WEEK, WEEK + 7)
    assert [reason for reason, _ in _told(draft)] == [
        "",
        "week_after_as_of",
        "week_after_as_of",
        "week_in_future",
    ]


def test_a_plan_may_reach_to_its_last_week():
    draft = _weeks("promotions", 0, 70, 77)
    checks.check_plan(draft, WEEK + 70)
    assert _told(draft) == [("", ""), ("", ""), ("week_in_future", "week")]


def test_events_of_this_region_and_of_all():
    names = ["North Texas", "north_texas", "ALL", "*", None, "", "Florida", "_Florida_"]
    draft = _draft("events", pd.DataFrame({"region": pd.Series(names, dtype="str")}), ["region"])
    checks.check_events(draft, "north_texas")
    assert _told(draft) == [("", "")] * 6 + [("other_region", "region")] * 2
    assert checks.slug(" North-Texas! ") == "north_texas"
    assert checks.slug("XL") == "xl"


def test_stores_get_the_names_of_configuration():
    frame = pd.DataFrame(
        {
            "store_id": ["1", "2", "3"],
            "region": pd.Series(["North Texas", "Ohio", "north-texas"], dtype="str"),
            "store_format": pd.Series(["Big Box", "big_box", "kiosk"], dtype="str"),
        }
    )
    draft = _draft("stores", frame, ["store_id"])
    checks.check_stores(draft, "north_texas", ["big_box"])
    assert _told(draft) == [
        ("", ""),
        ("other_region", "region"),
        ("unknown_store_format", "store_format"),
    ]
    table = draft.table()
    assert table.values.tolist() == [["1", "north_texas", "big_box"]]
    assert (table[["region", "store_format"]].dtypes == "str").all()


@pytest.mark.parametrize("columns", [["a", "b"], ["b", "a"]])
def test_duplicates_are_those_of_the_whole_key_and_an_empty_cell_is_a_value(columns):
    a = [None, "x", "x", "y", "y", None, "x", None]
    b = ["1", None, "1", "1", None, "1", "1", None]
    frame = pd.DataFrame({"a": a, "b": b}, dtype="str")
    draft = _draft("promotions", frame, columns)
    resolve_repeats(draft, SourceLayout(files="*", columns={}))
    twice = frame.duplicated().to_numpy()
    assert (draft.reasons() == "duplicate_key").tolist() == twice.tolist()
    assert twice.sum() == 2
    assert set(draft.detail[twice]) == {", ".join(columns)}


def test_unknown_stores_and_products_are_named_by_their_column():
    stores = _draft("stores", pd.DataFrame({"store_id": ["1", "2"]}), ["store_id"])
    stores.reject(np.array([False, True]), "other_region")
    products = _draft("products", pd.DataFrame({"product_id": ["p"]}), ["product_id"])
    sales = pd.DataFrame({"store_id": ["1", "2", "1"], "product_id": ["p", "p", "q"]})
    draft = _draft("shipments", sales, ["store_id", "product_id"])
    checks.check_references(draft, stores, products)
    assert _told(draft) == [
        ("", ""),
        ("unknown_store", "store_id"),
        ("unknown_product", "product_id"),
    ]
    assert stores.detail.tolist() == ["", ""]


def _history(*counts: int, start: str = "2018-01-06") -> np.ndarray:
    weeks = np.datetime64(start) + 7 * np.arange(len(counts))
    return np.repeat(weeks, counts)


@pytest.mark.parametrize(
    ("last", "complete"), [(5, True), (4, False)], ids=["half of the usual", "less than half"]
)
def test_the_last_week_is_the_last_with_its_share_of_the_usual_rows(last, complete):
    weeks = _history(*[10] * 60, last)
    first, end = plausible_span(weeks, 0.5)
    assert first == weeks[0]
    assert end == (weeks[-1] if complete else weeks[-1] - 7)


def test_usual_is_the_median_of_the_last_half_year_without_stray_weeks():
    first_half, second_half = [40] * 60, [10] * 26
    assert (
        plausible_span(_history(*first_half, *second_half, 1), 0.5)[1]
        == (_history(*first_half, *second_half)[-1])
    )
    strays = np.datetime64("2031-01-04") + 7 * np.arange(40)
    weeks = np.concatenate([_history(*[100] * 60), strays])
    assert plausible_span(weeks, 0.5)[1] == _history(*[100] * 60)[-1]


@pytest.mark.parametrize(
    ("stray_rows", "gap", "counts"),
    [(9, 372, False), (10, 372, True), (9, 365, True), (9, 366, False)],
)
def test_weeks_long_before_all_others_are_typing_errors_if_they_are_few(stray_rows, gap, counts):
    usual = _history(*[10] * 99, 1000 - 990 - stray_rows)
    stray = np.repeat(usual[0] - gap, stray_rows)
    first, _ = plausible_span(np.concatenate([stray, usual]), 0.5)
    assert first == (stray[0] if counts else usual[0])
