"""What is known of a series once and for all: its store, product, category and attributes."""

from __future__ import annotations

import numpy as np
import pandas as pd

from demand_forecast.modelling.features.grouping import Groups
from demand_forecast.modelling.features.history import Relatives
from demand_forecast.modelling.panel import KEY, IntArray
from demand_forecast.modelling.points import Array

_MAX_ONE_HOT = 40


def relatives(series: pd.DataFrame) -> Relatives:
    """Groups of the series that share a product, a store, a category."""

    def groups(name: str) -> Groups:
        values = series[name].astype(str) if name in series else np.zeros(len(series))
        return Groups(np.unique(np.asarray(values), return_inverse=True)[1])

    return Relatives(groups("product_id"), groups("store_id"), groups("category"), groups(""))


def known_categories(series: pd.DataFrame) -> dict[str, list[str]]:
    """Store, product and text attributes that are shared by several series of each value."""
    found = {name: sorted(series[name].astype(str).unique()) for name in KEY}
    ids = max(series[name].nunique() for name in KEY)
    for name in series.columns.difference(KEY):
        if not pd.api.types.is_numeric_dtype(series[name]):
            values = sorted(series[name].dropna().astype(str).unique())
            if 1 < len(values) <= max(ids // 2, 2):
                found[str(name)] = values
    return found


def numeric_scales(series: pd.DataFrame) -> dict[str, tuple[float, float]]:
    """Mean and spread of each numeric attribute that varies."""
    found = {}
    for name in series.columns.difference(KEY):
        if pd.api.types.is_numeric_dtype(series[name]):
            values = series[name].astype(float)
            spread = float(values.std(ddof=0)) if values.notna().any() else 0.0
            if spread > 0:
                found[str(name)] = (float(values.mean()), spread)
    return found


def static_columns(
    series: pd.DataFrame, numeric: dict[str, tuple[float, float]], categories: dict[str, list[str]]
) -> tuple[Array, list[str]]:
    """Numeric attributes in standard units and one column per known value of small categories."""
    columns, names = [], []
    for name, (mean, spread) in numeric.items():
        value = series[name].astype(float) if name in series else pd.Series(np.nan, series.index)
        columns.append(np.clip((value.fillna(mean).to_numpy() - mean) / spread, -4, 4))
        names.append(name)
    for name, values in categories.items():
        if len(values) <= _MAX_ONE_HOT:
            code = code_of(series[name], values) if name in series else np.zeros(len(series))
            columns += [(code == k + 1).astype(float) for k in range(len(values))]
            names += [f"{name}={value}" for value in values]
    if not columns:
        return np.zeros((len(series), 0), dtype=np.float32), []
    return np.column_stack(columns).astype(np.float32), names


def category_codes(series: pd.DataFrame, categories: dict[str, list[str]]) -> IntArray:
    """``(series, categories)`` 1-based position of each value, 0 if unknown."""
    columns = [
        code_of(series[name], values) if name in series else np.zeros(len(series), np.int64)
        for name, values in categories.items()
    ]
    return np.column_stack(columns)


def code_of(column: pd.Series, values: list[str]) -> IntArray:
    """1-based position of each value, 0 if unknown."""
    return np.asarray(
        pd.Index(values).get_indexer(pd.Index(column.astype(str))) + 1, dtype=np.int64
    )
