"""What a layout makes of a region's files: how each column is read, what is lost, what joins."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
import pandas as pd

from demand_forecast.conditioning.conditioned import ConditionedRegion
from demand_forecast.conditioning.layout import Column, Layout, SourceLayout
from demand_forecast.conditioning.panel import build_panel
from demand_forecast.conditioning.parameters import ConditioningParameters
from demand_forecast.conditioning.raw import RawSource, RawTable
from demand_forecast.conditioning.region import condition_region
from demand_forecast.conditioning.rows.draft import Draft, cells_of
from demand_forecast.conditioning.rows.joins import Join, distinct
from demand_forecast.conditioning.rows.parsing import parse_source
from demand_forecast.conditioning.tables import TABLES
from demand_forecast.exceptions import DemandForecastError
from demand_forecast.modelling.features.plans.plan import plans_of
from demand_forecast.modelling.panel import Panel

_EXAMPLES: Final = 3


@dataclass(frozen=True)
class ColumnCheck:
    """How one column is read.

    Attributes:
        name: Standard column.
        origin: Header or rule that it comes from.
        how: Type, format, unit and map, as the layout says.
        examples: Raw texts with what is made of them.
    """

    name: str
    origin: str
    how: str
    examples: tuple[str, ...]


@dataclass(frozen=True)
class SourceCheck:
    """How one source is read.

    Attributes:
        source: Name of the standard table.
        files: Names of its files.
        rows: Rows that were read.
        columns: How each column is read.
        before: First rows as they stand in the file.
        after: The same rows, conditioned as far as that takes no other source.
        dates: Range and weekday of the dates, by file and column.
        rejected: Rows by reason, each with an example.
    """

    source: str
    files: tuple[str, ...]
    rows: int
    columns: tuple[ColumnCheck, ...]
    before: pd.DataFrame
    after: pd.DataFrame
    dates: pd.DataFrame
    rejected: Mapping[str, tuple[int, str]]


@dataclass(frozen=True)
class Use:
    """What a model makes of one covariate.

    Attributes:
        name: Name of the covariate.
        source: Where it comes from.
        role: What it is for a model.
        kind: What kind of plan it is.
        remark: When it begins or ends late, or why it is not used.
    """

    name: str
    source: str
    role: str
    kind: str
    remark: str = ""


@dataclass
class RegionCheck:
    """What became of a region.

    Attributes:
        region: Its name.
        sources: Checks of the sources that could be read.
        joins: Joins between sources.
        uses: Covariates.
        facts: Lines about the history: its weeks, zeros, empty weeks.
        errors: What would stop a run.
        is_sampled: Whether only a part of the rows was looked at.
    """

    region: str
    sources: list[SourceCheck] = field(default_factory=list)
    joins: list[Join] = field(default_factory=list)
    uses: list[Use] = field(default_factory=list)
    facts: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    is_sampled: bool = False


def check_region(
    raw: Mapping[str, RawSource | None],
    layout: Layout,
    region: str,
    store_formats: Sequence[str],
    parameters: ConditioningParameters,
    max_rows: int = 500_000,
) -> RegionCheck:
    """Read a region by its layout and say what is made of it; nothing is written.

    Args:
        raw: Handles by source; none for an optional source that is absent.
        layout: How the region delivers its files.
        region: Name of the region.
        store_formats: The formats that have segments.
        parameters: Parameters of conditioning.
        max_rows: Of a source with more rows, only so many are looked at, evenly taken, and the
            region as a whole is not conditioned.
    """
    check = RegionCheck(region)
    drafts: dict[str, Draft] = {}
    for source, spec in layout.sources.items():
        try:
            table = _read(raw.get(source), spec, region)
        except DemandForecastError as error:
            check.errors.append(str(error))
            continue
        if table is not None:
            part = _sample(table, max_rows)
            check.is_sampled |= len(part) < len(table)
            _add_source(check, drafts, source, part, layout, parameters)
    check.joins = list(_joins(drafts))
    if not check.errors and not check.is_sampled:
        _condition(check, raw, layout, store_formats, parameters)
    return check


def _read(handle: RawSource | None, spec: SourceLayout, region: str) -> RawTable | None:
    """Rows of a source; None for an optional one that is absent."""
    if handle is None or (spec.optional and not handle.files(spec)):
        return None
    return handle.read(spec, region)


def _sample(table: RawTable, max_rows: int) -> RawTable:
    step = max(1, -(-len(table) // max_rows))
    if step == 1:
        return table
    return replace(
        table,
        frame=table.frame.iloc[::step].reset_index(drop=True),
        file=table.file[::step],
        row=table.row[::step],
    )


def _add_source(
    check: RegionCheck,
    drafts: dict[str, Draft],
    source: str,
    table: RawTable,
    layout: Layout,
    parameters: ConditioningParameters,
) -> None:
    spec = layout.sources[source]
    try:
        draft = parse_source(source, table, spec, parameters.week_ends_on, layout.units)
    except DemandForecastError as error:
        check.errors.append(str(error))
        return
    drafts[source] = draft
    check.sources.append(_check_source(draft, spec, parameters))


def _check_source(
    draft: Draft, spec: SourceLayout, parameters: ConditioningParameters
) -> SourceCheck:
    shown = np.flatnonzero(draft.good)[:_EXAMPLES]
    if not len(shown):
        shown = np.arange(min(_EXAMPLES, len(draft.raw)))
    columns = [
        _check_column(draft, name, column, spec, parameters)
        for name, column in spec.columns.items()
        if name in draft.frame
    ]
    return SourceCheck(
        source=draft.source,
        files=tuple(dict.fromkeys(str(f) for f in draft.raw.file)),
        rows=len(draft.raw) + len(draft.raw.malformed),
        columns=tuple(columns),
        before=draft.raw.frame.iloc[shown],
        after=draft.frame.iloc[shown],
        dates=draft.dates,
        rejected=_rejected(draft.quarantine()),
    )


def _rejected(quarantine: pd.DataFrame) -> dict[str, tuple[int, str]]:
    """Rows by reason, the most frequent first, each with an example."""
    rejected: dict[str, tuple[int, str]] = {}
    for reason in quarantine["reason"].value_counts().index:
        rows = quarantine[quarantine["reason"] == reason]
        first = rows.iloc[0]
        where = f"{first['file']}, row {first['row']}"
        column = f" ({first['detail']})" if first["detail"] else ""
        rejected[str(reason)] = (len(rows), f"{where}{column}: {cells_of(first['record'])}")
    return rejected


def _check_column(
    draft: Draft,
    name: str,
    column: Column,
    spec: SourceLayout,
    parameters: ConditioningParameters,
) -> ColumnCheck:
    values = draft.frame[name]
    text = draft.raw.frame.get(column.from_) if column.from_ else None
    if text is None:
        examples = [as_word(v) for v in values.dropna().unique()[:_EXAMPLES]]
    else:
        pairs = pd.DataFrame({"raw": text, "value": values}).dropna(subset=["raw"])
        pairs = pairs.drop_duplicates("raw")[:_EXAMPLES]
        examples = [
            f"{r} -> {as_word(v)}" for r, v in zip(pairs["raw"], pairs["value"], strict=True)
        ]
    kind = TABLES[draft.source].kind(name, column.type)
    return ColumnCheck(name, origin(column), _how(column, kind, spec, parameters), tuple(examples))


def origin(column: Column) -> str:
    """Where a column comes from, in a few words."""
    rules = {
        "constant": column.constant,
        "pick": column.pick,
        "compose": column.compose,
        "compute": column.compute,
    }
    rule = next((f"{key}: {value}" for key, value in rules.items() if value is not None), "")
    return column.from_ if column.from_ is not None else rule


def as_word(value: object) -> str:
    """A value as a table shows it."""
    if value is None or value is pd.NaT or (isinstance(value, float) and np.isnan(value)):
        return "(empty)"
    if isinstance(value, pd.Timestamp | np.datetime64):
        return str(pd.Timestamp(value).date())
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _how(column: Column, kind: str, spec: SourceLayout, parameters: ConditioningParameters) -> str:
    said = [kind]
    if kind in ("date", "week"):
        said.append(column.date_format or "ISO 8601")
        if column.week_number_since is not None:
            said[-1] = f"week 1 begins on {column.week_number_since}"
    if kind == "week":
        said.append(f"{column.week_is} of the week, to {parameters.week_ends_on}")
    if kind == "number" and spec.read.decimal != ".":
        said.append(f"decimal '{spec.read.decimal}'")
    said += [f"in {column.unit}"] if column.unit else []
    said += [f"map of {len(column.map)}"] if column.map else []
    return ", ".join(said)


_JOINS: Final = (
    ("shipments", "store_id", "stores"),
    ("shipments", "product_id", "products"),
    ("returns", "store_id", "stores"),
    ("returns", "product_id", "products"),
    ("promotions", "store_id", "stores"),
    ("promotions", "product_id", "products"),
    ("stores", "store_id", "shipments"),
    ("products", "product_id", "shipments"),
    ("stores", "zip_code", "weather_observed"),
    ("stores", "zip_code", "weather_forecast"),
)


def _joins(drafts: Mapping[str, Draft]) -> Iterable[Join]:
    for left, column, right in _JOINS:
        both = [drafts[s] for s in (left, right) if s in drafts]
        if len(both) == len((left, right)) and all(column in d.frame for d in both):
            yield _join(left, right, column, drafts)


def _join(left: str, right: str, column: str, drafts: Mapping[str, Draft]) -> Join:
    mine, theirs = (distinct(drafts[source].frame[column]) for source in (left, right))
    return Join(f"{left}.{column}", f"{right}.{column}", mine, theirs)


def _condition(
    check: RegionCheck,
    raw: Mapping[str, RawSource | None],
    layout: Layout,
    store_formats: Sequence[str],
    parameters: ConditioningParameters,
) -> None:
    """The region as a run would make it; what stops it is an error."""
    try:
        region = condition_region(raw, layout, check.region, store_formats, parameters)
        formats = [f for f in store_formats if f in set(region.tables["stores"]["store_format"])]
        panels = [build_panel(region, f, parameters) for f in formats]
    except DemandForecastError as error:
        check.errors.append(str(error))
        return
    check.sources = [_with_reasons(s, region.quarantine) for s in check.sources]
    check.facts = _facts(region, panels, store_formats)
    check.uses = list(_uses(region, panels))


def _with_reasons(source: SourceCheck, quarantine: pd.DataFrame) -> SourceCheck:
    mine = quarantine[quarantine["source"] == source.source]
    return SourceCheck(**{**vars(source), "rejected": _rejected(mine)})


def _facts(
    region: ConditionedRegion, panels: Sequence[Panel], store_formats: Sequence[str]
) -> list[str]:
    units = np.concatenate([p.delivered.ravel() for p in panels])
    filled = np.isfinite(units)
    lines = [
        f"history: {region.manifest['first_week']} to {region.manifest['as_of']} (as_of)",
        f"series: {sum(p.n_series for p in panels):,}; weeks with a row: {filled.mean():.1%}; "
        f"of these with zero units: {(units[filled] == 0).mean():.1%}",
    ]
    empty = [f for f in store_formats if f not in {p.store_format for p in panels}]
    if empty:
        lines.append(f"no store is of the format {', '.join(empty)}")
    return lines


def _uses(region: ConditionedRegion, panels: Sequence[Panel]) -> Iterable[Use]:
    plans = {p.name: p.kind for panel in panels for p in plans_of(panel)}
    for source, columns in region.manifest["columns"].items():
        for name, facts in columns.items():
            role = facts["role"]
            if role is None:
                continue
            planned = role == "known_future"
            kind = plans.get(name, "left out: it never varies") if planned else ""
            yield Use(name, source, role, kind, _reach(region, source, name) if planned else "")


def _reach(region: ConditionedRegion, source: str, name: str) -> str:
    """Whether a plan begins after the history or ends with it."""
    table = region.tables[source]
    weeks = table.loc[table[name].notna(), "week"]
    if weeks.empty:
        return "empty"
    first, last = weeks.min(), weeks.max()
    late = (first - pd.Timestamp(region.first_week)).days // 7
    remarks = [f"begins on {first.date()}, {late} weeks after the history"] if late > 0 else []
    ahead = (last - region.as_of).days // 7
    if ahead <= 0:
        ends = "with the history" if ahead == 0 else f"{-ahead} weeks before the history"
        remarks.append(f"ends {ends}: no forecast knows it")
    return "; ".join(remarks) or f"known {ahead} weeks ahead"
