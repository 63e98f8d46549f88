"""The figures of the data quality page."""

from __future__ import annotations

from raw_regions import RawRegion

from demand_forecast.conditioning.quality import assess


def test_rows_reasons_weeks_and_dates(raw_region: RawRegion) -> None:
    raw_region.append("shipments", Cases="x")
    raw_region.append("shipments", Store="S9")
    conditioned = raw_region.condition()
    quality = assess(conditioned, [])
    shipments, stores = quality.sources[0], quality.sources[2]
    assert (shipments.rows_in, shipments.rows_quarantined, shipments.files) == (722, 2, 1)
    assert shipments.units == conditioned.tables["shipments"]["units_shipped"].sum()
    assert (stores.units, stores.change, stores.is_notable) == (None, None, False)
    assert [(r.source, r.reason, r.rows) for r in quality.reasons] == [
        ("shipments", "not a number", 1),
        ("shipments", "unknown store", 1),
    ]
    assert quality.reasons[0].example == "shipments.csv, row 722: S1, P1, 01/07/2017, x"
    weekly = quality.weekly[0]
    assert (weekly.source, weekly.weeks[0], weekly.weeks[-1]) == (
        "shipments",
        "2017-01-07",
        "2018-02-24",
    )
    assert set(weekly.rows) == {12}
    assert sum(weekly.units) == shipments.units
    saturdays = quality.dates[quality.dates["source"] == "shipments"].iloc[0]
    assert (saturdays["weekday"], saturdays["weekday_share"]) == ("saturday", 1.0)


def test_against_the_last_runs(raw_region: RawRegion) -> None:
    conditioned = raw_region.condition()
    fewer = conditioned.control_totals.assign(rows_in=500)
    quality = assess(conditioned, [fewer.assign(rows_in=n) for n in range(100, 120)] + [fewer])
    shipments = quality.sources[0]
    assert quality.runs == 12
    assert shipments.history == (*range(109, 120), 500, 720)
    assert shipments.change == 720 / 500 - 1
    assert shipments.is_notable
