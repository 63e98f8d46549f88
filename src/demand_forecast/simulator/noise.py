"""Random numbers that depend on a seed and a name, never on the order of the work."""

from __future__ import annotations

from zlib import crc32

import numpy as np
import numpy.typing as npt


def generator(seed: int, *names: str) -> np.random.Generator:
    """A generator of its own for each seed and list of names."""
    return np.random.default_rng([seed, *(crc32(name.encode()) for name in names)])


def autoregressive(
    rng: np.random.Generator, shape: tuple[int, int], persistence: float, deviation: float
) -> npt.NDArray[np.float32]:
    """Stationary first-order autoregressions.

    Args:
        rng: Source of the noise.
        shape: ``(steps, series)``.
        persistence: Correlation from one step to the next.
        deviation: Standard deviation of the values themselves.

    Returns:
        ``(steps, series)``.
    """
    values = rng.standard_normal(shape, dtype=np.float32)
    noise = np.float32(np.sqrt(1.0 - persistence**2))
    for step in range(1, shape[0]):
        values[step] = np.float32(persistence) * values[step - 1] + noise * values[step]
    return values * np.float32(deviation)
