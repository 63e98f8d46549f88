"""How many lines of a drafted layout a person must change until another company's data are right.

Drafts a layout of the raw files, makes the edits listed below, conditions the region by it,
and compares the result with that of a layout written by hand::

    python benchmarks/drafts.py --oj DIR --walmart DIR
"""

from __future__ import annotations

import argparse
import logging
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import yaml

from demand_forecast.conditioning import ConditionedRegion, ConditioningParameters, RawSource
from demand_forecast.conditioning.drafting import draft_environment
from demand_forecast.conditioning.layout import Layout, parse_layout
from demand_forecast.conditioning.region import condition_region

ROOT = Path(__file__).parents[1]
LAYOUT, PARAMETERS = "layouts/mine.yml", "parameters/conditioning.yml"


class Company(NamedTuple):
    """Raw files, the configuration that reads them, and what a draft of it leaves to a person."""

    conf: Path
    edits: Sequence[tuple[str, str, str]]
    columns: dict[str, dict[str, str]]  # names by hand: names drafted


def companies(oj: Path | None, walmart: Path | None) -> dict[Path, Company]:
    known: dict[Path, Company] = {}
    if oj is not None:
        edits = [
            (LAYOUT, "&week_1_begins decide", "&week_1_begins 1989-09-14"),
            (LAYOUT, "country: null", "country: US"),
            (PARAMETERS, "week_ends_on: decide", "week_ends_on: wednesday"),
        ]
        plan = {"price": "price", "deal": "deal", "feature": "feat"}
        known[oj] = Company(ROOT / "conf" / "oj", edits, {"promotions": plan})
    if walmart is not None:
        edits = [
            (LAYOUT, "&week_is decide", "&week_is end"),
            (LAYOUT, "country: null", "country: US"),
        ]
        plan = {f"markdown{k}": f"markdown{k}" for k in range(1, 6)}
        plan |= {"holiday": "isholiday", "fuel_price": "fuel_price"}
        formats = {"store_format": "store_format"}
        columns = {"promotions": plan, "stores": formats}
        known[walmart] = Company(walmart / "conf", edits, columns)
    return known


def by_hand(conf: Path) -> tuple[Layout, list[str], ConditioningParameters]:
    segments = yaml.safe_load((conf / "segments.yml").read_text())
    [(name, values)] = yaml.safe_load(next((conf / "layouts").glob("*.yml")).read_text()).items()
    given = yaml.safe_load((conf / PARAMETERS).read_text())["conditioning"]
    return parse_layout(name, values), segments["store_formats"], _parameters(given)


def drafted(folder: Path, company: Company) -> tuple[Layout, list[str], ConditioningParameters]:
    texts = {file.path: file.text for file in draft_environment(folder, "mine")}
    for file, old, new in company.edits:
        if texts[file].count(old) != 1:
            raise SystemExit(f"{folder}: {file} has no line with '{old}' (or several).")
        texts[file] = texts[file].replace(old, new)
    segments = yaml.safe_load(texts["segments.yml"])
    given = yaml.safe_load(texts[PARAMETERS])["conditioning"]
    layout = parse_layout("mine", yaml.safe_load(texts[LAYOUT])["mine"])
    return layout, segments["store_formats"], _parameters(given)


def _parameters(given: dict[str, Any]) -> ConditioningParameters:
    return ConditioningParameters(**given, min_rows_share=0)


def condition(
    folder: Path, layout: Layout, formats: list[str], parameters: ConditioningParameters
) -> ConditionedRegion:
    handles = {source: RawSource(source, str(folder)) for source in layout.sources}
    return condition_region(handles, layout, "here", formats, parameters)


def differences(
    mine: ConditionedRegion, theirs: ConditionedRegion, columns: dict[str, dict[str, str]]
) -> list[str]:
    wanted = {"shipments": {"units_shipped": "units_shipped"}} | columns
    key = ["store_id", "product_id", "week"]
    told = []
    for source, names in wanted.items():
        on = [c for c in key if c in theirs.tables[source]]
        left = theirs.tables[source].set_index(on)[list(names)].sort_index()
        right = mine.tables[source].set_index(on)[list(names.values())].sort_index()
        try:
            pd.testing.assert_frame_equal(left, right.set_axis(list(names), axis=1))
        except AssertionError as error:
            told.append(f"{source}: {str(error).splitlines()[-1]}")
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--oj", type=Path, help="folder of the orange juice")
    parser.add_argument("--walmart", type=Path, help="folder of the departments")
    options = parser.parse_args()
    logging.disable(logging.WARNING)
    for folder, company in companies(options.oj, options.walmart).items():
        start = time.perf_counter()
        draft = drafted(folder, company)
        seconds = time.perf_counter() - start
        mine = condition(folder, *draft)
        wrong = differences(mine, condition(folder, *by_hand(company.conf)), company.columns)
        verdict = "; ".join(wrong) or "the same as by hand"
        rows = mine.control_totals["rows_in"].sum()
        print(
            f"{folder.name}: {len(company.edits)} edits, {verdict}; {rows:,} rows, "
            f"drafted in {seconds:.1f} s"
        )


if __name__ == "__main__":
    main()
