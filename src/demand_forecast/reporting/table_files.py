"""Tables that a command writes into a file that the user has named."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import pandas as pd

from demand_forecast.datasets.atomic import write_excel, write_text
from demand_forecast.exceptions import ConfigurationError

RECORDS: Final = (".csv", ".json")
SHEETS: Final = (".csv", ".xlsx")


def check_ending(endings: Iterable[str], path: Path | None) -> None:
    """Refuse a file that a table cannot be written to.

    Args:
        endings: Those that are known.
        path: The file; None is right.

    Raises:
        ConfigurationError: If its name ends otherwise.
    """
    if path is not None and path.suffix not in endings:
        raise ConfigurationError(
            f"--output: '{path}' ends in '{path.suffix}'; valid: {', '.join(endings)}"
        )


def write_records(table: pd.DataFrame, path: Path, decimals: int | None = None) -> None:
    """Write a table as CSV or as JSON, one record per row; whole or not at all.

    Args:
        table: What to write.
        path: Ends in one of ``RECORDS``.
        decimals: Of the numbers in CSV; all if not given.
    """
    if path.suffix == ".json":
        write_text(path, table.to_json(orient="records", indent=2))
    else:
        rounded = table if decimals is None else table.round(decimals)
        write_text(path, rounded.to_csv(index=False))


def write_sheet(table: pd.DataFrame, path: Path, sheet: str) -> None:
    """Write a table as CSV or as an Excel workbook of one sheet, whole or not at all.

    Args:
        table: What to write; dates are days.
        path: Ends in one of ``SHEETS``.
        sheet: Name of the sheet; cut to the 31 characters that Excel takes.
    """
    if path.suffix == ".xlsx":
        write_excel(path, table, sheet=sheet[:31])
    else:
        write_text(path, table.to_csv(index=False, date_format="%Y-%m-%d"))
