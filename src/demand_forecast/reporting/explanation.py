"""Explains the latest forecast of a segment from what is stored, for ``kedro explain``."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import pandas as pd
from kedro.io import CatalogProtocol
from rich.console import Console
from rich.table import Table

from demand_forecast.exceptions import ConfigurationError, MissingInputError, did_you_mean
from demand_forecast.framework import run_context
from demand_forecast.modelling.explanation.changes import CHANGE_COLUMNS, Basis, changes, of_classes
from demand_forecast.modelling.models.baseline import HistoricalAverage
from demand_forecast.modelling.panel import KEY, Panel
from demand_forecast.modelling.protocol import Forecaster
from demand_forecast.modelling.velocity import SLOW, by_product
from demand_forecast.registry.model_registry import load_version

Catalog = CatalogProtocol[Any, Any]

# Lines of the tables: a column, and how it is called.
_PARTS: Final = {
    "level": "level: a usual week",
    "season": "season",
    "price_and_promotion": "price and promotion",
    "weather": "weather as forecast",
    "events": "events and holidays",
    "store": "store",
    "product": "product",
    "network": "level: what other members say",
    "distribution": "calibration, from median to mean",
    "mean": "forecast",
}
_CAUSES: Final = {
    "before": "forecast before",
    "model": "another model",
    "data": "new data",
    "weather": "newer weather forecast",
    "plan": "changed plan",
    "after": "forecast now",
}
_TOTALS: Final = {"mean", "before", "after"}
_OPTIONS: Final = {"store_id": "--store", "product_id": "--product", "week": "--week"}


class Scoring(NamedTuple):
    """One forecast table with the panel that it was made from."""

    forecast: pd.DataFrame
    panel: Panel

    @property
    def models(self) -> dict[str, tuple[str, str]]:
        """Registered name and version of the model behind each velocity."""
        rows = self.forecast.drop_duplicates("velocity").set_index("velocity")
        registered = zip(rows["model_name"], rows["model_version"], strict=True)
        return dict(zip(rows.index, registered, strict=True))

    @property
    def classes(self) -> pd.Series[str]:
        """Velocity of each product that was forecast."""
        return by_product(self.forecast).sort_index()

    def made_by(self, other: Scoring) -> bool:
        """Whether the same registered models made another forecast, for the same products."""
        registered = all(version for _, version in self.models.values())
        return registered and self.models == other.models and self.classes.equals(other.classes)


def check_segment(namespace: str) -> None:
    """Refuse a name that is no segment of the environment.

    Raises:
        ConfigurationError: With the names there are.
    """
    run_context.current().segments.segment(namespace)


def load_explanations(catalog: Catalog, namespace: str) -> pd.DataFrame:
    """The latest explanations of a segment, see ``EXPLANATION_COLUMNS``.

    Raises:
        MissingInputError: If there are none yet.
    """
    name = f"{namespace}.explanations"
    if not catalog.exists(name):
        raise MissingInputError.of([name], "score")
    return pd.DataFrame(catalog.load(name))


def load_changes(catalog: Catalog, namespace: str) -> pd.DataFrame:
    """What changed since the last forecast that was made a week or more earlier.

    Returns:
        See :func:`demand_forecast.modelling.explanation.changes.changes`; series that both
        forecasts have. No rows where there is no earlier forecast.

    Raises:
        ArtefactError: If a model of either forecast can no longer be loaded.
        MissingInputError: If a panel is no longer there.
    """
    before, after = _last_two(catalog, namespace)
    if before is None:
        return pd.DataFrame(columns=CHANGE_COLUMNS)
    velocity = catalog.load(f"{namespace}.last_velocity")
    latest = _basis(after, velocity)
    same = before.made_by(after)
    earlier = latest._replace(panel=before.panel) if same else _basis(before, velocity)
    changed = changes(earlier, latest, int(after.forecast["horizon"].max()))
    for scoring in (before, after):
        changed = changed.merge(scoring.forecast[[*KEY, "week"]], on=[*KEY, "week"])
    return changed


def choose(table: pd.DataFrame, **wanted: str | None) -> pd.DataFrame:
    """Rows of a table with the given values.

    Raises:
        ConfigurationError: If there is none, with the values there are.
    """
    for column, value in wanted.items():
        if value is not None:
            values = table[column].astype(str)
            if not (values == value).any():
                raise ConfigurationError(
                    f"{_OPTIONS[column]}: there is no forecast for '{value}'. "
                    f"{did_you_mean(value, set(values))}"
                )
            table = table[values == value]
    return table


def print_explanation(explanations: pd.DataFrame, changes: pd.DataFrame | str, what: str) -> None:
    """Print parts and changes week by week, summed over the stores and products that are given.

    Args:
        explanations: See :func:`load_explanations`.
        changes: See :func:`load_changes`, or why there are none.
        what: What the figures are of.
    """
    console = Console(width=110, highlight=False)
    as_of = pd.Timestamp(explanations["as_of"].max())
    console.print(f"{what}: what the mean forecast of {as_of:%Y-%m-%d} is made of", markup=False)
    console.print(_table(explanations, _PARTS))
    if isinstance(changes, str):
        console.print(f"What changed is not known: {changes}", markup=False)
    elif changes.empty:
        console.print("There is no earlier forecast of these weeks to compare with.")
    else:
        console.print("What changed since the forecast before:")
        console.print(_table(changes, _CAUSES))


def _last_two(catalog: Catalog, namespace: str) -> tuple[Scoring | None, Scoring]:
    """The latest forecast, and the latest of those that were made from less history."""
    name, after = f"{namespace}.forecast", None
    for version in _versions(catalog, name):
        forecast = catalog.load(name, version=version)
        if after is None:
            after = Scoring(forecast, _panel_behind(catalog, namespace, version))
        elif len(forecast) and forecast["as_of"].max() < after.panel.as_of:
            return Scoring(forecast, _panel_behind(catalog, namespace, version)), after
    assert after is not None  # noqa: S101 - there are explanations of it
    return None, after


def _versions(catalog: Catalog, name: str) -> list[str]:
    """Versions of a stored dataset, the latest first."""
    dataset: Any = catalog.get(name)
    return list(dataset.list_versions(full_path=False))


def _panel_behind(catalog: Catalog, namespace: str, version: str) -> Panel:
    """The newest panel when a forecast was made: versions are times."""
    name = f"{namespace}.panel"
    behind = next((v for v in _versions(catalog, name) if v <= version), None)
    if behind is None:
        raise MissingInputError(f"'{name}': none is left from the forecast of {version}.")
    panel: Panel = catalog.load(name, version=behind)
    return panel


def _basis(scoring: Scoring, velocity: pd.DataFrame | None) -> Basis:
    classes = scoring.classes
    if velocity is not None:  # of products that were not forecast
        classes = classes.combine_first(by_product(velocity))
    models = {
        name: _model(scoring.panel, classes == name, *registered)
        for name, registered in scoring.models.items()
    }
    return Basis(of_classes(models, classes, SLOW), scoring.panel)


def _model(panel: Panel, mine: pd.Series[bool], name: str, version: str) -> Forecaster:
    """The registered model, or the baseline that was computed from the panel."""
    if version:
        return load_version(name, version)
    rows = panel.series["product_id"].map(mine).fillna(False).to_numpy(bool)
    return HistoricalAverage().fit(panel.select(rows))


def _table(rows: pd.DataFrame, lines: dict[str, str]) -> Table:
    sums = rows.groupby("week")[list(lines)].sum()
    table = Table()
    table.add_column("units per week")
    for week in sums.index:
        table.add_column(f"{week:%Y-%m-%d}", justify="right")
    for name, label in lines.items():
        shape = ".1f" if name in _TOTALS | {"level"} else "+.1f"
        cells = [f"{value:{shape}}" for value in sums[name]]
        table.add_row(label, *cells, style="bold" if name in _TOTALS else "")
    return table
