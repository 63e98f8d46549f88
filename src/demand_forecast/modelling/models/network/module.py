"""The torch side of the network: the module and its training. Imported only when needed."""

from __future__ import annotations

import logging
import math
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from demand_forecast.modelling.arrays import Array, IntArray

_RISE = 0.2
_MAX_NORM = 1.0
_MOST = 3.0  # logs that an aimed network may be too high and still feel more of it
_CHUNK = 8192
_BANK = 1 << 18


class QuantileNet(nn.Module):
    """Independent networks computed together; every parameter has them as a leading axis.

    The output is a median and non-negative steps to the other quantiles, so that they cannot cross.
    Of the last ``mape_seeds`` only the median is used, as the point of the least relative
    error that they are trained to be.
    """

    def __init__(
        self,
        features: int,
        sizes: list[int],
        hidden_sizes: tuple[int, ...],
        dropout: float,
        seeds: int,
        mape_seeds: int,
        levels: list[float],
    ) -> None:
        super().__init__()
        self.seeds, self.dropout = seeds, dropout
        self.n_quantile_networks = seeds - mape_seeds
        self._bank: Tensor | None = None
        dims = [min(8, max(2, math.ceil(size**0.5))) for size in sizes]
        tables = [nn.Embedding(s + 1, seeds * d) for s, d in zip(sizes, dims, strict=True)]
        for table in tables:
            nn.init.normal_(table.weight, std=0.1)
        self.tables = nn.ModuleList(tables)
        wide = hidden_sizes[0]
        # One product for all networks: the features are the same for each.
        first = torch.randn(features, seeds * wide) * (2 / (features + sum(dims))) ** 0.5
        self.first = nn.Parameter(first)
        self.linear = nn.Parameter(torch.zeros(features, seeds))
        embedded = torch.randn(seeds, sum(dims), wide) * (2 / (features + sum(dims))) ** 0.5
        self.embedded = nn.Parameter(embedded)
        widths = [*hidden_sizes, len(levels)]
        self.weights = nn.ParameterList(
            torch.randn(seeds, a, b) * (2 / a) ** 0.5 for a, b in pairwise(widths)
        )
        self.biases = nn.ParameterList(torch.zeros(seeds, 1, b) for b in widths)
        self._register_levels(levels)
        self._start_at_normal()

    def _register_levels(self, levels: list[float]) -> None:
        """Constant matrices in place of slices and running sums, whose gradients cost more."""
        self.levels: Tensor
        self.register_buffer("levels", torch.tensor(levels))
        self.median = levels.index(0.5)
        self.centre: Tensor
        self.steps: Tensor
        position = torch.arange(len(levels))
        above = (position[:, None] > self.median) & (position[:, None] <= position)
        below = (position[:, None] < self.median) & (position[:, None] >= position)
        centre = (position == self.median)[:, None].expand(-1, len(levels))
        self.register_buffer("steps", above.float() - below.float(), persistent=False)
        self.register_buffer("centre", centre.float(), persistent=False)

    def _start_at_normal(self) -> None:
        """Output the quantiles of a normal distribution before training."""
        scores = torch.special.ndtri(self.levels)
        steps = torch.diff(scores)
        with torch.no_grad():
            self.weights[-1].mul_(0.1)
            inverse = torch.log(torch.expm1(steps))
            self.biases[-1][:, 0, : self.median] = inverse[: self.median]
            self.biases[-1][:, 0, self.median + 1 :] = inverse[self.median :]

    def forward(self, x: Tensor, codes: Tensor) -> Tensor:
        """``(networks, rows, levels)`` quantiles."""
        parts = [table(codes[:, column]) for column, table in enumerate(self.tables)]
        parts = [part.view(len(x), self.seeds, -1) for part in parts]
        embedded = torch.cat(parts, dim=2).transpose(0, 1)
        direct = (x @ self.first).view(len(x), self.seeds, -1).transpose(0, 1)
        h = torch.baddbmm(direct + self.biases[0], embedded, self.embedded)
        for weight, bias in zip(self.weights, self.biases[1:], strict=True):
            h = nn.functional.relu(h)
            if self.training and self.dropout > 0:
                h = h * self._mask(h)
            h = torch.baddbmm(bias, h, weight)
        past = (x @ self.linear).T[..., None]
        return nn.functional.softplus(h) @ self.steps + h @ self.centre + past

    def _mask(self, h: Tensor) -> Tensor:
        """Dropout mask cut at random out of a bank; a fresh one costs more than the rest."""
        need = h.numel()
        bank = self._bank
        if bank is None or len(bank) < need + _BANK or bank.device != h.device:
            keep = torch.rand(need + _BANK, device=h.device) >= self.dropout
            self._bank = bank = keep.to(h.dtype) / (1 - self.dropout)
        start = int(torch.randint(_BANK, (1,)))
        return bank[start : start + need].view(h.shape)


