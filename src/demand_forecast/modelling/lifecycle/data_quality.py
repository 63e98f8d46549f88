"""Data quality of a region from run to run, from the control totals that each has left."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import pandas as pd

QUALITY_COLUMNS: Final = [
    "region",
    "run",
    "as_of",
    "source",
    "rows_in",
    "rows_conditioned",
    "rows_quarantined",
    "rows_set_aside",
    "cells_blanked",
    "share_quarantined",
    "units_standard",
    "reasons",
]


def quality_over_time(past: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Control totals of the runs, one row per run and source.

    Args:
        past: Control totals by the stamp of their run, at least one.

    Returns:
        ``QUALITY_COLUMNS``, the oldest run first; ``share_quarantined`` in per cent.
    """
    runs = [totals.assign(run=run) for run, totals in sorted(past.items())]
    table = pd.concat(runs, ignore_index=True)
    share = 100 * table["rows_quarantined"] / table["rows_in"].clip(lower=1)
    return table.assign(share_quarantined=share)[QUALITY_COLUMNS]
