"""What is known of a series once and for all: its store, product, category and attributes."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pandas as pd

from demand_forecast.modelling.arrays import Array, IntArray
from demand_forecast.modelling.features.feature import Derivation, Feature
from demand_forecast.modelling.panel import KEY, Group

_MAX_ONE_HOT = 40


@dataclass(frozen=True)
class Category:
    """A categorical column, which the network embeds.

    Attributes:
        name: Name of the attribute.
        group: The part of a forecast that it belongs to.
        size: Number of known values; their codes are 1..size, an unknown value's is 0.
    """

    name: str
    group: Group
    size: int


def store_attributes(series: pd.DataFrame) -> list[str]:
    """Columns that have one value in each store, in the order of ``series``.

    What has one value in all the panel is among them, and never used.
    """
    values = series.groupby("store_id").nunique(dropna=False).max()
    of_store = {*values.index[values <= 1], "store_id"} - {"product_id"}
    return [str(name) for name in series.columns if name in of_store]


def attribute_group(name: str, of_store: Collection[str]) -> Group:
    """Whether an attribute is one of the store or one of the product."""
    return Group.STORE if name in of_store else Group.PRODUCT


def known_categories(series: pd.DataFrame) -> dict[str, list[str]]:
    """Known values of store and product, and of text attributes that several series share."""
    categories = {name: sorted(series[name].astype(str).unique()) for name in KEY}
    ids = max(series[name].nunique() for name in KEY)
    for name in series.columns.difference(KEY):
        if not pd.api.types.is_numeric_dtype(series[name]):
            values = sorted(series[name].dropna().astype(str).unique())
            if 1 < len(values) <= max(ids // 2, 2):
                categories[str(name)] = values
    return categories


def numeric_scales(series: pd.DataFrame) -> dict[str, tuple[float, float]]:
    """Mean and spread of each numeric attribute that varies."""
    scales = {}
    for name in series.columns.difference(KEY):
        if pd.api.types.is_numeric_dtype(series[name]):
            values = series[name].astype(float)
            spread = float(values.std(ddof=0)) if values.notna().any() else 0.0
            if spread > 0:
                scales[str(name)] = (float(values.mean()), spread)
    return scales


def static_columns(
    series: pd.DataFrame,
    numeric: dict[str, tuple[float, float]],
    categories: dict[str, list[str]],
    of_store: Collection[str],
) -> tuple[Array, list[Feature]]:
    """Numeric attributes in standard units and one column per known value of small categories.

    Args:
        series: ``Panel.series``.
        numeric: Mean and spread of each numeric attribute.
        categories: Known values of each categorical attribute.
        of_store: Attributes of the store; the others are the product's.

    Returns:
        ``(series, features)`` figures, and the features.
    """
    columns, features = [], []
    for name, (mean, spread) in numeric.items():
        value = series[name].astype(float) if name in series else pd.Series(np.nan, series.index)
        columns.append(np.clip((value.fillna(mean).to_numpy() - mean) / spread, -4, 4))
        group = attribute_group(name, of_store)
        features.append(Feature(name, group, "average", Derivation.ATTRIBUTE, (name,)))
    for name, values in categories.items():
        if len(values) <= _MAX_ONE_HOT:
            code = code_of(series[name], values) if name in series else np.zeros(len(series))
            columns += [(code == k + 1).astype(float) for k in range(len(values))]
            features += _one_hot(name, values, attribute_group(name, of_store))
    if not columns:
        return np.zeros((len(series), 0), dtype=np.float32), []
    return np.column_stack(columns).astype(np.float32), features


def _one_hot(name: str, values: list[str], group: Group) -> list[Feature]:
    return [
        Feature(f"{name}={v}", group, "average", Derivation.CATEGORY, (name, v), one_hot=True)
        for v in values
    ]


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
