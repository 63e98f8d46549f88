"""Columns that many tables have, and how it is said that one is missing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import pandas as pd

from demand_forecast.exceptions import ContractError, did_you_mean

BRANCH: Final = ["region", "store_format", "velocity"]  # what one ensemble is trained for


def require_columns(frame: pd.DataFrame, columns: Iterable[str]) -> None:
    """Refuse a table that lacks one of some columns.

    Raises:
        ContractError: With the name of the first, and what was perhaps meant.
    """
    for column in columns:
        if column not in frame.columns:
            raise ContractError(
                f"Column '{column}' is missing. {did_you_mean(column, frame.columns)}"
            )
