"""The torch side of the network: the module and its training. Imported only when one is trained or read."""

from __future__ import annotations

import logging
import math
import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from demand_forecast.modelling.panel import FloatArray, IntArray

_EPOCH_STEPS = 50
_CHUNK = 8192
_BANK = 1 << 18


class QuantileNet(nn.Module):
    """``seeds`` independent networks computed together; every parameter has a leading seed axis.

    The output is a median and non-negative steps to the other quantiles, so that they cannot cross.
    """

    def __init__(
        self,
        features: int,
        sizes: list[int],
        hidden: tuple[int, int],
        dropout: float,
        seeds: int,
        levels: list[float],
    ) -> None:
        super().__init__()
        self.seeds, self.dropout = seeds, dropout
        self._bank: Tensor | None = None
        dims = [min(8, max(2, math.ceil(size**0.5))) for size in sizes]
        self.tables = nn.ModuleList(
            nn.Embedding(size + 1, seeds * dim) for size, dim in zip(sizes, dims, strict=True)
        )
        for table in self.tables:
            nn.init.normal_(table.weight, std=0.1)
        widths = [features + sum(dims), *hidden, len(levels)]
        self.weights = nn.ParameterList(
            torch.randn(seeds, a, b) * (2 / a) ** 0.5 for a, b in zip(widths, widths[1:], strict=False)
        )
        self.biases = nn.ParameterList(torch.zeros(seeds, 1, b) for b in widths[1:])
        self.linear = nn.Parameter(torch.zeros(seeds, features, 1))
        self.register_buffer("levels", torch.tensor(levels))
        self.median = levels.index(0.5)
        self._start_at_normal()

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
        """``(seeds, rows, levels)`` quantiles."""
        parts = [x.expand(self.seeds, *x.shape)]
        for column, table in enumerate(self.tables):
            rows = table(codes[:, column]).view(len(x), self.seeds, -1)
            parts.append(rows.transpose(0, 1))
        h = torch.cat(parts, dim=2)
        for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            h = nn.functional.relu(torch.baddbmm(bias, h, weight))
            if self.training and self.dropout > 0:
                h = h * self._mask(h)
        out = torch.baddbmm(self.biases[-1], h, self.weights[-1])
        centre = out[..., self.median : self.median + 1] + x @ self.linear
        steps = nn.functional.softplus(out)
        below = steps[..., : self.median].flip(-1).cumsum(-1).flip(-1)
        above = steps[..., self.median + 1 :].cumsum(-1)
        return torch.cat([centre - below, centre, centre + above], dim=-1)


    def _mask(self, h: Tensor) -> Tensor:
        """Dropout mask cut at random out of a bank: drawing one per step costs more than the rest."""
        need = h.numel()
        bank = self._bank
        if bank is None or len(bank) < need + _BANK or bank.device != h.device:
            keep = torch.rand(need + _BANK, device=h.device) >= self.dropout
            self._bank = bank = keep.to(h.dtype) / (1 - self.dropout)
        start = int(torch.randint(_BANK, (1,)))
        return bank[start : start + need].view(h.shape)


class _Training(pl.LightningModule):
    def __init__(
        self, net: QuantileNet, tensors: tuple[Tensor, ...], steps: int, rate: float, decay: float,
        unknown: float,
    ) -> None:
        super().__init__()
        self.net, self.tensors = net, tensors
        self.steps, self.rate, self.decay, self.unknown = steps, rate, decay, unknown
        self.losses: list[Tensor] = []

    def setup(self, stage: str) -> None:
        self.tensors = tuple(t.to(self.device) for t in self.tensors)

    def training_step(self, rows: Tensor, _: int) -> Tensor:
        x, codes, y, censored = (t[rows] for t in self.tensors)
        codes = codes * (torch.rand(codes.shape, device=codes.device) >= self.unknown)
        error = y[None, :, None] - self.net(x, codes)
        loss = torch.maximum(self.net.levels * error, (self.net.levels - 1) * error)
        if bool(censored.any()):
            loss = loss * ~(censored[None, :, None] & (error < 0))
        value = loss.mean() * self.net.seeds
        self.losses.append(value.detach() / self.net.seeds)
        return value

    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.AdamW(self.net.parameters(), lr=self.rate, weight_decay=self.decay)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, max_lr=self.rate, total_steps=self.steps + 1, pct_start=0.2
        )
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }


def train(
    net: QuantileNet,
    tensors: tuple[Tensor, ...],
    batches: Iterable[IntArray],
    steps: int,
    rate: float,
    decay: float,
    unknown: float,
) -> list[float]:
    """Train in place on index slices of preloaded tensors; the loss per ``_EPOCH_STEPS`` steps."""
    module = _Training(net, tensors, steps, rate, decay, unknown)
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    logging.getLogger("lightning_fabric").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer = pl.Trainer(
            max_steps=steps, max_epochs=1, accelerator="auto", devices=1, logger=False,
            enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
            gradient_clip_val=1.0,
        )
        net.train()
        trainer.fit(module, train_dataloaders=_AsTensors(batches))
    net.cpu().eval()
    losses = torch.stack(module.losses).cpu().numpy()
    epochs = np.array_split(losses, max(len(losses) // _EPOCH_STEPS, 1))
    return [float(part.mean()) for part in epochs]


class _AsTensors:
    def __init__(self, batches: Iterable[IntArray]) -> None:
        self.batches = batches

    def __iter__(self) -> Any:
        return (torch.from_numpy(rows) for rows in self.batches)


def quantiles(net: QuantileNet, tensors: tuple[Tensor, ...], rows: IntArray) -> FloatArray:
    """``(rows, levels)`` mean over the seeds."""
    net.eval()
    out = np.empty((len(rows), len(net.levels)), dtype=np.float32)
    with torch.inference_mode():
        for start in range(0, len(rows), _CHUNK):
            part = torch.from_numpy(rows[start : start + _CHUNK])
            out[start : start + _CHUNK] = net(tensors[0][part], tensors[1][part]).mean(0).numpy()
    return out
