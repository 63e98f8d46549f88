"""How much forecasts of the same weeks differ from one run to the next."""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import pandas as pd

from demand_forecast.modelling.columns import BRANCH
from demand_forecast.modelling.panel import KEY

STABILITY_COLUMNS: Final = [
    "region",
    "store_format",
    "velocity",
    "as_of",
    "previous_as_of",
    "rows",
    "changed",
    "bias",
    "other_model",
]
_SERIES: Final = [*BRANCH, *KEY, "week"]


def stability_table(forecasts: pd.DataFrame) -> pd.DataFrame:
    """Compare each run's forecasts with those of the same weeks in the run before.

    Args:
        forecasts: Past forecast tables of a segment, joined, the oldest first; may be empty. Of two
            runs from the same ``as_of`` the later counts.

    Returns:
        ``STABILITY_COLUMNS``, by velocity and ``as_of``: ``changed`` is the sum of absolute
        differences of the means, ``bias`` that of signed ones, both in per cent of the units
        forecast before; ``other_model`` whether another version or kind of model made them.
    """
    if forecasts.empty:
        return pd.DataFrame(columns=STABILITY_COLUMNS)
    last = forecasts.drop_duplicates([*_SERIES, "as_of"], keep="last")
    made = last.assign(by=last["model_name"] + " " + last["model_version"].astype(str))
    runs = [rows for _, rows in made.groupby("as_of")]
    parts = [_compare(before, after) for before, after in pairwise(runs)]
    compared = [part for part in parts if len(part)]
    if not compared:
        return pd.DataFrame(columns=STABILITY_COLUMNS)
    return pd.concat(compared, ignore_index=True)


def _compare(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    columns = [*_SERIES, "as_of", "mean", "by"]
    both = after[columns].merge(before[columns], on=_SERIES, suffixes=("", "_before"))
    change = both["mean"] - both["mean_before"]
    measured = both.assign(
        absolute=change.abs(), signed=change, other=both["by"] != both["by_before"]
    )
    groups = measured.groupby(_SERIES[:3], as_index=False).agg(
        as_of=("as_of", "first"),
        previous_as_of=("as_of_before", "first"),
        rows=("mean", "size"),
        absolute=("absolute", "sum"),
        signed=("signed", "sum"),
        units=("mean_before", "sum"),
        other_model=("other", "any"),
    )
    units = groups["units"].where(groups["units"] > 0)
    figures = {"changed": 100 * groups["absolute"] / units, "bias": 100 * groups["signed"] / units}
    return groups.assign(**figures)[STABILITY_COLUMNS]
