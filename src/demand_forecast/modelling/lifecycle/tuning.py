"""Hyperparameters searched on the weeks before the validation, which the gate judges afterwards.

The weeks before the validation are parted as the validation is: the last of them are a block to
judge on, with its own rolling origins, and what is judged is fitted on the weeks before the block;
the block before that likewise. Each parameter that carries a
:class:`~demand_forecast.modelling.parameters.Searched` is searched by the tree-structured Parzen
estimator (Bergstra et al. 2011) of Optuna (Akiba et al. 2019), which is imported when a search
begins. The first trial is the parameters in force, so that a search says what it gains over them.

A sold-out week counts as the demand that the parameters in force expect there, the same for all
trials. By what was sold, a search would find the parameters that forecast the least: what was
wanted above a delivery is not seen, so that every forecast above it would count as an error.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from time import perf_counter
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from demand_forecast.exceptions import ConfigurationError, NotEnoughHistoryError
from demand_forecast.modelling.arrays import Array
from demand_forecast.modelling.evaluation.backtest import backtest
from demand_forecast.modelling.evaluation.metrics import MAPE, WAPE_MEDIAN, Average, Metric
from demand_forecast.modelling.evaluation.paired import paired_difference
from demand_forecast.modelling.evaluation.splits import (
    ForecastParameters,
    before_validation,
    rolling_origins,
)
from demand_forecast.modelling.lifecycle.search_space import (
    Values,
    as_distributions,
    in_force,
    search_space,
    starting_point,
    with_values,
)
from demand_forecast.modelling.lifecycle.training import TrainingParameters
from demand_forecast.modelling.models.calibration.censored import redistributed
from demand_forecast.modelling.models.ensemble import Ensemble
from demand_forecast.modelling.models.kinds import ENSEMBLE
from demand_forecast.modelling.models.rows import Training, neighbours
from demand_forecast.modelling.panel import Panel
from demand_forecast.modelling.protocol import QUANTILES
from demand_forecast.modelling.velocity import VelocityParameters, classify

if TYPE_CHECKING:
    import optuna
    from optuna.distributions import BaseDistribution

BLOCKS: Final = 2
# By the name that a person chooses: WAPE of the median, MAPE of the point with the least of it.
OBJECTIVES: Final[dict[str, Metric]] = {"wape": WAPE_MEDIAN, "mape": MAPE}
_CLEAR = 2.0
FEWEST_TRIALS: Final = 2  # the parameters in force, and one to compare with them


@dataclass(frozen=True)
class Block:
    """Weeks to judge on, and the rows before them to learn from.

    Attributes:
        panel: Series of one velocity; the last of its weeks are those of the block.
        origins: Weeks to forecast from.
        training: Rows of the weeks before the first target.
    """

    panel: Panel
    origins: list[pd.Timestamp]
    training: Training


@dataclass(frozen=True)
class Target:
    """One ensemble whose parameters are tuned.

    Attributes:
        name: Where it is, such as ``north_texas.large.fast``.
        parameters: Those in force.
        horizon: Weeks to forecast.
        blocks: ``BLOCKS`` of them, the oldest first.
    """

    name: str
    parameters: TrainingParameters
    horizon: int
    blocks: list[Block]


@dataclass(frozen=True)
class Trial:
    """One set of parameters and its errors.

    Attributes:
        number: From 1 on, which is the parameters in force.
        values: What was tried, ``member.key`` to value; empty for the parameters in force.
        errors: A row per block and target week, summed over all targets: ``block``, ``week``,
            ``error`` and ``weight``, whose ratio is the measure.
        seconds: How long it took.
        pruned: Whether it was given up after a block that was worse than that of most others.
    """

    number: int
    values: Values
    errors: pd.DataFrame
    seconds: float = 0.0
    pruned: bool = False

    @property
    def value(self) -> float:
        """The measure over all blocks that were tried, per cent; the less the better."""
        return _ratio(self.errors)

    @property
    def by_block(self) -> dict[int, float]:
        """The measure of each block, by its number from 1 on."""
        return {int(str(k)): _ratio(rows) for k, rows in self.errors.groupby("block")}


@dataclass(frozen=True)
class Tuning:
    """A search that has ended.

    Attributes:
        targets: What was tuned.
        trials: In the order in which they were tried; the first is the parameters in force.
    """

    targets: Sequence[Target]
    trials: list[Trial] = field(default_factory=list)

    @property
    def in_force(self) -> dict[str, list[float | None]]:
        """The different values that the targets have of each parameter that is searched."""
        return in_force([target.parameters for target in self.targets])

    @property
    def current(self) -> Trial:
        """The trial of the parameters in force."""
        return self.trials[0]

    @property
    def best(self) -> Trial:
        """The trial with the least error; of equal ones the first."""
        return min((trial for trial in self.trials if not trial.pruned), key=lambda t: t.value)

    @property
    def gain(self) -> tuple[float, float]:
        """Points by which the best trial is better than the current one, and their error."""
        return paired_gain(self.current.errors, self.best.errors)

    @property
    def is_clear(self) -> bool:
        """Whether the gain is more than two of its standard errors."""
        gain, error = self.gain
        return gain > _CLEAR * error

    @property
    def changed(self) -> dict[str, float]:
        """Parameters of the best trial that are others than those in force somewhere."""
        before = self.in_force
        return {name: v for name, v in self.best.values.items() if before[name] != [v]}


def make_target(
    name: str,
    panel: Panel,
    velocity: str,
    forecast: ForecastParameters,
    rules: VelocityParameters,
    parameters: TrainingParameters,
) -> Target:
    """The weeks before the validation of one velocity, ready to be tried on.

    Args:
        name: Of the velocity's namespace.
        panel: The whole segment, the weeks of the validation included; nothing is read of them
            but plans.
        velocity: The one whose products are forecast.
        forecast: Horizon and origins, of the validation and so of each block.
        rules: How fast and slow products are told apart.
        parameters: Those in force.

    Raises:
        NotEnoughHistoryError: If there are too few weeks, series or deliveries for all blocks.
    """
    blocks: list[Block] = []
    for _ in range(BLOCKS):
        panel = before_validation(panel, forecast)
        blocks.insert(0, _block(panel, velocity, forecast, rules, parameters))
    return Target(name, parameters, forecast.horizon, blocks)


def _block(
    panel: Panel,
    velocity: str,
    forecast: ForecastParameters,
    rules: VelocityParameters,
    parameters: TrainingParameters,
) -> Block:
    """The last weeks of a panel as a block."""
    rows = (classify(panel, rules)["velocity"] == velocity).to_numpy()
    if not rows.any():
        raise NotEnoughHistoryError(f"the segment has no {velocity} products")
    past = before_validation(panel, forecast)
    model = Ensemble.from_parameters(parameters, forecast.horizon)
    training = model.prepare(past.select(rows), neighbours(past, rows, parameters.borrow))
    origins = rolling_origins(panel, forecast.origins, forecast.horizon, forecast.origin_step)
    return Block(panel.select(rows), origins, training)


def tune(
    targets: Sequence[Target],
    n_trials: int,
    objective: str = "wape",
    *,
    seed: int = 0,
    timeout: float | None = None,
    on_trial: Callable[[Trial], None] | None = None,
) -> Tuning:
    """Search for the parameters with the least error on the blocks of all targets together.

    Each target keeps its own parameters in all that is not searched. A trial that is worse than
    the median of those before it after the first block is given up.

    Args:
        targets: Whose parameters.
        n_trials: Trials in all; the first is the parameters in force.
        objective: A name of ``OBJECTIVES``.
        seed: Of what the search draws; the models have theirs.
        timeout: Seconds after which no further trial begins; none if not given.
        on_trial: Called with each trial that ended.

    Raises:
        ConfigurationError: If there are fewer than two trials, or nothing is searched.
        NotEnoughHistoryError: If no week of the blocks has demand.
    """
    began = perf_counter()
    if n_trials < FEWEST_TRIALS:
        raise ConfigurationError(
            f"{n_trials} trials: the first is the parameters in force, so that nothing would be "
            f"searched; valid: {FEWEST_TRIALS} or more"
        )
    if not search_space([target.parameters for target in targets]):
        raise ConfigurationError("No member has a parameter that is searched.")
    tuning = Tuning(targets)
    for trial in _trials(targets, OBJECTIVES[objective], seed):
        tuning.trials.append(trial)
        if on_trial is not None:
            on_trial(trial)
        late = timeout is not None and perf_counter() - began >= timeout
        if late or len(tuning.trials) == n_trials:
            break
    return tuning


def _trials(targets: Sequence[Target], metric: Metric, seed: int) -> Iterator[Trial]:
    """Trials without end: the parameters in force, then what Optuna proposes."""
    parameters = [target.parameters for target in targets]
    distributions = as_distributions(search_space(parameters))
    study, judge = _new_study(seed), _Judge(targets, metric)
    yield judge.in_force
    study.add_trial(_told(judge.in_force, starting_point(parameters), distributions))
    for number in count(2):
        yield _searched(study, study.ask(distributions), number, judge)


def _searched(study: optuna.Study, asked: optuna.Trial, number: int, judge: _Judge) -> Trial:
    """Try what Optuna proposes, block by block, and tell it how that went."""
    from optuna.trial import TrialState

    began, values, errors = perf_counter(), _short(asked.params), []
    for block in range(BLOCKS):
        errors.append(judge.errors(block, values))
        so_far = _ratio(pd.concat(errors))
        asked.report(so_far, block)
        pruned = not math.isfinite(so_far) or (block + 1 < BLOCKS and asked.should_prune())
        if pruned:
            break
    if pruned:
        study.tell(asked, state=TrialState.PRUNED)
    else:
        study.tell(asked, so_far)
    return Trial(number, values, pd.concat(errors), perf_counter() - began, pruned)


def _short(values: Values) -> dict[str, float]:
    """Values with three digits: more tell nothing, and a person is to read and paste them."""
    return {k: v if isinstance(v, int) else float(f"{v:.3g}") for k, v in values.items()}


class _Judge:
    """Errors of all targets together; what was sold out counts as the parameters in force expect.

    Args:
        targets: What is tuned.
        metric: What is measured.

    Attributes:
        demand: Of each block and target the ``(rows,)`` units that forecasts are compared with.
        in_force: The trial of the parameters in force.

    Raises:
        NotEnoughHistoryError: If a block has no week with demand.
    """

    def __init__(self, targets: Sequence[Target], metric: Metric) -> None:
        self.targets, self.metric, began = targets, metric, perf_counter()
        frames = [[_replay(target, k, {}) for target in targets] for k in range(BLOCKS)]
        self.demand = [[_demand(frame) for frame in of_block] for of_block in frames]
        errors = pd.concat([self._sum(k, of_block) for k, of_block in enumerate(frames)])
        self.in_force = Trial(1, {}, errors, perf_counter() - began)
        measured = self.in_force.by_block.values()
        if len(measured) < BLOCKS or not all(map(math.isfinite, measured)):
            raise NotEnoughHistoryError("no week with demand in the weeks before the validation")

    def errors(self, block: int, values: Values) -> pd.DataFrame:
        """Errors in one block, by week."""
        return self._sum(block, [_replay(target, block, values) for target in self.targets])

    def _sum(self, block: int, frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
        pairs = zip(frames, self.demand[block], strict=True)
        rows = pd.concat([_row_errors(frame, demand, self.metric) for frame, demand in pairs])
        weekly = rows.groupby("week", as_index=False)[["error", "weight"]].sum()
        return weekly.assign(block=block + 1)[["block", "week", "error", "weight"]]


def _replay(target: Target, number: int, values: Values) -> pd.DataFrame:
    """Forecasts of a block by a model with these values, and what came."""
    block, parameters = target.blocks[number], with_values(target.parameters, values)
    model = Ensemble.from_parameters(parameters, target.horizon).fit_training(block.training)
    frame = backtest({ENSEMBLE: model}, block.panel, block.origins, target.horizon)
    return frame[frame["model"] == ENSEMBLE]


def _demand(frame: pd.DataFrame) -> Array:
    """Units that came; where they were sold out, the median of what the forecast has above them.

    Draws in its place would bring more noise than most parameters make a difference.
    """
    quantiles, levels = frame[list(QUANTILES)].to_numpy(), np.array(list(QUANTILES.values()))
    sold, censored = frame["actual"].to_numpy(), frame["censored"].to_numpy(dtype=bool)
    return redistributed(quantiles, sold, censored, None, levels)


def _row_errors(frame: pd.DataFrame, demand: Array, metric: Metric) -> pd.DataFrame:
    """What each row of a block adds to the measure: above and below the line."""
    actual = demand.astype(np.float64)
    forecast, scale = (frame[name].to_numpy(dtype=np.float64) for name in (metric.point, "scale"))
    error = metric.term(actual, forecast, scale)
    weight = actual if metric.average is Average.VOLUME else np.ones(len(actual))
    counts = ~np.isnan(error)
    columns = {"week": frame["week"].to_numpy(), "error": error, "weight": weight}
    return pd.DataFrame({name: values[counts] for name, values in columns.items()})


def _ratio(errors: pd.DataFrame) -> float:
    weight = float(errors["weight"].sum())
    return 100 * float(errors["error"].sum()) / weight if weight > 0 else math.nan


def paired_gain(before: pd.DataFrame, after: pd.DataFrame) -> tuple[float, float]:
    """By how much one trial is better than another, and the standard error of that.

    Args:
        before: Errors of a :class:`Trial`.
        after: Those of another, on the same rows.

    Returns:
        Points of the measure, positive where ``after`` is better; NaN for the error of one week.
    """
    one, other = (e.groupby("week")[["error", "weight"]].sum() for e in (before, after))
    gain = paired_difference(one["error"] - other["error"], one["weight"])
    return gain.points, gain.error


def _new_study(seed: int) -> optuna.Study:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sampler = optuna.samplers.TPESampler(seed=seed)
    return optuna.create_study(sampler=sampler, pruner=optuna.pruners.MedianPruner())


def _told(
    trial: Trial, values: Values, distributions: Mapping[str, BaseDistribution]
) -> optuna.trial.FrozenTrial:
    """The parameters in force as a trial of Optuna's."""
    from optuna.trial import create_trial

    errors = trial.errors
    so_far = {k: _ratio(errors[errors["block"] <= k + 1]) for k in range(BLOCKS)}
    return create_trial(
        value=trial.value,
        params=dict(values),
        distributions={name: distributions[name] for name in values},
        intermediate_values=so_far,
    )
