"""Tables as people read them: titles with units, and a button that downloads what is shown."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import Any, Final

import pandas as pd
import streamlit as st

from demand_forecast.dashboard.frame import spaced
from demand_forecast.results_store.measures import UNITS
from demand_forecast.results_store.schema import PARTS

_WHOLE, _ONE, _TWO = "localized", "%.1f", "%.2f"

_DAY: Final = "YYYY-MM-DD"
_MOMENT: Final = "YYYY-MM-DD HH:mm"
MEASURES: Final = {
    "mape": "MAPE",
    "rmse_zero": "RMSE where actual is 0",
    "rmse": "RMSE of all",
    "wape_median": "WAPE",
    "bias": "Bias",
    "coverage_80": "80 % interval covers",
    "coverage_95": "95 % interval covers",
}
# Title and format of a column, wherever it appears.
_NUMBERS: Final[dict[str, tuple[str, str]]] = {
    **{name: (f"{title}, {UNITS[name]}", _ONE) for name, title in MEASURES.items()},
    **{name: (f"{name.replace('_', ' ').capitalize()}, units", "%+.1f") for name in PARTS},
    "seconds": ("Work, s", _ONE),
    "longest": ("Longest, s", _ONE),
    "duration": ("Took, s", _ONE),
    "forecasts": ("Forecasts", _WHOLE),
    "rows": ("Rows", _WHOLE),
    "rows_in": ("Rows in", _WHOLE),
    "rows_conditioned": ("Rows conditioned", _WHOLE),
    "rows_merged": ("Rows merged", _WHOLE),
    "rows_quarantined": ("Rows rejected", _WHOLE),
    "rows_set_aside": ("Rows set aside", _WHOLE),
    "units_in": ("Units in file", _WHOLE),
    "units_standard": ("Units conditioned", _WHOLE),
    "units_quarantined": ("Units rejected", _WHOLE),
    "per_cent_rejected": ("Rejected, %", _TWO),
    "units": ("Units", _WHOLE),
    "volume": ("Units sold", _WHOLE),
    "money": ("Money at risk", _WHOLE),
    "order_quantity": ("Order, units", _WHOLE),
    "cases": ("Order, cases", _WHOLE),
    "forecast": ("Forecast, units", _ONE),
    "critical_ratio": ("Ordered quantile", _TWO),
    "units_at_risk": ("At risk, units", _ONE),
    "money_at_risk": ("At risk, money", _TWO),
    "mean": ("Forecast, units", _ONE),
    "mean_before": ("Forecast before, units", _ONE),
    "change": ("Change, units", "%+.1f"),
    "median": ("Median, units", _ONE),
    "q025": ("2.5 %, units", _ONE),
    "q10": ("10 %, units", _ONE),
    "q90": ("90 %, units", _ONE),
    "q975": ("97.5 %, units", _ONE),
    "delivered": ("Delivered, units", _WHOLE),
    "returned": ("Returned, units", _WHOLE),
    "demand": ("Sold, units", _WHOLE),
    "data_age_days": ("Age of its data, days", _WHOLE),
    "validated_mape": ("MAPE validated, %", _ONE),
    "realised_mape": ("MAPE realised, %", _ONE),
    "realised_rows": ("Realised rows", _WHOLE),
    "figure": ("Figure", _TWO),
    "bound": ("Limit", _TWO),
    "sell_out_probability": ("Sells out, probability", _TWO),
    "expected_fill_rate": ("Expected fill rate", _TWO),
    "expected_waste": ("Expected waste, units", _ONE),
    "expected_margin": ("Expected margin", _TWO),
    "overridden_mean": ("Forecast corrected, units", _ONE),
    "order_without_override": ("Order without it, units", _WHOLE),
    "amount": ("Units added", "%+.1f"),
    "wape": ("WAPE, %", _ONE),
    "wape_gain": ("WAPE gained, points", "%+.1f"),
    "wape_gain_lower": ("At least, points", "%+.1f"),
    "wape_gain_upper": ("At most, points", "%+.1f"),
    "value": ("Value", _WHOLE),
    "sold": ("Sold, units", _WHOLE),
    "lost": ("Lost, units", _WHOLE),
    "margin": ("Margin", _WHOLE),
    "cost_of_returns": ("Cost of returns", _WHOLE),
    "cost_of_lost_sales": ("Cost of lost sales", _WHOLE),
    "gain": ("Gain", _WHOLE),
    "gain_lower": ("Gain at least", _WHOLE),
    "gain_upper": ("Gain at most", _WHOLE),
    "fill_rate": ("Fill rate, %", _ONE),
    "per_cent_sold_out": ("Sold out, % of weeks", _ONE),
    "value_gain": ("Value gained", _WHOLE),
    "value_gain_lower": ("At least, value", _WHOLE),
    "value_gain_upper": ("At most, value", _WHOLE),
    "weeks": ("Weeks", _WHOLE),
    "stores": ("Stores", _WHOLE),
    "stores_chosen": ("Of them served by the challenger", _WHOLE),
    "control": ("Champion", _ONE),
    "challenger": ("Challenger", _ONE),
    "difference": ("Difference", "%+.1f"),
    "lower": ("At least", "%+.1f"),
    "upper": ("At most", "%+.1f"),
    "effect": ("Change, units", "%+.1f"),
    "effect_low": ("Change from, units", "%+.1f"),
    "effect_high": ("Change to, units", "%+.1f"),
    "order_before": ("Order before, units", _WHOLE),
    "margin_before": ("Margin before", _TWO),
}
_WHOLES: Final = [name for name, (_, form) in _NUMBERS.items() if form == _WHOLE]
_DAYS: Final = {
    "week": "Week until",
    "as_of": "History until",
    "as_of_before": "History before until",
    "trained_until": "Trained until",
    "since": "Since",
    "delivery_date": "First delivery",
    "first_week": "First week until",
    "last_week": "Last week until",
    "start_week": "From",
    "end_week": "Until",
    "expires_on": "Expires",
}
_MOMENTS: Final = {
    "started_at": "Started, UTC",
    "trained_at": "Registered, UTC",
    "made_at": "Made, UTC",
    "ended_at": "Ended, UTC",
}

_TITLES: Final = {
    "store_id": "Store",
    "product_id": "Product",
    "override_id": "Override",
    "made_in": "Made by",
    "retrain": "Train again",
    "is_passed": "Passed",
    "is_blocking": "Blocks",
    "order_bound_by": "Bound by",
    "position": "#",
    "rank": "#",
}


def title(name: str) -> str:
    """What a column is called for people, with its unit."""
    if name in _NUMBERS:
        return _NUMBERS[name][0]
    titles = _TITLES | _DAYS | _MOMENTS
    return titles.get(name, spaced(name).capitalize())


def _config(name: str) -> Any:
    if name in _NUMBERS:
        return st.column_config.NumberColumn(title(name), format=_NUMBERS[name][1])
    if name in _DAYS:
        return st.column_config.DateColumn(title(name), format=_DAY)
    if name in _MOMENTS:
        return st.column_config.DatetimeColumn(title(name), format=_MOMENT)
    return st.column_config.Column(title(name))


def show(
    rows: pd.DataFrame,
    name: str,
    columns: Sequence[str] = (),
    *,
    everything: Callable[[], pd.DataFrame] | None = None,
    excel: bool = False,
) -> None:
    """A table with a button that downloads it.

    Args:
        rows: What is shown.
        name: Of the file, without its ending.
        columns: Which columns and in which order, of those that there are; all if none is named.
        everything: What is downloaded where that is more; it is asked when somebody wants it.
        excel: Whether Excel is offered too.
    """
    shown = [c for c in columns or rows if c in rows]
    config = {str(column): _config(str(column)) for column in shown}
    drawn = rows[shown].round({column: 0 for column in _WHOLES if column in shown})
    st.dataframe(drawn, column_config=config, hide_index=True, key=f"table {name}", placeholder="")
    with st.container(horizontal=True):
        _button(f"{name}.csv", "CSV", lambda: _all(rows, everything)[shown].to_csv(index=False))
        if excel:
            _button(f"{name}.xlsx", "Excel", lambda: workbook(_all(rows, everything)[shown]))


def _all(rows: pd.DataFrame, everything: Callable[[], pd.DataFrame] | None) -> pd.DataFrame:
    return rows if everything is None else everything()


def _button(file: str, label: str, content: Callable[[], str | bytes]) -> None:
    """A download that is made when it is asked for."""
    icon = ":material/download:"
    st.download_button(label, content, file, key=file, icon=icon, on_click="ignore")


def workbook(rows: pd.DataFrame) -> bytes:
    """Rows as a workbook of Excel, with the titles of the page."""
    buffer = io.BytesIO()
    plain = rows.rename(columns={name: title(str(name)) for name in rows})
    with pd.ExcelWriter(buffer, engine="openpyxl", datetime_format="YYYY-MM-DD") as writer:
        plain.to_excel(writer, index=False, sheet_name="orders", freeze_panes=(1, 0))
    return buffer.getvalue()
