"""What each member of the ensemble is for: errors on every set of the suite without it.

    python benchmarks/members.py --data DIR --json FILE

The ensemble is fitted as ``suite.py`` does, with all members and with one of them left out. Ratios
of errors to those with all of them are above 1 where the member is needed.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import warnings
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from report import COMPARED, OURS, figures
from sets import SetParameters, read
from suite import ROOT, Options, chosen, run_ours, scored

from demand_forecast.modelling.models.ensemble import DEFAULT_MEMBERS

EVERYTHING = "everything"


def run(name: str, parameters: SetParameters, data: Path) -> dict[str, dict[str, float]]:
    """Errors of one set by what was left out."""
    warnings.simplefilter("ignore")
    given = read(name, parameters, data)
    errors = {}
    for left_out in (None, *DEFAULT_MEMBERS):
        ensemble: dict[str, Any] = {left_out: None} if left_out else {}
        rows = scored(given, run_ours(given, Options(data, ensemble=ensemble)))
        table = figures(rows, parameters.mape_from).set_index("model")
        errors[left_out or EVERYTHING] = table.loc[OURS, list(COMPARED)].astype(float).to_dict()
    return errors


def ratios(results: dict[str, dict[str, dict[str, float]]]) -> pd.DataFrame:
    """Errors without a member, as ratios to those with all: by set, and their geometric mean."""
    lines = {
        name: {
            (measure, f"without {member}"): errors[member][measure] / errors[EVERYTHING][measure]
            for measure in COMPARED
            for member in DEFAULT_MEMBERS
        }
        for name, errors in results.items()
    }
    table = pd.DataFrame(lines).T
    table.loc["geometric mean"] = np.exp(np.log(table).mean())
    return table


def markdown(table: pd.DataFrame) -> str:
    """The table, for a page."""
    head = ["set", *(f"{measure} {member}" for measure, member in table.columns)]
    lines = [head, ["---", *["---:"] * table.shape[1]]]
    lines += [[str(name), *(f"{v:.3f}" for v in values)] for name, values in table.iterrows()]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--sets", nargs="+", help="some sets by name")
    parser.add_argument("--jobs", type=int, default=1, help="sets run at a time")
    parser.add_argument("--json", type=Path, help="where to write the errors")
    options = parser.parse_args()
    sets, context = chosen(options), multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(options.jobs, context, max_tasks_per_child=1) as pool:
        runs = {name: pool.submit(run, name, own, options.data) for name, own in sets.items()}
        results = {name: future.result() for name, future in runs.items()}
    print(markdown(ratios(results)))
    if options.json:
        options.json.write_text(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
