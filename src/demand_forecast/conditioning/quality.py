"""What a person asks about a region's data: rows, units, reasons, weeks, and the runs before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
import pandas as pd

from demand_forecast.conditioning.conditioned import ConditionedRegion
from demand_forecast.conditioning.rows.draft import cells_of

_RUNS: Final = 12
_NOTABLE: Final = 0.2  # change against the last run from which on a figure is marked
_COUNTS: Final = (
    "rows_in",
    "rows_conditioned",
    "rows_quarantined",
    "rows_merged",
    "rows_set_aside",
    "rows_units_unknown",
)
_SALES: Final = {"shipments": "units_shipped", "returns": "units_returned"}


class SourceFigures(NamedTuple):
    """Figures of one source.

    Attributes:
        source: Its name.
        files: Number of its files.
        rows_in: Rows that came in.
        rows_conditioned: Rows of the standard table.
        rows_quarantined: Rows that were rejected.
        rows_merged: Rows that were added to another one of the same key.
        rows_set_aside: Rows of others, such as another region.
        rows_units_unknown: Rejected rows whose units nobody can tell.
        share: Share of the rows that were rejected.
        units: Conditioned units, None where the source has none.
        change: Change of the rows against the last run, as a share; None for the first run.
        history: Rows of the last runs, the oldest first, this one included.
    """

    source: str
    files: int
    rows_in: int
    rows_conditioned: int
    rows_quarantined: int
    rows_merged: int
    rows_set_aside: int
    rows_units_unknown: int
    share: float
    units: float | None
    change: float | None
    history: tuple[int, ...]

    @property
    def is_notable(self) -> bool:
        """Whether the rows are far more or fewer than in the last run."""
        return self.change is not None and abs(self.change) > _NOTABLE


class Reason(NamedTuple):
    """Rejected rows of one source and reason, with an example."""

    source: str
    reason: str
    rows: int
    example: str


class WeeklyFigures(NamedTuple):
    """Rows and units of a source by week, from the first of the history to ``as_of``."""

    source: str
    weeks: tuple[str, ...]
    rows: tuple[int, ...]
    units: tuple[float, ...]


class Quality(NamedTuple):
    """All that the page shows.

    Attributes:
        region: Name of the region.
        first_week: First week of the history.
        as_of: Last week of the history.
        week_ends_on: Day that labels a week.
        digest: First digits of the digest of files, layout and code.
        sources: Figures by source.
        reasons: Rejected rows, the most frequent reason first.
        weekly: Rows and units by week, of shipments and returns.
        dates: Range and weekday of the dates by source, file and column; no rows where the region
            does not hold them.
        unreadable: Columns with cells that could not be read.
        joins: Lookups that miss something.
        runs: Number of earlier runs that are compared.
    """

    region: str
    first_week: str
    as_of: str
    week_ends_on: str
    digest: str
    sources: tuple[SourceFigures, ...]
    reasons: tuple[Reason, ...]
    weekly: tuple[WeeklyFigures, ...]
    dates: pd.DataFrame
    unreadable: pd.DataFrame
    joins: pd.DataFrame
    runs: int


def assess(region: ConditionedRegion, past: Sequence[pd.DataFrame]) -> Quality:
    """Collect the figures of a region.

    Args:
        region: As it was conditioned.
        past: Control totals of earlier runs, the oldest first.
    """
    past = list(past)[-_RUNS:]
    totals = region.control_totals
    files = region.manifest["files"]
    sources = [_figures(row, files, past) for _, row in totals.iterrows()]
    return Quality(
        region=region.region,
        first_week=region.manifest["first_week"],
        as_of=region.manifest["as_of"],
        week_ends_on=region.manifest["week_ends_on"],
        digest=region.digest[:12],
        sources=tuple(sources),
        reasons=tuple(_reasons(region.quarantine)),
        weekly=tuple(_weekly(region, s, m) for s, m in _SALES.items() if s in region.tables),
        dates=region.dates,
        unreadable=region.unreadable,
        joins=region.joins,
        runs=len(past),
    )


def _figures(
    row: pd.Series, files: Mapping[str, object], past: Sequence[pd.DataFrame]
) -> SourceFigures:
    source = str(row["source"])
    rows = {name: int(row[name]) for name in _COUNTS}
    before = [int(t.loc[t["source"] == source, "rows_in"].sum()) for t in past]
    units = float(str(row["units_standard"]))
    names = files.get(source)
    return SourceFigures(
        source=source,
        files=len(names) if isinstance(names, Mapping) else 0,
        **rows,
        share=rows["rows_quarantined"] / max(rows["rows_in"], 1),
        units=units if source in _SALES else None,
        change=rows["rows_in"] / before[-1] - 1 if before and before[-1] else None,
        history=(*before, rows["rows_in"]),
    )


def _reasons(quarantine: pd.DataFrame) -> list[Reason]:
    reasons = []
    for (source, reason), rows in quarantine.groupby(["source", "reason"], sort=False):
        first = rows.iloc[0]
        example = f"{first['file']}, row {first['row']}: {cells_of(first['record'])}"
        reasons.append(Reason(str(source), str(reason).replace("_", " "), len(rows), example))
    return sorted(reasons, key=lambda r: -r.rows)


def _weekly(region: ConditionedRegion, source: str, measure: str) -> WeeklyFigures:
    table = region.tables[source]
    weeks = pd.date_range(region.manifest["first_week"], region.manifest["as_of"], freq="7D")
    by_week = table.groupby("week")[measure].agg(["size", "sum"]).reindex(weeks, fill_value=0)
    return WeeklyFigures(
        source=source,
        weeks=tuple(str(w.date()) for w in weeks),
        rows=tuple(int(n) for n in by_week["size"]),
        units=tuple(float(n) for n in np.nan_to_num(by_week["sum"])),
    )