@dataclass(frozen=True)
class TrainingPlan:
    """How to train.

    Attributes:
        steps: Number of steps.
        learning_rate: The highest one.
        weight_decay: Of AdamW.
        category_dropout: Share of category codes replaced by "unknown".
        unit: Size of one unit of the targets in logs.
    """

    steps: int
    learning_rate: float
    weight_decay: float
    category_dropout: float
    unit: float

    def rate_at(self, step: int) -> float:
        """Learning rate of a step: a linear rise over the first fifth, then half a cosine."""
        rise = max(_RISE * self.steps, 1)
        if step < rise:
            return self.learning_rate * (step + 1) / rise
        turn = math.pi * (step - rise) / (self.steps - rise + 1)
        return self.learning_rate * 0.5 * (1 + math.cos(turn))


class _Training(pl.LightningModule):
    """Several steps per call of the trainer, whose own work costs as much as a step."""

    def __init__(self, net: QuantileNet, tensors: tuple[Tensor, ...], plan: TrainingPlan) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.net, self.tensors, self.plan = net, tensors, plan
        self.losses: list[float] = []

    def setup(self, stage: str) -> None:
        self.tensors = tuple(t.to(self.device) for t in self.tensors)

    def training_step(self, blocks: Tensor, _: int) -> None:
        optimizer: Any = self.optimizers(use_pl_optimizer=False)
        scheduler: Any = self.lr_schedulers()
        total = torch.zeros((), device=self.device)
        for rows in blocks:
            loss = self._loss(rows)
            optimizer.zero_grad(set_to_none=True)
            torch.autograd.backward(loss)
            nn.utils.clip_grad_norm_(self.net.parameters(), _MAX_NORM)
            optimizer.step()
            scheduler.step()
            total += loss.detach()
        self.losses.append(float(total) / len(blocks) / self.net.seeds)

    def configure_optimizers(self) -> Any:
        # LambdaLR multiplies the optimizer's rate, so from 1 its factor is the rate itself.
        # OneCycleLR knows a cosine or a line for both of its phases, not one of each.
        optimizer = torch.optim.AdamW(
            self.net.parameters(), lr=1.0, weight_decay=self.plan.weight_decay, fused=True
        )
        return [optimizer], [torch.optim.lr_scheduler.LambdaLR(optimizer, self.plan.rate_at)]

    def _loss(self, rows: Tensor) -> Tensor:
        x, codes, y, censored, relative = (t.index_select(0, rows) for t in self.tensors)
        codes = codes * (torch.rand(codes.shape, device=codes.device) >= self.plan.category_dropout)
        net = self.net
        error = y[None, :, None] - net(x, codes)
        missed, too_high = (
            error[: net.n_quantile_networks],
            error[net.n_quantile_networks :, :, net.median],
        )
        loss = missed * (net.levels - (missed < 0).to(missed.dtype))
        share = torch.expm1(torch.clamp(-too_high * self.plan.unit, max=_MOST)).abs() * relative
        if bool(censored.any()):
            loss = loss * ~(censored[None, :, None] & (missed < 0))
            share = share * ~(censored & (too_high < 0))
        # Each network learns from its own loss alone; together they are one sum.
        total: Tensor = loss.mean((1, 2)).sum() + share.mean(1).sum()
        return total


def train(
    net: QuantileNet, tensors: tuple[Tensor, ...], batches: Iterable[IntArray], plan: TrainingPlan
) -> list[float]:
    """Train in place on index slices of preloaded tensors.

    Args:
        net: The network.
        tensors: Features, category codes, targets, censored flags, weights of relative errors; all
            rows.
        batches: Blocks of steps, ``(steps, rows of a step)`` positions each.
        plan: How to train.

    Returns:
        Mean loss of each block.
    """
    module = _Training(net, tensors, plan)
    for name in ("pytorch_lightning", "lightning_fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer = pl.Trainer(
            max_epochs=1,
            accelerator="auto",
            devices=1,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        net.train()
        trainer.fit(module, train_dataloaders=_AsTensors(batches))
    net.cpu().eval()
    return module.losses


class _AsTensors:
    def __init__(self, batches: Iterable[IntArray]) -> None:
        self.batches = batches

    def __iter__(self) -> Iterator[Tensor]:
        return (torch.from_numpy(rows) for rows in self.batches)


def answers(net: QuantileNet, tensors: tuple[Tensor, ...], rows: IntArray) -> Array:
    """``(rows, levels + 1)`` quantiles and, last, the aimed point: means over the networks."""
    net.eval()
    out = np.empty((len(rows), len(net.levels) + 1), dtype=np.float32)
    with torch.inference_mode():
        for start in range(0, len(rows), _CHUNK):
            part = torch.from_numpy(rows[start : start + _CHUNK])
            quantiles = net(tensors[0][part], tensors[1][part])
            out[start : start + _CHUNK, :-1] = quantiles[: net.n_quantile_networks].mean(0).numpy()
            out[start : start + _CHUNK, -1] = (
                quantiles[net.n_quantile_networks :, :, net.median].mean(0).numpy()
            )
    return out
