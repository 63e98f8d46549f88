"""How every experiment stands: planned, running, over or stopped, and what it has shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

import pandas as pd

from demand_forecast.modelling.experiments.assignment import DRAWN_COLUMNS
from demand_forecast.modelling.experiments.outcomes import SUM_COLUMNS
from demand_forecast.modelling.experiments.parameters import AB, Experiment, ExperimentParameters
from demand_forecast.modelling.experiments.readout import (
    READOUT_COLUMNS,
    harm,
    read_out,
)

PLANNED, RUNNING, OVER, STOPPED = "planned", "running", "over", "stopped"
STATUS_COLUMNS: Final = [
    "experiment",
    "status",
    "kind",
    "owner",
    "models",
    "share",
    "start_week",
    "end_week",
    "stores",
    "stores_chosen",
    "weeks",
    "why",
    "problem",
]
ARM_COLUMNS: Final = [*DRAWN_COLUMNS, "problem"]


class Stop(NamedTuple):
    """That an experiment was stopped.

    Attributes:
        why: In words.
        by: Who; empty where it stopped itself.
        at: When, UTC, ISO.
    """

    why: str
    by: str
    at: str


class Standing(NamedTuple):
    """How all experiments stand.

    Attributes:
        status: ``STATUS_COLUMNS``, a row per experiment.
        readouts: ``READOUT_COLUMNS`` of all of them.
        harmful: Why an experiment has to stop, by name; of those that are not stopped yet.
    """

    status: pd.DataFrame
    readouts: pd.DataFrame
    harmful: dict[str, str]


def stand(
    rules: ExperimentParameters,
    sums: Iterable[pd.DataFrame],
    drawn: Iterable[pd.DataFrame | None],
    stops: Mapping[str, Stop],
) -> Standing:
    """How all experiments stand.

    Args:
        rules: The experiments.
        sums: Of all segments, see
            :func:`demand_forecast.modelling.experiments.outcomes.arm_sums`.
        drawn: Of all segments, as scoring has left them: ``ARM_COLUMNS``.
        stops: Of experiments that were stopped.
    """
    came = _joined(sums, SUM_COLUMNS)
    stores = _joined((t for t in drawn if t is not None), ARM_COLUMNS)
    rows, readouts = [], []
    harmful: dict[str, str] = {}
    for name, plan in rules.plans.items():
        mine = came[came["experiment"] == name]
        if len(mine):
            readouts.append(read_out(mine, name, plan, rules))
            if name not in stops and (why := harm(readouts[-1])):
                harmful[name] = why
        why = stops[name].why if name in stops else harmful.get(name, "")
        rows.append(_row(name, plan, mine, stores[stores["experiment"] == name], why))
    status = pd.DataFrame(rows, columns=STATUS_COLUMNS).astype({"share": "float64"})
    return Standing(status, _joined(readouts, READOUT_COLUMNS), harmful)


def _row(
    name: str, plan: Experiment, came: pd.DataFrame, stores: pd.DataFrame, why: str
) -> dict[str, Any]:
    models = ", ".join(f"{model} {version}" for model, version in plan.challengers.items())
    problems = dict.fromkeys(text for text in stores["problem"] if text)
    return {
        "experiment": name,
        "status": STOPPED if why else _state(plan, came, stores),
        "kind": plan.kind,
        "owner": plan.owner,
        "models": models,
        "share": plan.share,
        "start_week": pd.Timestamp(plan.start_week),
        "end_week": pd.NaT if plan.end_week is None else pd.Timestamp(plan.end_week),
        "stores": len(stores),
        "stores_chosen": int(stores["is_chosen"].sum()) if plan.kind == AB else 0,
        "weeks": came["week"].nunique(),
        "why": why,
        "problem": "; ".join(problems),
    }


def _state(plan: Experiment, came: pd.DataFrame, stores: pd.DataFrame) -> str:
    if plan.end_week is not None and len(came):
        following = came["week"].max() + pd.Timedelta(weeks=1)
        if following > pd.Timestamp(plan.end_week):
            return OVER
    return RUNNING if len(stores) else PLANNED


def _joined(tables: Iterable[pd.DataFrame], columns: list[str]) -> pd.DataFrame:
    filled = [table for table in tables if len(table)]
    return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame(columns=columns)
