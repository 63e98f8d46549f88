"""Conditioning of one region: all its raw sources to standard tables that fit each other."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from demand_forecast.conditioning.conditioned import (
    UNREADABLE_COLUMNS,
    ColumnFacts,
    ConditionedRegion,
    Manifest,
)
from demand_forecast.conditioning.layout import Layout, parse_layout
from demand_forecast.conditioning.parameters import ConditioningParameters
from demand_forecast.conditioning.raw import RawSource
from demand_forecast.conditioning.rows import checks
from demand_forecast.conditioning.rows.date_sets import date_report
from demand_forecast.conditioning.rows.draft import SALES, Draft
from demand_forecast.conditioning.rows.joins import check_joins
from demand_forecast.conditioning.rows.negatives import settle_negatives
from demand_forecast.conditioning.rows.parsing import parse_source
from demand_forecast.conditioning.rows.regions import (
    set_other_regions_aside,
    set_sales_elsewhere_aside,
)
from demand_forecast.conditioning.rows.repeats import resolve_repeats
from demand_forecast.conditioning.rows.span import Ids, plausible_span, returned_until
from demand_forecast.conditioning.rows.successors import follow_successors, refuse_splits
from demand_forecast.conditioning.rows.sums_of_others import Gaps
from demand_forecast.conditioning.rows.totals import control_totals, not_read
from demand_forecast.conditioning.rows.validity import (
    check_overlaps,
    choose_valid,
    last_days,
    say_sales_after_end,
)
from demand_forecast.conditioning.rows.zeros import look_at_sales
from demand_forecast.conditioning.tables import TABLES
from demand_forecast.conditioning.weeks import Days, week_end
from demand_forecast.exceptions import ConfigurationError, ContractError, SourceError

_LOGGER = logging.getLogger(__name__)

_DAY, _WEEK = np.timedelta64(1, "D"), np.timedelta64(7, "D")


def condition_region(
    raw: Mapping[str, RawSource | None],
    layout: Mapping[str, object] | Layout,
    region: str,
    store_formats: Sequence[str],
    parameters: ConditioningParameters | None = None,
    previous: ConditionedRegion | None = None,
) -> ConditionedRegion:
    """Condition a region, unless its files and parameters are those of its last version.

    Where the files of a plan, of weather or of events cannot be used, the table of the last version
    stands in for them; it knows most of the weeks to come.

    Args:
        raw: Handles by source; None or no entry for an optional source that is absent.
        layout: How the region delivers its files, as in ``conf/<env>/layouts``.
        region: Name of the region.
        store_formats: The formats that have segments.
        parameters: Parameters of conditioning.
        previous: Its last version; returned as it is where nothing has changed.

    Raises:
        ConfigurationError: If the layout is not valid, or a source it declares has no handle.
        SourceError: If a file cannot be used as a whole.
        ContractError: If a contract is broken, or rows or units are lost.
    """
    layout = parse_layout(region, layout)
    with _naming(layout):
        return _condition(
            raw, layout, region, store_formats, parameters or ConditioningParameters(), previous
        )


@contextmanager
def _naming(layout: Layout) -> Iterator[None]:
    """Errors about files begin with the layout that reads them: several regions may share it."""
    try:
        yield
    except (SourceError, ContractError) as error:
        if not layout.name:
            raise
        raise type(error)(f"layout '{layout.name}', {error}") from error


def _condition(
    raw: Mapping[str, RawSource | None],
    layout: Layout,
    region: str,
    store_formats: Sequence[str],
    parameters: ConditioningParameters,
    previous: ConditionedRegion | None,
) -> ConditionedRegion:
    handles = _present(raw, layout)
    files = {name: handle.digests(layout.sources[name]) for name, handle in handles.items()}
    digest = _digest(files, layout, region, store_formats, parameters)
    if previous is not None and previous.digest == digest:
        return previous
    drafts, kept = _read(handles, layout, region, parameters, previous)
    checked = _check_masters_and_shipments(drafts, layout, region, store_formats, parameters)
    span, gaps = checked.span, checked.gaps
    unclear = _check_others(drafts, layout, region, parameters, span)
    tables = {name: draft.table() for name, draft in drafts.items()} | kept
    _check_size(tables["shipments"], previous, parameters)
    _say_moved_back(span.as_of, previous, parameters)
    quarantine = pd.concat([d.quarantine() for d in drafts.values()], ignore_index=True)
    totals = not_read(control_totals(drafts.values(), tables, quarantine), kept)
    if "returns" in tables:
        tables["returns_unclear"] = unclear
    return ConditionedRegion(
        tables=tables,
        quarantine=quarantine.assign(region=region),
        control_totals=totals.assign(region=region, as_of=str(span.as_of)),
        dates=date_report(d.dates for d in drafts.values()),
        manifest=_manifest(digest, files, layout, region, parameters, span, tables, gaps),
        unreadable=_unreadable(drafts),
        joins=checked.joins,
    )


def _read(
    handles: Mapping[str, RawSource],
    layout: Layout,
    region: str,
    parameters: ConditioningParameters,
    previous: ConditionedRegion | None,
) -> tuple[dict[str, Draft], dict[str, pd.DataFrame]]:
    """Drafts of the sources, and the last tables of those whose files are of no use now."""
    drafts: dict[str, Draft] = {}
    kept: dict[str, pd.DataFrame] = {}
    for name, handle in handles.items():
        spec = layout.sources[name]
        try:
            rows = handle.read(spec, region)
            drafts[name] = parse_source(name, rows, spec, parameters.week_ends_on, layout.units)
        except (SourceError, ContractError) as error:
            if previous is None or name not in previous.tables or not TABLES[name].last_will_do:
                raise
            _LOGGER.warning("region '%s': %s The table of the last run is used.", region, error)
            kept[name] = previous.tables[name]
    return drafts, kept


def _check_size(
    shipments: pd.DataFrame, previous: ConditionedRegion | None, parameters: ConditioningParameters
) -> None:
    """Stop where a region has far fewer shipments than in its last version."""
    if previous is None:
        return
    before = previous.manifest["rows"]["shipments"]
    if len(shipments) < parameters.min_rows_share * before:
        raise SourceError(
            f"region '{previous.region}': {len(shipments):,} rows of shipments are usable, "
            f"{before:,} were in the last run. Files are probably missing or not complete; if that "
            "is right, set conditioning.min_rows_share to 0 for one run."
        )


def _say_moved_back(
    as_of: np.datetime64, previous: ConditionedRegion | None, parameters: ConditioningParameters
) -> None:
    """Tell where the history ends earlier than in the region's last version."""
    if previous is None or parameters.as_of is not None:
        return
    before = previous.manifest["as_of"]
    if as_of < np.datetime64(before, "D"):
        _LOGGER.warning(
            "region '%s': as_of has gone back from %s in the last run to %s. Are the files of the "
            "last weeks missing, or empty?",
            previous.region,
            before,
            as_of,
        )


