"""Experiments in the forecasts: which rows the challenger serves, and what it says in shadow.

Champions have forecast everything before. A challenger that cannot be used changes nothing: its
rows stay the champion's, and say why.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import pandas as pd

from demand_forecast.exceptions import ArtefactError, ContractError, RegistryError
from demand_forecast.modelling.experiments.assignment import (
    CHALLENGER,
    CONTROL,
    SHADOWED,
    arms,
    draw_stores,
    store_sizes,
)
from demand_forecast.modelling.experiments.parameters import (
    SHADOW,
    Experiment,
    ExperimentParameters,
)
from demand_forecast.modelling.experiments.status import ARM_COLUMNS, Stop
from demand_forecast.modelling.lifecycle.records import RegisteredModel
from demand_forecast.modelling.panel import KEY, Panel
from demand_forecast.modelling.scoring.fallback import (
    EXPLANATION_COLUMNS,
    Scored,
    ScoringParameters,
    classes_of,
    forecast_by,
    staleness,
)
from demand_forecast.modelling.scoring.forecasts import OUTPUT_COLUMNS, add_orders

_ROW: Final = [*KEY, "week"]
_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True)
class Challengers:
    """The registered versions of a segment's models, and which experiments were stopped.

    Attributes:
        load: Gives the version of a velocity's model.
        stops: Of the experiments that were stopped, by name.
        trouble: Why it is not known which these are; then none goes on.
    """

    load: Callable[[str, str], RegisteredModel]
    stops: Mapping[str, Stop] = field(default_factory=dict)
    trouble: str = ""


class Served(NamedTuple):
    """The forecasts of a segment with its experiments.

    Attributes:
        forecast: As delivered: rows of an experiment say its name and their ``arm``.
        explanations: Row by row as the forecasts.
        shadow: Forecasts in shadow, as ``forecast``; never delivered.
        arms: ``ARM_COLUMNS``: which stores are chosen, and why a challenger could not be used.
    """

    forecast: pd.DataFrame
    explanations: pd.DataFrame
    shadow: pd.DataFrame
    arms: pd.DataFrame


def serve_experiments(
    panel: Panel,
    velocity: pd.DataFrame,
    scored: Scored,
    challengers: Challengers,
    experiments: ExperimentParameters,
    *,
    scoring: ScoringParameters,
    before: pd.DataFrame | None,
) -> Served:
    """Let the challengers of the experiments in force forecast what is theirs.

    Args:
        panel: The segment.
        velocity: Classes from the last training.
        scored: What the champions, or those who stand in for them, have forecast.
        challengers: Of the segment.
        experiments: All that there are.
        scoring: How is scored.
        before: Arms of the last time; None where there were none.
    """
    drawn = pd.DataFrame(columns=ARM_COLUMNS) if before is None else before.assign(problem="")
    served = Served(scored.forecast, scored.explanations, scored.forecast.head(0), drawn)
    for name, plan, versions in experiments.of(f"{panel.region}.{panel.store_format}"):
        weeks = plan.is_in(scored.forecast["week"])
        if name in challengers.stops or not weeks.any():
            continue
        if challengers.trouble:
            _LOGGER.warning("experiment %s does not go on: %s", name, challengers.trouble)
            continue
        served = _Trial(name, plan, panel, velocity, scoring).serve(served, versions, challengers)
    return served


@dataclass(frozen=True)
class _Trial:
    """One experiment in one segment."""

    name: str
    plan: Experiment
    panel: Panel
    velocity: pd.DataFrame
    scoring: ScoringParameters

    def serve(
        self, served: Served, versions: Mapping[str, int], challengers: Challengers
    ) -> Served:
        """The forecasts with the answers of its challengers."""
        sizes = store_sizes(self.panel)
        drawn = draw_stores(sizes, self.name, self.plan, served.arms)
        problems = []
        for velocity, version in versions.items():
            table = served.forecast
            rows = table[self.plan.is_in(table["week"]) & (table["velocity"] == velocity)]
            if rows.empty:
                continue
            try:
                answer = self._answer(
                    served.forecast, rows, challengers.load(velocity, str(version))
                )
            except (ContractError, ArtefactError, RegistryError, OSError) as error:
                problem = f"challenger {version} of {velocity} products cannot be used: {error}"
                _LOGGER.warning("experiment %s: the champion serves: %s", self.name, problem)
                problems.append(problem)
                served = self._without(served, rows, drawn, problem)
            else:
                served = self._with(served, rows, drawn, answer)
        others = served.arms[served.arms["experiment"] != self.name]
        mine = drawn.assign(problem="; ".join(problems))
        joined = pd.concat([others, mine], ignore_index=True) if len(others) else mine
        return served._replace(arms=joined[ARM_COLUMNS])

    def _answer(
        self, forecast: pd.DataFrame, rows: pd.DataFrame, challenger: RegisteredModel
    ) -> pd.DataFrame:
        """What the challenger forecasts of some rows, with the parts of each mean.

        Raises:
            ContractError: If it is too old, or breaks the output contract.
        """
        limit = self.scoring.stale_after_days
        if reason := staleness(challenger, self.panel, limit, CHALLENGER):
            raise ContractError(reason)
        classes = classes_of(self.panel, self.velocity)
        same = (classes["velocity"] == rows["velocity"].iloc[0]).to_numpy(bool)
        wanted = classes[same].merge(rows[KEY].drop_duplicates(), on=KEY)
        horizon = int(forecast["horizon"].max())
        told, order = f"experiment {self.name}", self.scoring.order
        table = forecast_by(
            challenger, self.panel.select(same), wanted, CHALLENGER, told, horizon, order
        )
        answer = table.set_index(_ROW, drop=False).loc[pd.MultiIndex.from_frame(rows[_ROW])]
        return answer.set_index(rows.index)

    def _with(
        self, served: Served, rows: pd.DataFrame, drawn: pd.DataFrame, answer: pd.DataFrame
    ) -> Served:
        arm = arms(self.name, self.plan, self._chosen(rows, drawn), rows["week"])
        in_shadow = self.plan.kind == SHADOW
        asked = answer if in_shadow else answer[arm == CHALLENGER]
        # The weeks of a series share its stock: all orders are made anew.
        table = _replaced(served.forecast, asked[OUTPUT_COLUMNS])
        table = add_orders(table, self.panel, self.scoring.order)[OUTPUT_COLUMNS]
        if in_shadow:
            told = {"experiment": self.name, "arm": SHADOWED}
            parts = [
                part for part in (served.shadow, table.loc[rows.index].assign(**told)) if len(part)
            ]
            forecast = self._marked(served.forecast, arm)
            return served._replace(forecast=forecast, shadow=pd.concat(parts, ignore_index=True))
        return served._replace(
            forecast=self._marked(table, arm),
            explanations=_replaced(served.explanations, asked[EXPLANATION_COLUMNS]),
        )

    def _without(
        self, served: Served, rows: pd.DataFrame, drawn: pd.DataFrame, problem: str
    ) -> Served:
        """The champion serves all; the rows that would have been the challenger's say why."""
        arm = arms(self.name, self.plan, self._chosen(rows, drawn), rows["week"])
        lost = arm.index[arm == CHALLENGER]
        table = self._marked(served.forecast, pd.Series(CONTROL, index=rows.index))
        before = table.loc[lost, "reason"]
        told = f"experiment {self.name}: {problem}"
        table.loc[lost, "reason"] = before.where(before == "", before + "; ") + told
        return served._replace(forecast=table)

    def _chosen(self, rows: pd.DataFrame, drawn: pd.DataFrame) -> pd.Series[bool]:
        return rows["store_id"].astype(str).map(drawn.set_index("store_id")["is_chosen"])

    def _marked(self, table: pd.DataFrame, arm: pd.Series[str]) -> pd.DataFrame:
        """The rows of the experiment say so."""
        marked = table.copy()
        marked.loc[arm.index, "experiment"] = self.name
        marked.loc[arm.index, "arm"] = arm
        return marked


def _replaced(table: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """A table with other rows in the place of those of the same index."""
    if rows.empty:
        return table
    return pd.concat([table.drop(index=rows.index), rows]).sort_index()
