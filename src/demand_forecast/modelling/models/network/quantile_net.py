"""The torch module of the network and its answers. Imported only when needed."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn

from demand_forecast.modelling.arrays import Array, IntArray

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
