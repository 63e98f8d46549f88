"""How often experiments stop or conclude wrongly, and how soon they find a worse challenger.

    python benchmarks/experiments.py

Stores, weeks and errors are simulated, see ``demand_forecast.modelling.experiments.simulation``;
assignment, comparison and intervals are the project's own, looked at every week for half a year.
``--memory 0.6`` makes weeks more alike than the default, ``--between 0.06`` lets them favour one of
the models more.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

from demand_forecast.modelling.experiments.parameters import (
    AB,
    INTERLEAVED,
    SHADOW,
    ExperimentParameters,
)
from demand_forecast.modelling.experiments.readout import MEASURES
from demand_forecast.modelling.experiments.simulation import Company, error_rates

KINDS = (SHADOW, INTERLEAVED, AB)
WORSE = (0.02, 0.05, 0.10)


def measured(
    stores: list[int], trials: int, memory: float, between: float
) -> Iterator[dict[str, Any]]:
    """Rates of each kind and number of stores, without a difference and with each."""
    for kind, n in product(KINDS, stores):
        company = Company(stores=n, memory=memory, between=between)
        for worse in (0.0, *WORSE):
            count = trials if worse == 0 else max(trials // 4, 1)
            rates = error_rates(kind, company, worse, count)
            yield {"kind": kind, "stores": n, "worse": worse, **vars(rates)}


def rows(found: list[dict[str, Any]]) -> Iterator[list[str]]:
    """A line of the table for each kind and number of stores."""
    for kind, n in dict.fromkeys((one["kind"], one["stores"]) for one in found):
        null, *others = (one for one in found if (one["kind"], one["stores"]) == (kind, n))
        cells = [f"{100 * null[name]:.1f}" for name in ("missed", "stopped")]
        cells.append(f"{null['half_width']:.1f}")
        for one in others:
            weeks = f", {one['weeks']:.0f}" if one["stopped"] > 0 else ""
            cells.append(f"{100 * one['stopped']:.0f}{weeks}")
        yield [kind, str(n), *cells]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--stores", type=int, nargs="+", default=[12, 40, 200])
    parser.add_argument("--trials", type=int, default=1000, help="without a difference; else / 4")
    parser.add_argument("--memory", type=float, default=Company.memory)
    parser.add_argument("--between", type=float, default=Company.between)
    parser.add_argument("--json", type=Path, help="where to write the figures")
    options = parser.parse_args()
    found = list(measured(options.stores, options.trials, options.memory, options.between))
    share = 100 * (1 - ExperimentParameters().confidence)
    print(
        f"Shares in per cent, {Company.weeks} weekly looks at WAPE, weeks alike by "
        f"{options.memory:g}. All {len(MEASURES)} measures may miss in {share:.0f} %, each in "
        f"{share / len(MEASURES):.1f} %.\n"
    )
    finds = [f"{100 * worse:.0f} % worse: stopped, in weeks" for worse in WORSE]
    head = ["kind", "stores", "interval misses", "false stop", "± points", *finds]
    for line in (head, ["---"] * len(head), *rows(found)):
        print("| " + " | ".join(line) + " |")
    if options.json:
        options.json.write_text(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
