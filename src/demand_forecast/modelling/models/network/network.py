"""Neural network with categorical embeddings: quantiles, and the point of least relative error.

All seeds are one model. Some of them learn the quantiles; the others learn nothing but the point
with the least ``|f - y| / y``. The weighted median of the quantiles is that point too, but a small
network that must learn seventeen quantiles has little left for the low ones that it depends on: on
32 rounds of the orange juice benchmark before the official ones the mean of both was nearer.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from demand_forecast.modelling.features.sample import Sample
from demand_forecast.modelling.models.calibration.intervals import LEVELS
from demand_forecast.modelling.models.lasso.standardised import mean_and_scale
from demand_forecast.modelling.panel import BoolArray, IntArray
from demand_forecast.modelling.points import Array

_BLOCK = 25
_BATCHES = 25
_SMALL = 256
# Demand and offset by demand: more would let a few of the smallest quantities decide.
_HEAVIEST = 3.0
_NOTHING = 1e-3
# The layout too, so that a stored model outlives a change of the defaults.
_STORED = ("hidden", "seeds", "aimed", "sizes_", "size_", "history_")


@dataclass
class NetworkModel:
    """Embeddings, two hidden layers and quantiles that cannot cross, trained on the pinball loss.

    Attributes:
        hidden: Widths of the hidden layers.
        dropout: Share of hidden units dropped.
        seeds: Networks averaged for the quantiles; they are one model with a leading axis.
        aimed: Further networks averaged for the point of least relative error.
        batch: Rows of a step, fewer where there are not 25 times as many.
        passes: Passes over the rows, as far as ``min_steps`` and ``max_steps`` allow.
        min_steps: Fewest steps of a training.
        max_steps: Most steps of a training.
        rate: Highest learning rate of the one-cycle schedule.
        decay: Weight decay.
        unknown: Share of category codes replaced by "unknown" in training, so that new stores and
            products get sensible forecasts.
        refit: Train once more from the start on all weeks, after the held-out ones were looked at.
            Going on from the first training instead is cheaper, and looked worse on the development
            rounds of the orange juice benchmark.
        seed: Seed of weights, batches and dropout.
    """

    hidden: tuple[int, int] = (32, 16)
    dropout: float = 0.15
    seeds: int = 3
    aimed: int = 3
    batch: int = 512
    passes: float = 1.0
    min_steps: int = 300
    max_steps: int = 1200
    rate: float = 1.5e-2
    decay: float = 1e-2
    unknown: float = 0.1
    refit: bool = True
    seed: int = 0
    history_: list[float] = field(default_factory=list)

    def fit(self, sample: Sample, is_train: BoolArray, sizes: list[int], dense: IntArray) -> Array:
        """Train on the rows of ``is_train``, look at the rest, then train on all rows.

        Args:
            sample: Training rows, ``y`` known.
            is_train: ``(rows,)`` True for rows known before the held-out weeks.
            sizes: Number of known values of each categorical column.
            dense: Columns of ``sample.x`` that are not one-hot.

        Returns:
            ``(held-out rows, levels)`` quantiles from the first training, for calibration.
        """
        import torch

        self.sizes_, self.dense_ = list(sizes), np.asarray(dense)
        self._standardise(sample.x[np.ix_(is_train, self.dense_)], sample.y[is_train])
        with _one_thread(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            tensors = self._tensors(sample)
            rows, rest = np.flatnonzero(is_train), np.flatnonzero(~is_train)
            steps = math.ceil(self.passes * len(rows) / self.batch)
            steps = int(np.clip(steps, self.min_steps, self.max_steps))
            again = self.refit and len(rest) > 0
            # There is nothing to calibrate about an aimed point.
            self.net_ = self._build(aimed=0 if again else self.aimed)
            self.history_ = self._train(tensors, rows, steps, self.rate)
            held_out = self._answers(tensors, rest)[:, :-1]
            if again:
                self.net_ = self._build(self.aimed)
                self.history_ = self._train(tensors, np.arange(len(is_train)), steps, self.rate)
        return held_out

    def predict(self, sample: Sample) -> tuple[Array, Array | None]:
        """What the networks say of log demand relative to the level, means of the seeds.

        Returns:
            ``(rows, levels)`` quantiles; ``(rows,)`` the aimed point, None without aimed networks.
        """
        with _one_thread():
            found = self._answers(self._tensors(sample), np.arange(len(sample.y)))
        return found[:, :-1], found[:, -1] if self.aimed else None

    def state(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Fitted state as JSON-able figures and arrays."""
        arrays = {f"net.{k}": v.cpu().numpy() for k, v in self.net_.state_dict().items()}
        arrays |= {"mean_": self.mean_, "scale_": self.scale_, "dense_": self.dense_}
        figures = {name: getattr(self, name) for name in _STORED}
        return figures, arrays

    def restore(self, meta: dict[str, Any], arrays: dict[str, Any]) -> None:
        """Set what :meth:`state` gave."""
        import torch

        for name in _STORED:
            setattr(self, name, meta[name])
        self.mean_, self.scale_, self.dense_ = (arrays[k] for k in ("mean_", "scale_", "dense_"))
        self.net_ = self._build(self.aimed)
        weights = {k[4:]: torch.from_numpy(v) for k, v in arrays.items() if k.startswith("net.")}
        self.net_.load_state_dict(weights)

    def _standardise(self, x: Array, y: Array) -> None:
        self.mean_, self.scale_ = mean_and_scale(x)
        low, high = np.quantile(y, [0.1, 0.9])
        self.size_ = max(float(high - low) / 2.56, 0.05)

    def _build(self, aimed: int) -> Any:
        from demand_forecast.modelling.models.network.module import QuantileNet

        return QuantileNet(
            len(self.dense_),
            self.sizes_,
            self.hidden,
            self.dropout,
            self.seeds + aimed,
            aimed,
            LEVELS.tolist(),
        )

    def _tensors(self, sample: Sample) -> tuple[Any, ...]:
        import torch

        x = sample.x.take(self.dense_, axis=1)
        x -= self.mean_
        x /= self.scale_
        np.clip(x, -5, 5, out=x)
        y = np.nan_to_num(sample.y / self.size_)
        arrays = (x, sample.codes, y.astype(np.float32), sample.censored, _relative_weights(sample))
        return tuple(torch.from_numpy(np.ascontiguousarray(a)) for a in arrays)

    def _train(
        self, tensors: tuple[Any, ...], rows: IntArray, steps: int, rate: float
    ) -> list[float]:
        from demand_forecast.modelling.models.network.module import Schedule, train

        size = int(np.clip(len(rows) // _BATCHES, min(_SMALL, len(rows)), self.batch))
        batches = _Batches(rows, size, steps, self.seed)
        plan = Schedule(steps, rate, self.decay, self.unknown, self.size_)
        return train(self.net_, tensors, batches, plan)

    def _answers(self, tensors: tuple[Any, ...], rows: IntArray) -> Array:
        from demand_forecast.modelling.models.network.module import answers

        return np.asarray(answers(self.net_, tensors, rows) * self.size_)


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
