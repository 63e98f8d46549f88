"""Wide files, rows chosen by value, and columns that folders name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from raw_files import cells_of

from demand_forecast.conditioning.layout.files import Melt
from demand_forecast.conditioning.raw.rows import Rows, make_malformed, make_notes
from demand_forecast.conditioning.raw.shape import add_partition_keys, keep_rows, melt
from demand_forecast.exceptions import ConfigurationError, SourceError

PATH = Path("a.csv")


def _rows(**columns: list[str | None]) -> Rows:
    frame = pd.DataFrame(columns, dtype="str")
    row = np.arange(len(frame)) + 2
    return Rows(frame, row, make_malformed(), len(frame), make_notes(), {"footer": 1})


WIDE = _rows(Store=["A", "B"], W01=["1", None], Item=["x", "y"], W02=["2", " n/k "])


def test_wide_files_are_stacked_row_by_row():
    how = Melt(columns=r"W(\d\d)", variable="Week", value="Units")
    rows = melt(PATH, WIDE, how, ["N/K"])
    assert list(rows.frame) == ["Store", "Item", "Week", "Units"]
    assert cells_of(rows) == [["A", "x", "01", "1"], ["A", "x", "02", "2"]]
    assert list(rows.row) == [2, 2]
    assert rows.set_aside == {"footer": 1, "empty_cell": 2}
    rows = melt(PATH, WIDE, Melt(columns="W.*"), [])
    assert cells_of(rows)[2] == ["B", "y", "W02", " n/k "]
    assert list(rows.row) == [2, 2, 3]


def test_wide_file_without_rows():
    rows = melt(PATH, _rows(Store=[], W01=[]), Melt(columns="W.*"), [])
    assert list(rows.frame) == ["Store", "variable", "value"]
    assert len(rows.row) == 0
    assert rows.set_aside == {"footer": 1}


@pytest.mark.parametrize(
    ("how", "error", "message"),
    [
        ({"columns": "X.*"}, SourceError, r"no column matches 'X\.\*' .*Found: Store, W01, Item"),
        ({"columns": "W(0).*"}, SourceError, "says the same of several columns"),
        ({"columns": "W.*", "value": "Item"}, SourceError, "has a column 'Item' already"),
        ({"columns": "W("}, ConfigurationError, r"melt, key 'columns': 'W\('"),
    ],
)
def test_melt_that_cannot_be_done_is_refused(how, error, message):
    with pytest.raises(error, match=message):
        melt(PATH, WIDE, Melt(**how), [])


@pytest.mark.parametrize(
    ("wanted", "kept"),
    [
        ({"Type": ["SALE"]}, [2, 5]),
        ({"Type": ["S*"]}, [2, 3, 5]),
        ({"Type": ["sale"]}, []),
        ({"Type": ["SALE", "RET"], "Market": ["{region}", "all"]}, [2, 4]),
        ({"Market": ["{region}"]}, [2]),
        ({"Market": ["{region} *"]}, [3]),
        ({"Market": [""]}, [5]),
        ({"Market": ["*"]}, [2, 3, 4, 5]),
        ({"Type": ["S.LE"]}, []),
    ],
)
def test_rows_are_chosen_by_their_values(wanted, kept):
    rows = _rows(
        Type=["SALE", "STOCK", "RET", " SALE"],
        Market=["North Texas", "NORTH-TEXAS (2)", "all", None],
    )
    chosen = keep_rows(PATH, rows, wanted, "north_texas")
    assert list(chosen.row) == kept
    assert list(chosen.frame.index) == list(range(len(kept)))
    aside = {"other_rows": 4 - len(kept)} if len(kept) < 4 else {}
    assert chosen.set_aside == {"footer": 1} | aside


def test_rows_cannot_be_chosen_by_a_column_that_is_missing():
    with pytest.raises(SourceError, match=r"a\.csv: column 'Typ' \(for rows:\).*mean 'Type'"):
        keep_rows(PATH, _rows(Type=["x"]), {"Typ": ["x"]}, "")


def test_folders_name_columns():
    rows = _rows(Store=["A", "B"])
    added = add_partition_keys(PATH, rows, "x/week=2024-01-06/shop=a%20b/y=/part.csv")
    assert list(added.frame) == ["Store", "week", "shop", "y"]
    assert cells_of(added)[1] == ["B", "2024-01-06", "a b", ""]
    missing = add_partition_keys(PATH, rows, "week=__HIVE_DEFAULT_PARTITION__/a.csv")
    assert cells_of(missing)[0] == ["A", None]
    assert cells_of(add_partition_keys(PATH, rows, "week=1.csv")) == [["A"], ["B"]]
    with pytest.raises(SourceError, match=r"folder says Store=A, .* such as 'B'"):
        add_partition_keys(PATH, rows, "Store=A/a.csv")