def _unreadable(drafts: Mapping[str, Draft]) -> pd.DataFrame:
    """Cells that could not be read: one row per source and column."""
    lines = [
        {
            "source": name,
            "column": u.column,
            "cells": u.cells,
            "unreadable": u.count,
            "share_unreadable": u.share,
            "is_blanked": u.is_blanked,
            "examples": json.dumps(u.examples, ensure_ascii=False),
            "hint": u.hint,
        }
        for name, draft in drafts.items()
        for u in draft.unreadable
    ]
    frame = pd.DataFrame(lines, columns=UNREADABLE_COLUMNS)
    return frame.astype(dict.fromkeys(("source", "column", "examples", "hint"), "str"))


def _present(raw: Mapping[str, RawSource | None], layout: Layout) -> dict[str, RawSource]:
    """Handles of the sources that the layout declares and the region has."""
    present: dict[str, RawSource] = {}
    for name, spec in layout.sources.items():
        handle = raw.get(name)
        if handle is None and not spec.optional:
            raise ConfigurationError(
                f"layout '{layout.name}' declares the source '{name}', but no handle was given. "
                f"Given: {sorted(k for k, v in raw.items() if v is not None)}."
            )
        if handle is not None and handle.files(spec):
            present[name] = handle
    return present


def _digest(
    files: dict[str, dict[str, str]],
    layout: Layout,
    region: str,
    store_formats: Sequence[str],
    parameters: ConditioningParameters,
) -> str:
    """SHA-256 over all that decides the result, this package's code included."""
    code = [p.read_text() for p in sorted(Path(__file__).parent.rglob("*.py"))]
    facts = [
        files,
        layout.model_dump(mode="json"),
        region,
        list(store_formats),
        parameters.model_dump(mode="json"),
        hashlib.sha256("".join(code).encode()).hexdigest(),
    ]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


