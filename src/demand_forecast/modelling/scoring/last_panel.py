"""The last good panel of a segment, which it is scored on where there are no new data."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

import pandas as pd

from demand_forecast.exceptions import ContractError
from demand_forecast.modelling.lifecycle.versions import Versions
from demand_forecast.modelling.panel import Panel

_DAYS = 7


class LastPanel(NamedTuple):
    """A panel of an earlier run.

    Attributes:
        panel: As it was stored.
        weeks: How many weeks have ended since; forecasts of them come too late.
        reason: What it is and why it stands in, for each row that is made from it.
    """

    panel: Panel
    weeks: int
    reason: str

    def coming(self, table: pd.DataFrame) -> pd.DataFrame:
        """The rows of a forecast, or of its explanations, that are of weeks that have not ended."""
        return table[table["horizon"] > self.weeks].reset_index(drop=True)

    def mark(self, forecast: pd.DataFrame) -> pd.DataFrame:
        """A forecast with ``reason`` in each row, after that for which it is not the champion's."""
        before = forecast["reason"].where(forecast["reason"] == "", forecast["reason"] + "; ")
        return forecast.assign(reason=before + self.reason)


def last_panel(
    past: Versions[Panel], why: str, *, today: date, limit: int, horizon: int
) -> LastPanel:
    """The newest stored panel of a segment, if forecasts from it are of any use today.

    Args:
        past: How to load each stored version of it, by the stamp of its run.
        why: Why there is no new one.
        today: By the calendar.
        limit: Weeks that may have ended since it was stored.
        horizon: Weeks ahead that are forecast from it.

    Raises:
        ContractError: If there is none, or too many weeks have ended since.
    """
    if not past:
        raise ContractError(f"no forecast: no earlier run has left a panel, and {why}")
    stamp = max(past)
    panel, read = past[stamp](), date.fromisoformat(stamp[:10])
    weeks = _complete(panel, today) - _complete(panel, read)
    if weeks > min(limit, horizon - 1):
        raise ContractError(
            f"no forecast: the last panel is of {read}, and {weeks} weeks have ended since "
            f"(scoring.last_panel_weeks: {limit}, forecast.horizon: {horizon}). No new one: {why}"
        )
    reason = f"on the last panel, with data until {panel.as_of:%Y-%m-%d}, read on {read}: {why}"
    return LastPanel(panel, weeks, reason)


def _complete(panel: Panel, day: date) -> int:
    """How many weeks after the panel's last one were complete on a day."""
    return ((day - panel.as_of.date()).days - 1) // _DAYS
