"""Tests by Student's distribution, and many of them at once.

``scipy.stats`` has both, and takes half a second to import, which every command would have to wait.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import stdtr


def tail(t: float, degrees: int) -> float:
    """Probability of more than ``t`` under Student's distribution.

    >>> round(tail(2.0, 10), 4)
    0.0367

    Args:
        t: The statistic.
        degrees: Degrees of freedom.
    """
    return float(stdtr(degrees, -t))


def adjusted(p_values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """P-values of tests that were made together, adjusted for their number.

    Those at most ``q`` are found with a share of ``q`` of false ones (Benjamini & Hochberg,
    *Controlling the false discovery rate*, Journal of the Royal Statistical Society B 57, 1995).

    >>> adjusted(np.array([0.02, 0.01, 0.9])).round(3).tolist()
    [0.03, 0.03, 0.9]

    Args:
        p_values: ``(tests,)``, none missing.
    """
    n, order = len(p_values), np.argsort(p_values)
    scaled = p_values[order] * n / np.arange(1, n + 1)
    smallest = np.minimum.accumulate(scaled[::-1])[::-1]
    q_values = np.empty(n)
    q_values[order] = np.minimum(smallest, 1.0)
    return q_values
