"""Training of the network with Lightning. Imported only when needed: it takes seconds."""

from __future__ import annotations

import logging
import math
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from demand_forecast.modelling.arrays import IntArray
from demand_forecast.modelling.models.network.quantile_net import QuantileNet

_RISE = 0.2
_MAX_NORM = 1.0
_MOST = 3.0  # logs that an aimed network may be too high and still feel more of it


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
