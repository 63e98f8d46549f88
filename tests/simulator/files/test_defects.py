import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from demand_forecast.simulator.files.defects import SHARE, spoil

START = np.datetime64("2017-01-07", "D")


def sales(rows: int, measure: str) -> pa.Table:
    number = np.arange(rows)
    return pa.table(
        {
            "store_id": pa.array([f"NTX{n % 7:03d}" for n in number], pa.string()),
            "product_id": pa.array([str(10001 + n // 7 % 5) for n in number], pa.string()),
            "week": pa.array(START + 7 * (number // 35)),
            measure: number % 50 + 1,
            "pack_size": np.full(rows, 8),
        }
    )


@given(st.integers(0, 4000), st.integers(0, 1000), st.sampled_from(["shipments", "returns"]))
def test_rows_are_kept_and_counted(rows, seed, source):
    measure = {"shipments": "units_shipped", "returns": "units_returned"}[source]
    good = sales(rows, measure)
    table, kinds = spoil(good, source, np.random.default_rng(seed))
    added = {"unknown_store", "unknown_product", "duplicate", "future_week", "not_delivered"}
    assert len(table) == rows + sum(n for kind, n in kinds.items() if kind in added)
    assert table[measure].null_count == kinds.get("text_in_number", 0)
    assert table["week"].null_count == kinds.get("impossible_date", 0)
    frame = table.to_pandas()
    assert (frame[measure] < 0).sum() == kinds.get("negative_units", 0)
    assert frame["store_id"].str.endswith("9999").sum() == kinds.get("unknown_store", 0)
    assert (frame["product_id"] == "99999").sum() == kinds.get("unknown_product", 0)
    untouched = good.to_pandas().merge(frame, how="inner").drop_duplicates()
    spoiled = sum(n for kind, n in kinds.items() if kind not in added)
    assert len(untouched) == rows - spoiled


def test_share_and_kinds():
    table, kinds = spoil(sales(200_000, "units_returned"), "returns", np.random.default_rng(1))
    assert sum(kinds.values()) == pytest.approx(200_000 * SHARE, rel=0.15)
    assert len(kinds) == 8
    weeks = table["week"].to_pandas().dropna().to_numpy().astype("datetime64[D]")
    assert (weeks < START).sum() == kinds["not_delivered"]
    assert (weeks > np.datetime64("2036-01-01")).sum() >= kinds["future_week"]
    assert (
        "not_delivered"
        not in spoil(sales(20_000, "units_shipped"), "shipments", np.random.default_rng(1))[1]
    )