class _Span(NamedTuple):
    """The weeks of a region.

    Attributes:
        first: First week.
        as_of: Last week to look at.
        now: Last complete week.
        shipped: Last week with complete shipments, whatever has come back of them.
        limited_by: Source that is not complete after ``now``.
    """

    first: np.datetime64
    as_of: np.datetime64
    now: np.datetime64
    shipped: np.datetime64
    limited_by: str


class _Checked(NamedTuple):
    """What the checks of masters and shipments have found out."""

    span: _Span
    gaps: Gaps
    joins: pd.DataFrame


def _check_masters_and_shipments(
    drafts: dict[str, Draft],
    layout: Layout,
    region: str,
    store_formats: Sequence[str],
    parameters: ConditioningParameters,
) -> _Checked:
    stores, products, shipments = drafts["stores"], drafts.get("products"), drafts["shipments"]
    set_other_regions_aside(drafts, region)
    checks.check_stores(stores, region, store_formats)
    set_sales_elsewhere_aside(drafts)
    if "successors" in drafts:
        refuse_splits(drafts["successors"], layout.sources["successors"])
        resolve_repeats(drafts["successors"], layout.sources["successors"])
        follow_successors(drafts, _last_known_week(shipments, parameters))
    for master in (stores, products):
        if master is not None:
            resolve_repeats(master, layout.sources[master.source])
    check_overlaps(stores)
    for name in SALES:
        if name in drafts:
            checks.check_references(drafts[name], stores, products)
    for name in ("shipments", "returns"):
        column = layout.sources[name].columns[str(drafts[name].measure)] if name in drafts else None
        if column is not None and column.unit == "cases" and products is not None:
            checks.cases_to_units(drafts[name], products)
    settle_negatives(drafts, layout.sources["shipments"])
    joins = check_joins(drafts, region)
    span = _span(drafts, region, parameters)
    checks.check_weeks(shipments, span.first, span.as_of, span.shipped)
    keys = resolve_repeats(shipments, layout.sources["shipments"])
    gaps = look_at_sales(shipments, keys, layout.sources["shipments"], products is not None)
    if parameters.as_of is None:
        _check_late_rows(shipments, region, parameters, span)
    say_sales_after_end(stores, shipments)
    choose_valid(stores, span.as_of)
    return _Checked(span, gaps, joins)


def _last_known_week(shipments: Draft, parameters: ConditioningParameters) -> np.datetime64:
    if parameters.as_of is not None:
        return _last_week_until(parameters)
    weeks = _weeks_of(shipments)
    if not len(weeks):
        return np.datetime64("NaT", "D")
    return plausible_span(weeks, parameters.complete_share, Ids.of(shipments))[1]


def _weeks_of(draft: Draft) -> Days:
    return draft.frame["week"].to_numpy()[draft.good].astype("datetime64[D]")


def _check_late_rows(
    shipments: Draft, region: str, parameters: ConditioningParameters, span: _Span
) -> None:
    """Say which rows come after the last complete week, and stop where they are too many."""
    late = shipments.is_rejected_for("week_after_as_of")
    if not late.any():
        return
    share = late.sum() / len(late)
    last = shipments.frame.loc[late, "week"].max()
    told = (
        f"region '{region}': as_of is {span.as_of}, the last week with complete "
        f"{span.limited_by}; {late.sum():,} rows of shipments ({share:.1%}) are later, until "
        f"{last:%Y-%m-%d}, and are not used"
    )
    if share > parameters.max_late_share:
        raise SourceError(
            f"{told}. That is more than conditioning.max_late_share ({parameters.max_late_share}). "
            f"If these weeks are complete, set conditioning.as_of to {last:%Y-%m-%d}; if not, the "
            f"files of {span.limited_by} are not."
        )
    _LOGGER.warning("%s.", told)


