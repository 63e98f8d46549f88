"""Intervals that hold at every look at once, so that looking early, and often, does no harm.

An interval of 90 % that is looked at every week misses the truth at some look far more often than
in one trial of ten. A *confidence sequence* misses it at any look, ever, in at most one of ten.
This one is the normal mixture of Robbins (*Statistical methods related to the law of the iterated
logarithm*, Annals of Mathematical Statistics 41, 1970) with estimated variances, as in Theorem 2.2
of Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas, *Time-uniform central limit theory and asymptotic
confidence sequences*, Annals of Statistics 52, 2024. It is asymptotic. What few observations leave
open is met as in an ordinary interval, by the quantile of Student's t in place of the normal one.

It asks for increments that are not negatively correlated. Positive correlation, such as stores that
stay harder to forecast week after week, is in the standard error that it is given, and makes looks
more alike than the mixture assumes: then it is missed less often, not more (Slepian's inequality).
"""

from __future__ import annotations

import math

from scipy.special import lambertw, ndtr, stdtrit


def standard_errors(looks: int, freedom: int, *, confidence: float, sharpest_at: int) -> float:
    """How many standard errors the interval of one look reaches to either side.

    >>> [round(standard_errors(n, 1000, confidence=0.9, sharpest_at=12), 2) for n in (4, 12, 48)]
    [2.9, 2.77, 2.87]

    Args:
        looks: Which look it is, from 1 on: so many weeks, or pairs of weeks, have come.
        freedom: Degrees of freedom of the standard error.
        confidence: Probability that no look's interval ever misses.
        sharpest_at: The look at which the interval is narrowest for its age.

    Returns:
        Standard errors; infinite where there is no degree of freedom.
    """
    if freedom < 1:
        return math.inf
    alpha = 1 - confidence
    best = -float(lambertw(-(alpha**2) / math.e, -1).real) - 1
    age = best * looks / sharpest_at
    normal = math.sqrt((1 + 1 / age) * (math.log1p(age) - 2 * math.log(alpha)))
    return float(stdtrit(freedom, ndtr(normal)))
