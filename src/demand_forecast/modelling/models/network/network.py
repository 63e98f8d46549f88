"""Neural network with categorical embeddings: quantiles, and the point of least relative error.

All networks are one model. Some of them learn the quantiles; the others learn nothing but the point
with the least ``|f - y| / y``. The weighted median of the quantiles is that point too, but a small
network that must learn seventeen quantiles has little left for the low ones that it depends on: on
32 rounds of the orange juice benchmark before the official ones the mean of both was nearer.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

import numpy as np
import pandas as pd
from pydantic import Field, NonNegativeInt, PositiveInt, model_validator

from demand_forecast.modelling.arrays import Array, Arrays, IntArray, State
from demand_forecast.modelling.features.sample import Sample
from demand_forecast.modelling.models.calibration.censored import QUANTILE_LEVELS
from demand_forecast.modelling.models.member import Member
from demand_forecast.modelling.models.rows import Training
from demand_forecast.modelling.models.standardised import mean_and_scale
from demand_forecast.modelling.parameters import Parameters, Searched

if TYPE_CHECKING:
    from torch import Tensor

    from demand_forecast.modelling.models.network.quantile_net import QuantileNet

_BLOCK = 25
_BATCHES = 25
_SMALL = 256
# Demand and offset by demand: more would let a few of the smallest quantities decide.
_HEAVIEST = 3.0
_NOTHING = 1e-3
# Torch's random numbers are one sequence for the whole process: networks that were trained in
# several threads at once would take each other's.
_TRAINING = Lock()
_LEARNED = ("mean_", "scale_", "range_", "dense_")


class NetworkParameters(Parameters):
    """Layout of the networks and how they are trained."""

    hidden_sizes: tuple[PositiveInt, PositiveInt] = Field(
        default=(32, 16), description="Widths of the two hidden layers."
    )
    dropout: Annotated[float, Searched(0.0, 0.4)] = Field(
        default=0.15, ge=0, lt=1, description="Share of hidden units dropped in training."
    )
    seeds: PositiveInt = Field(
        default=3,
        description="Networks averaged for the quantiles; they are one model with a leading axis.",
    )
    mape_seeds: NonNegativeInt = Field(
        default=3, description="Further networks averaged for the point of least relative error."
    )
    batch_size: PositiveInt = Field(
        default=512,
        description="Rows of a step; fewer where there are not 25 times as many rows.",
    )
    epochs: Annotated[float, Searched(0.5, 4.0, log=True)] = Field(
        default=1.0,
        ge=0,
        description="Passes over the rows, as far as min_steps and max_steps allow.",
    )
    min_steps: PositiveInt = Field(default=300, description="Fewest steps of a training.")
    max_steps: PositiveInt = Field(default=1200, description="Most steps of a training.")
    learning_rate: Annotated[float, Searched(3e-3, 5e-2, log=True)] = Field(
        default=1.5e-2,
        gt=0,
        le=1,
        description="Highest learning rate; it rises over the first fifth of the steps and then "
        "falls as a cosine.",
    )
    weight_decay: Annotated[float, Searched(1e-4, 1e-1, log=True)] = Field(
        default=1e-2,
        ge=0,
        description="Decoupled weight decay of AdamW (Loshchilov and Hutter 2019).",
    )
    category_dropout: float = Field(
        default=0.1,
        ge=0,
        lt=1,
        description='Share of category codes replaced by "unknown" in training, so that new stores '
        "and products get sensible forecasts.",
    )
    refit: bool = Field(
        default=True,
        description="Train once more from the start on all weeks, after the held-out ones were "
        "looked at. Going on from the first training instead is cheaper, and looked worse on the "
        "development rounds of the orange juice benchmark.",
    )
    seed: NonNegativeInt | None = Field(
        default=None,
        description="Seed of weights, batches and dropout; that of the ensemble if not given.",
    )

    @model_validator(mode="after")
    def _steps_in_order(self) -> Self:
        if self.min_steps > self.max_steps:
            raise ValueError(
                f"min_steps is {self.min_steps} and max_steps is {self.max_steps}; valid: "
                "min_steps at most max_steps"
            )
        return self


class Network(Member):
    """Network with categorical embeddings and quantiles that cannot cross, on the pinball loss.

    Args:
        parameters: Its :class:`NetworkParameters`.
        horizon: See :class:`~demand_forecast.modelling.models.direct.DirectForecaster`.
        leads: Likewise.
        seed: Likewise.

    Attributes:
        net_: The trained networks, one torch module.
        history_: Training loss, one figure per 25 steps.
        sizes_: Number of known values of each categorical column.
        dense_: Columns of the features that are not one-hot.
        mean_: ``(dense,)`` of the features before the held-out weeks.
        scale_: ``(dense,)`` likewise, their standard deviation.
        range_: ``(2, dense)`` least and largest value of each feature before the held-out weeks.
        centre_: Median of the targets in logs before the held-out weeks.
        unit_: One unit of the targets in logs.
    """

    kind = "network"
    parameters_class: ClassVar[type[Parameters]] = NetworkParameters
    parameters: NetworkParameters
    wants_filled_demand = True

    def _fit_rows(self, training: Training) -> Array:
        """Train on the rows before the held-out weeks, look at those, then train on all rows."""
        import torch

        parameters, sample = self.parameters, training.sample
        self.sizes_, self.dense_ = training.sizes, np.asarray(training.dense)
        train, rest = np.flatnonzero(training.is_train), np.flatnonzero(~training.is_train)
        self._standardise(sample.x[np.ix_(training.is_train, self.dense_)], sample.y[train])
        with _TRAINING, _one_thread(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(self._seed)
            tensors = self._tensors(sample)
            steps = math.ceil(parameters.epochs * len(train) / parameters.batch_size)
            steps = int(np.clip(steps, parameters.min_steps, parameters.max_steps))
            again = parameters.refit and len(rest) > 0
            # There is nothing to calibrate about an aimed point.
            self.net_ = self._build(0 if again else parameters.mape_seeds)
            self.history_ = self._train(tensors, train, steps)
            held_out = self._answers(tensors, rest)[:, :-1]
            if again:
                self.net_ = self._build(parameters.mape_seeds)
                self.history_ = self._train(tensors, np.arange(len(sample.y)), steps)
        return held_out

    def _predict_rows(self, sample: Sample) -> tuple[Array, Array | None]:
        with _one_thread():
            answers = self._answers(self._tensors(sample), np.arange(len(sample.y)))
        return answers[:, :-1], answers[:, -1] if self.parameters.mape_seeds else None

    def tables(self) -> dict[str, pd.DataFrame]:
        """The training loss."""
        blocks = np.arange(1, len(self.history_) + 1)
        return {"training_loss": pd.DataFrame({"block": blocks, "loss": self.history_})}

    def _state(self) -> State:
        arrays = {f"net.{k}": v.cpu().numpy() for k, v in self.net_.state_dict().items()}
        arrays |= {name: getattr(self, name) for name in _LEARNED}
        names = ("sizes_", "centre_", "unit_", "history_")
        return {name: getattr(self, name) for name in names}, arrays

    def _restore(self, figures: dict[str, Any], arrays: Arrays) -> None:
        import torch

        self.sizes_ = figures["sizes_"]
        self.centre_, self.unit_ = float(figures["centre_"]), float(figures["unit_"])
        self.history_ = figures["history_"]
        for name in _LEARNED:
            setattr(self, name, arrays[name])
        self.net_ = self._build(self.parameters.mape_seeds)
        weights = {k: torch.from_numpy(arrays[f"net.{k}"]) for k in self.net_.state_dict()}
        self.net_.load_state_dict(weights)

    @property
    def _seed(self) -> int:
        return self.seed if self.parameters.seed is None else self.parameters.seed

    def _standardise(self, x: Array, y: Array) -> None:
        self.mean_, self.scale_ = mean_and_scale(x)
        self.range_ = np.stack([x.min(axis=0), x.max(axis=0)])
        # Plans that are on in nearly all weeks are taken out of levels, so that targets can lie far
        # from none: a network that has to get there first spends its steps on nothing else.
        low, self.centre_, high = np.quantile(y, [0.1, 0.5, 0.9]).tolist()
        self.unit_ = max((high - low) / 2.56, 0.05)

    def _build(self, mape_seeds: int) -> QuantileNet:
        from demand_forecast.modelling.models.network.quantile_net import QuantileNet

        parameters = self.parameters
        return QuantileNet(
            len(self.dense_),
            self.sizes_,
            parameters.hidden_sizes,
            parameters.dropout,
            parameters.seeds + mape_seeds,
            mape_seeds,
            QUANTILE_LEVELS.tolist(),
        )

    def _tensors(self, sample: Sample) -> tuple[Tensor, ...]:
        import torch

        x = sample.x.take(self.dense_, axis=1)
        # Outside what it has seen a network goes on with whatever slope it happens to have: after
        # twelve weeks of history, waves of the year are such features.
        np.clip(x, *self.range_, out=x)
        x -= self.mean_
        x /= self.scale_
        np.clip(x, -5, 5, out=x)
        y = np.nan_to_num((sample.y - self.centre_) / self.unit_)
        arrays = (x, sample.codes, y.astype(np.float32), sample.censored, _relative_weights(sample))
        return tuple(torch.from_numpy(np.ascontiguousarray(a)) for a in arrays)

    def _train(self, tensors: tuple[Tensor, ...], rows: IntArray, steps: int) -> list[float]:
        from demand_forecast.modelling.models.network.training import TrainingPlan, train

        parameters = self.parameters
        size = int(np.clip(len(rows) // _BATCHES, min(_SMALL, len(rows)), parameters.batch_size))
        plan = TrainingPlan(
            steps=steps,
            learning_rate=parameters.learning_rate,
            weight_decay=parameters.weight_decay,
            category_dropout=parameters.category_dropout,
            unit=self.unit_,
        )
        return train(self.net_, tensors, _Batches(rows, size, steps, self._seed), plan)

    def _answers(self, tensors: tuple[Tensor, ...], rows: IntArray) -> Array:
        from demand_forecast.modelling.models.network.quantile_net import answers

        return np.asarray(answers(self.net_, tensors, rows) * self.unit_ + self.centre_)


def _relative_weights(sample: Sample) -> Array:
    """``(rows,)`` demand and offset by demand; 0 without demand, which has no relative error."""
    share = 1 - sample.offset * np.exp(-np.nan_to_num(sample.y) - sample.level)
    weight = np.minimum(1 / np.maximum(share, _NOTHING), _HEAVIEST)
    return np.where(share > _NOTHING, weight, 0).astype(np.float32)


@dataclass
class _Batches:
    """Positions of the rows of each step: shuffled passes, cut into equal batches.

    Yields blocks of up to ``_BLOCK`` steps, ``(steps, size)``.
    """

    rows: IntArray
    size: int
    steps: int
    seed: int

    def __iter__(self) -> Iterator[IntArray]:
        random = np.random.default_rng(self.seed)
        order, start = random.permutation(self.rows), 0
        for first in range(0, self.steps, _BLOCK):
            block = []
            for _ in range(min(_BLOCK, self.steps - first)):
                if start + self.size > len(order):
                    order, start = random.permutation(self.rows), 0
                block.append(order[start : start + self.size])
                start += self.size
            yield np.stack(block)


class _one_thread:  # noqa: N801
    """One torch thread inside: small models lose by more, and workers share the cores."""

    def __enter__(self) -> None:
        import torch

        self.before = torch.get_num_threads()
        torch.set_num_threads(1)

    def __exit__(self, *_: object) -> None:
        import torch

        torch.set_num_threads(self.before)
