"""What facts refer to, as rows of the dimension tables."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, Final

import numpy as np
import pandas as pd

from demand_forecast.conditioning.conditioned import ConditionedRegion
from demand_forecast.conditioning.panel.events import public_holidays
from demand_forecast.conditioning.weeks import Days, week_end
from demand_forecast.results_store.schema import MODELS, PRODUCTS, STORES, WEEKS

Dimensions = dict[str, pd.DataFrame]
_AHEAD: Final = 53  # weeks after the history that the calendar holds
_ATTRIBUTES: Final = "attributes"


def of_region(conditioned: ConditionedRegion, layout: Mapping[str, Any]) -> Dimensions:
    """Stores, products and weeks of a region.

    Args:
        conditioned: The region.
        layout: How its files look; may have a fiscal calendar.
    """
    return {
        STORES.name: stores(conditioned),
        PRODUCTS.name: products(conditioned),
        WEEKS.name: weeks(conditioned, fiscal_starts(layout)),
    }


def stores(conditioned: ConditionedRegion) -> pd.DataFrame:
    """One row per store: of one that has reopened, the last row of its file."""
    table = conditioned.tables["stores"]
    if "valid_from" in table:
        table = table.sort_values("valid_from", na_position="first", kind="stable")
    table = table.drop_duplicates("store_id", keep="last").reset_index(drop=True)
    if "valid_until" in table:
        is_closed = table["valid_until"] < conditioned.as_of
    else:
        is_closed = pd.Series(False, index=table.index)
    own = ["store_id", "store_format", "zip_code"]
    rows = table.reindex(columns=own).astype(object)
    extra = _json(table.drop(columns=[*own, "region"], errors="ignore"))
    return rows.assign(region=conditioned.region, is_closed=is_closed, attributes=extra)


def products(conditioned: ConditionedRegion) -> pd.DataFrame:
    """One row per product, also of those that were delivered and are in no list."""
    delivered = conditioned.tables["shipments"]["product_id"].unique()
    listed = conditioned.tables.get("products", pd.DataFrame({"product_id": []}, dtype=object))
    ids = sorted({*map(str, delivered), *map(str, listed["product_id"])})
    table = listed.set_index("product_id").reindex(ids).rename_axis("product_id").reset_index()
    own = [column.name for column in PRODUCTS.columns if column.name not in ("region", _ATTRIBUTES)]
    extra = _json(table.drop(columns=own, errors="ignore"))
    return table.reindex(columns=own).assign(region=conditioned.region, attributes=extra)


def weeks(conditioned: ConditionedRegion, starts: Mapping[int, pd.Timestamp]) -> pd.DataFrame:
    """The calendar of a region, from its first week to a year after its last one.

    Args:
        conditioned: The region.
        starts: First day of each fiscal year; may be empty.
    """
    last = conditioned.as_of + pd.Timedelta(weeks=_AHEAD)
    days = pd.date_range(conditioned.manifest["first_week"], last, freq="7D")
    iso, fiscal = days.isocalendar(), [_fiscal(day, starts) for day in days]
    table = {
        "region": conditioned.region,
        "week": days,
        "year": days.year,
        "quarter": days.quarter,
        "month": days.month,
        "iso_year": iso["year"].to_numpy(),
        "iso_week": iso["week"].to_numpy(),
        "fiscal_year": pd.array([year for year, _ in fiscal], "Int64"),
        "fiscal_week": pd.array([week for _, week in fiscal], "Int64"),
        "holidays": _holidays(conditioned, days.to_numpy("datetime64[D]")),
        "events": _named(days, *_events(conditioned)),
    }
    return pd.DataFrame(table)


def fiscal_starts(layout: Mapping[str, Any]) -> dict[int, pd.Timestamp]:
    """First days of the fiscal years that a layout names for a column, if it names any."""
    sources = layout.get("sources", {}).values()
    columns = (c for source in sources for c in (source.get("columns") or {}).values())
    for column in columns:
        if isinstance(column, Mapping) and column.get("fiscal"):
            starts = column["fiscal"]["year_starts"]
            return {int(year): pd.Timestamp(str(day)) for year, day in starts.items()}
    return {}


def models(versions: pd.DataFrame | None) -> Dimensions:
    """All registered models of a segment.

    Args:
        versions: See :class:`demand_forecast.registry.model_versions.ModelVersionsDataset`.
    """
    return {} if versions is None or versions.empty else {MODELS.name: versions}


def _fiscal(
    week: pd.Timestamp, starts: Mapping[int, pd.Timestamp]
) -> tuple[int, int] | tuple[None, None]:
    """Fiscal year and week of a week by its last day; nothing before the first known year."""
    begun = [(start, year) for year, start in starts.items() if start <= week]
    if not begun:
        return None, None
    start, year = max(begun)
    number = (week - start).days // 7 + 1
    return (year, number) if number <= _AHEAD else (None, None)


def _holidays(conditioned: ConditionedRegion, days: Days) -> list[str | None]:
    country = conditioned.manifest["country"]
    if country is None:
        return [None] * len(days)
    dates, names = public_holidays(country, conditioned.manifest["subdivision"], days)
    ends = week_end(dates, conditioned.manifest["week_ends_on"])
    return _named(pd.DatetimeIndex(days), ends, [str(name).replace("_", " ") for name in names])


def _events(conditioned: ConditionedRegion) -> tuple[Iterable[Any], Iterable[str]]:
    if "events" not in conditioned.tables:
        return [], []
    events = conditioned.tables["events"]
    names = events["name"] if "name" in events else events["kind"]
    return events["week"], names.fillna(events["kind"]).astype(str)


def _named(days: pd.DatetimeIndex, at: Iterable[Any], names: Iterable[str]) -> list[str | None]:
    """Names by week, joined; None where there is none."""
    by_day: defaultdict[pd.Timestamp, set[str]] = defaultdict(set)
    for day, name in zip(at, names, strict=True):
        by_day[pd.Timestamp(day)].add(name)
    return [", ".join(sorted(by_day[day])) or None if day in by_day else None for day in days]


def _json(table: pd.DataFrame) -> pd.Series[Any]:
    """Each row as JSON without what is unknown; None where nothing is known."""
    rows = table.astype(object).where(table.notna(), None).to_dict("records")
    filled = [{k: v for k, v in row.items() if v is not None} for row in rows]
    texts = [json.dumps(row, default=_plain) if row else None for row in filled]
    return pd.Series(texts, index=table.index, dtype=object)


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else str(value)