def _span(drafts: dict[str, Draft], region: str, parameters: ConditioningParameters) -> _Span:
    shipments = drafts["shipments"]
    weeks = _weeks_of(shipments)
    if not len(weeks):
        raise SourceError(f"region '{region}': no row of shipments is usable. {_why(drafts)}")
    first, shipped = plausible_span(
        weeks, parameters.complete_share, Ids.of(shipments), last_days(drafts["stores"])
    )
    now, limited_by = shipped, "shipments"
    if "returns" in drafts:
        returned = returned_until(weeks, _weeks_of(drafts["returns"]), shipped)
        if returned.until < now:
            now, limited_by = returned.until, "returns"
        if returned.silent is not None:
            _say_silent(region, returned.silent, shipped)
    if parameters.as_of is None:
        return _Span(first, now, now, shipped, limited_by)
    as_of = _last_week_until(parameters)
    if as_of < first:
        raise ConfigurationError(
            f"conditioning.as_of is {parameters.as_of}, but region '{region}' starts in {first}."
        )
    return _Span(first, as_of, now, shipped, limited_by)


def _say_silent(region: str, silent: np.datetime64, shipped: np.datetime64) -> None:
    _LOGGER.warning(
        "region '%s': the last returns are of %s, and shipments go on until %s. The weeks between "
        "count as sold out; if their returns are still to come, set conditioning.as_of to %s.",
        region,
        silent,
        shipped,
        silent,
    )


def _why(drafts: Mapping[str, Draft]) -> str:
    """Reasons of the rejected rows of shipments and of the tables that they refer to."""
    told = []
    for name in ("shipments", "stores", "products"):
        if name in drafts and not drafts[name].good.all():
            reasons = pd.Series(drafts[name].reasons()).value_counts().drop("", errors="ignore")
            told.append(f"{name}: {', '.join(f'{n:,} {reason}' for reason, n in reasons.items())}")
    return f"Rejected rows of {'; '.join(told)}." if told else ""


def _last_week_until(parameters: ConditioningParameters) -> np.datetime64:
    """End of the last week that had ended by ``as_of``."""
    six_days_before = np.datetime64(parameters.as_of, "D") - (_WEEK - _DAY)
    week: np.datetime64 = week_end(np.array([six_days_before]), parameters.week_ends_on)[0]
    return week


def _check_others(
    drafts: dict[str, Draft],
    layout: Layout,
    region: str,
    parameters: ConditioningParameters,
    span: _Span,
) -> pd.DataFrame:
    last = max(span.as_of, span.now) + parameters.plan_limit_weeks * _WEEK
    for name in ("promotions", "events"):
        if name in drafts:
            checks.check_plan(drafts[name], last)
    if "events" in drafts:
        checks.check_events(drafts["events"], region)
    if "returns" in drafts:
        checks.check_weeks(drafts["returns"], span.first, span.as_of, span.shipped)
    for name, draft in drafts.items():
        if name not in ("stores", "products", "shipments"):
            resolve_repeats(draft, layout.sources[name])
    if "returns" not in drafts:
        return pd.DataFrame(columns=checks.SALE_KEY)
    return checks.check_returns(drafts["returns"], drafts["shipments"])


def _manifest(
    digest: str,
    files: dict[str, dict[str, str]],
    layout: Layout,
    region: str,
    parameters: ConditioningParameters,
    span: _Span,
    tables: dict[str, pd.DataFrame],
    gaps: Gaps,
) -> Manifest:
    columns: dict[str, dict[str, ColumnFacts]] = {
        source: {
            name: {
                "role": layout.role(source, name),
                "fill": column.fill,
                "kind": column.kind,
            }
            for name, column in layout.sources[source].columns.items()
            if name in tables[source]
        }
        for source in files
    }
    return {
        "digest": digest,
        "region": region,
        "files": files,
        "first_week": str(span.first),
        "as_of": str(span.as_of),
        "complete_until": str(span.now),
        "week_ends_on": parameters.week_ends_on,
        "country": layout.country,
        "subdivision": layout.subdivision,
        "columns": columns,
        "zeros": {
            "no_row_means": layout.sources["shipments"].no_row_means,
            "share_of_zero_rows": round(gaps.zero_rows, 6),
            "share_of_weeks_without_row": round(gaps.weeks_without_row, 6),
        },
        "rows": {name: len(table) for name, table in tables.items()},
    }
