"""How many examples the property tests try, and whether they are the same ones each time.

``HYPOTHESIS_PROFILE`` picks one:

- ``ci`` (the default): the same examples each time, so that a change is judged by what it changes.
- ``thorough``: fifty times as many, other ones each time: for looking for counterexamples.
- ``mutants``: as ``ci``, without making a failing example small; for ``benchmarks/mutants.py``.
"""

from __future__ import annotations

import os
from typing import Final

from hypothesis import HealthCheck, Phase, settings

_SCALE: Final = {"ci": 1, "thorough": 50, "mutants": 1}
PROFILE: Final = os.environ.get("HYPOTHESIS_PROFILE", "ci")


def examples(count: int) -> settings:
    """Settings of a property test that tries ``count`` examples, more in a thorough search."""
    return settings(max_examples=count * _SCALE[PROFILE])


def load() -> None:
    """Register the profiles and load the one that is asked for."""
    settings.register_profile("ci", derandomize=True, database=None, deadline=None, print_blob=True)
    settings.register_profile(
        "thorough",
        max_examples=100 * _SCALE["thorough"],
        deadline=None,
        print_blob=True,
        suppress_health_check=[HealthCheck.too_slow],
    )
    settings.register_profile(
        "mutants", settings.get_profile("ci"), phases=[Phase.explicit, Phase.generate]
    )
    settings.load_profile(PROFILE)
