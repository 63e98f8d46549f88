"""Control totals: rows and units that came in are conditioned or quarantined, never lost."""

from __future__ import annotations

import json
from collections.abc import Iterable

import numpy as np
import pandas as pd

from demand_forecast.conditioning.rows.draft import REASONS, Draft, Mask
from demand_forecast.exceptions import ContractError

_TOLERANCE = 1e-6


def control_totals(
    drafts: Iterable[Draft], tables: dict[str, pd.DataFrame], quarantine: pd.DataFrame
) -> pd.DataFrame:
    """Count rows and units of each source on both sides.

    Args:
        drafts: The sources with the verdicts on their rows.
        tables: What is kept of each.
        quarantine: What is not.

    Returns:
        One row per source: ``rows_in`` (those of its files and those moved to it from another
        source), which are ``rows_conditioned`` (rows of the table), ``rows_merged`` (added to one
        of these), ``rows_quarantined`` and ``rows_set_aside`` (not wrong, but no part of the
        table); the same for ``units`` (in the file's own unit; those of merged rows are
        conditioned), ``units_standard`` (conditioned, single units), ``share_quarantined``
        (of the rows that are not set aside and of no other region), and rows by reason as JSON
        text: ``reasons`` of those in quarantine, ``set_aside`` of the others.
        ``rows_units_unknown`` counts rows whose units cannot be read, so that no sum has them,
        ``cells_blanked`` cells that could not be read in rows that stay, and ``remarks`` texts
        beside a row, which are left out.

    Raises:
        ContractError: If rows or units are lost.
    """
    totals = pd.DataFrame([_count(d, tables[d.source], quarantine) for d in drafts])
    for _, total in totals.iterrows():
        _check(total)
    return totals


def not_read(totals: pd.DataFrame, sources: Iterable[str]) -> pd.DataFrame:
    """Control totals with a row of zeros for each source whose files could not be used."""
    numbers = dict.fromkeys(totals.select_dtypes("number"), 0)
    zeros = [{"source": s, "reasons": "{}", "set_aside": "{}"} | numbers for s in sources]
    return pd.concat([totals, pd.DataFrame(zeros)], ignore_index=True) if zeros else totals


def _count(
    draft: Draft, table: pd.DataFrame, quarantine: pd.DataFrame
) -> dict[str, str | int | float]:
    mine = quarantine[quarantine["source"] == draft.source]
    left_out = _by_layout(draft)
    rows_in = len(draft.raw) + len(draft.raw.malformed) + sum(left_out.values())
    kept, aside = draft.good | draft.merged, draft.aside
    rows_aside = int(aside.sum()) + sum(left_out.values())
    expected = float(np.nansum((draft.raw_units * draft.pack_size)[kept]))
    elsewhere = int((mine["reason"] == "other_region").sum())
    ours = rows_in - elsewhere - rows_aside
    return {
        "source": draft.source,
        "rows_in": rows_in,
        "rows_conditioned": len(table),
        "rows_merged": int(draft.merged.sum()),
        "rows_quarantined": len(mine),
        "rows_set_aside": rows_aside,
        "units_in": float(np.nansum(draft.raw_units)),
        "units_conditioned": float(np.nansum(draft.raw_units[kept])),
        "units_quarantined": float(np.nansum(draft.raw_units[~(kept | aside)])),
        "units_set_aside": float(np.nansum(draft.raw_units[aside])),
        "units_expected": expected,
        "units_standard": float(table[draft.measure].sum()) if draft.measure else 0.0,
        "rows_units_unknown": _unknown(draft),
        "cells_blanked": sum(u.count for u in draft.unreadable if u.is_blanked),
        "share_quarantined": (len(mine) - elsewhere) / max(ours, 1),
        "reasons": json.dumps(mine["reason"].value_counts().sort_index().to_dict()),
        "set_aside": json.dumps(_by_reason(draft, aside) | left_out),
        "remarks": len(draft.raw.notes),
    }


def _unknown(draft: Draft) -> int:
    """Rows whose units nobody knows; those that are no rows are among them."""
    if draft.measure is None:
        return 0
    return int(np.isnan(draft.raw_units).sum()) + len(draft.raw.malformed)


def _by_layout(draft: Draft) -> dict[str, int]:
    """Rows that the layout leaves out, by reason; nobody looks at their units."""
    counts = draft.raw.set_aside.groupby("reason")["rows"].sum()
    return {str(reason): int(count) for reason, count in counts.items()}


def _by_reason(draft: Draft, rows: Mask) -> dict[str, int]:
    codes, counts = np.unique(draft.reason[rows], return_counts=True)
    return {REASONS[code]: int(count) for code, count in zip(codes, counts, strict=True)}


def _check(total: pd.Series) -> None:
    gone = total["rows_merged"] + total["rows_quarantined"] + total["rows_set_aside"]
    if total["rows_in"] != total["rows_conditioned"] + gone:
        raise ContractError(
            f"source '{total['source']}': {total['rows_in']} rows came in, "
            f"{total['rows_conditioned']} are conditioned, {total['rows_quarantined']} "
            f"quarantined, {total['rows_merged']} added to others and {total['rows_set_aside']} "
            "set aside."
        )
    out = total["units_conditioned"] + total["units_quarantined"] + total["units_set_aside"]
    for came, went in (
        (total["units_in"], out),
        (total["units_expected"], total["units_standard"]),
    ):
        if not np.isclose(came, went, rtol=_TOLERANCE, atol=_TOLERANCE):
            raise ContractError(
                f"source '{total['source']}': {came:,.2f} units came in, {went:,.2f} are left."
            )
