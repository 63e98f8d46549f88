"""Planners' overrides, for ``kedro override``: making, listing and ending them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import pandas as pd
from kedro.framework.context import KedroContext
from pydantic import ValidationError
from rich.table import Table

from demand_forecast.exceptions import ConfigurationError, MissingInputError, did_you_mean
from demand_forecast.framework import run_context
from demand_forecast.framework.segments import Segment
from demand_forecast.modelling.decisions.corrections import override_ids
from demand_forecast.modelling.decisions.overrides import (
    Override,
    OverrideParameters,
    Overrides,
    Problem,
    Scope,
    Status,
    check_override,
    judge_overrides,
    problem_of,
)
from demand_forecast.modelling.scoring.fallback import ScoringParameters
from demand_forecast.overrides.dataset import OverridesDataset
from demand_forecast.overrides.records import new_id
from demand_forecast.reporting import terminal

_OPTIONS: Final = {
    "segment": "--namespace",
    "store_id": "--store",
    "product_id": "--product",
    "expires_on": "--expires",
}
_WEEKS: Final = ("first_week", "last_week")


def add_override(context: KedroContext, values: Mapping[str, Any]) -> tuple[Override, str]:
    """Make an override; the next scoring applies it.

    Args:
        context: Of the session.
        values: Fields of :class:`Override` as they were typed; None is not given.

    Returns:
        The override, and in a sentence how many rows of the newest forecast it fits.

    Raises:
        ConfigurationError: If it is refused, with what was found and what is valid.
        MissingInputError: If its segment has not been conditioned yet.
    """
    given = {name: value for name, value in values.items() if value is not None}
    segment = run_context.current().segments.segment(str(given["segment"]))
    try:
        override = Override.model_validate(given | {"id": new_id(), "made_at": datetime.now(UTC)})
    except ValidationError as error:
        raise _refused(problem_of(error)) from error
    problem = check_override(override, _scope(context, segment), _rules(context, segment))
    if problem is not None:
        raise _refused(problem)
    told = _fits(context, segment, override)
    _dataset(context, segment.region).records.add(override)
    return override, told


def load_overrides(context: KedroContext, namespace: str | None = None) -> pd.DataFrame:
    """All overrides of some segments, and what became of each; what is in force first.

    Args:
        context: Of the session.
        namespace: A region or segment; all if not given.

    Returns:
        See :func:`judge_overrides`.

    Raises:
        ConfigurationError: If there is no such namespace.
    """
    branches = run_context.current().segments.within(namespace)
    loaded: dict[str, Overrides] = {}
    tables = []
    for segment in dict.fromkeys(branch.segment for branch in branches):
        if segment.region not in loaded:
            loaded[segment.region] = _dataset(context, segment.region).load()
        mine = loaded[segment.region].of(segment.namespace)
        before = _seen(context, segment)
        if mine.made or mine.refused or before is not None:  # panels are read for these only
            rules = _rules(context, segment)
            tables.append(judge_overrides(mine, _scope(context, segment), rules, before)[1])
    if not tables:
        return pd.DataFrame(columns=["status"])
    table = pd.concat(tables, ignore_index=True)
    order = table["status"].map([s.value for s in Status].index)
    return table.iloc[order.argsort(kind="stable")].reset_index(drop=True)


def end_override(context: KedroContext, override_id: str) -> Override:
    """End an override from the next scoring on.

    Raises:
        ConfigurationError: If there is none of that id that was made by command and goes on.
    """
    goes_on: set[str] = set()
    for region in run_context.current().segments.regions:
        records = _dataset(context, region).records
        by_id = {o.id: o for o in records.all()}
        if override_id in by_id:
            return records.end(override_id)
        goes_on |= {name for name, o in by_id.items() if o.ended_at is None}
    raise ConfigurationError(
        f"no override '{override_id}' was made by command. {did_you_mean(override_id, goes_on)} "
        "One of a file is ended there: delete its row."
    )


def print_overrides(table: pd.DataFrame, everything: bool) -> None:
    """Print overrides.

    Args:
        table: From :func:`load_overrides`.
        everything: Whether those are shown that can change no forecast any more.
    """
    over = table["status"].isin([Status.PAST, Status.ENDED, Status.WITHDRAWN])
    shown = table if everything else table[~over]
    console = terminal.console()
    if len(shown):
        console.print(_table(shown))
    for row in shown[shown["status"] == Status.REFUSED].to_dict("records"):
        told = f"{row['override_id']} ({row['made_in']}) is refused: {row['problem']}"
        console.print(told, markup=False)
    counts = table["status"].value_counts()
    said = ", ".join(f"{counts.get(s, 0)} {s.replace('_', ' ')}" for s in Status if s in counts)
    console.print(f"Overrides: {said or 'none'}.")
    if not everything and over.any():
        console.print("--all shows those that are over, too.", markup=False)


def what_it_does(override: Override) -> str:
    """An override in a line, for people."""
    place = f"{override.store_id or 'all stores'}, {override.product_id or 'all products'}"
    return (
        f"{override.id}: {override.target.value} {_change(override.factor, override.amount)} for "
        f"{place} of {override.segment}, weeks {override.first_week} to {override.last_week}, "
        f"{override.owner}, {override.reason}"
    )


def _scope(context: KedroContext, segment: Segment) -> Scope:
    name = f"{segment.namespace}.panel"
    if not context.catalog.exists(name):
        env = run_context.current().env
        state = "has not been made yet"
        raise MissingInputError.at("panel", segment.namespace, state, "conditioning", env)
    return Scope.of(context.catalog.load(name))


def _seen(context: KedroContext, segment: Segment) -> pd.DataFrame | None:
    """What the last scoring knew of; None where there was no override."""
    name = f"{segment.namespace}.overrides_seen"
    seen = context.catalog.load(name) if context.catalog.exists(name) else None
    return None if seen is None or seen.empty else seen


def _rules(context: KedroContext, segment: Segment) -> OverrideParameters:
    values = context.params[segment.region][segment.store_format]["scoring"]
    return ScoringParameters.model_validate(values).overrides


def _dataset(context: KedroContext, region: str) -> OverridesDataset:
    dataset = context.catalog[f"{region}.overrides"]
    assert isinstance(dataset, OverridesDataset)  # noqa: S101 - the catalog says so
    return dataset


def _fits(context: KedroContext, segment: Segment, override: Override) -> str:
    name = f"{segment.namespace}.forecast"
    if not context.catalog.exists(name):
        return "Nothing has been forecast yet; the next scoring applies it."
    forecast = context.catalog.load(name)
    rows = int((override_ids(forecast, [override], override.target) != "").sum())
    told = f"{rows:,} row{'' if rows == 1 else 's'}"
    return f"It fits {told} of the newest forecast; the next scoring applies it."


def _refused(problem: Problem) -> ConfigurationError:
    option = _OPTIONS.get(problem.key, f"--{problem.key.replace('_', '-')}")
    return ConfigurationError(str(problem._replace(key=option)))


def _change(factor: float | None, amount: float | None) -> str:
    if factor is not None and pd.notna(factor):
        return f"x {factor:g}"
    return f"{amount:+g} units" if amount is not None and pd.notna(amount) else ""


def _table(rows: pd.DataFrame) -> Table:
    table = terminal.table()
    for title in ("id", "segment", "store", "product", "weeks", "changes"):
        table.add_column(title, overflow="fold")
    for title in ("owner", "reason", "status"):
        table.add_column(title)
    for row in rows.to_dict("records"):
        unread = pd.isna(row["first_week"])
        first, last = (f"{row[name]:%Y-%m-%d}" if not unread else "" for name in _WEEKS)
        table.add_row(
            str(row["override_id"]),
            f"{row['region']}.{row['store_format']}",
            "" if unread else str(row["store_id"] or "all"),
            "" if unread else str(row["product_id"] or "all"),
            first if first == last else f"{first}\n{last}",
            f"{row['target']} {_change(row['factor'], row['amount'])}",
            str(row["owner"]),
            ": ".join(filter(None, (row["reason"], row["note"]))),
            str(row["status"]).replace("_", " "),
        )
    return table
