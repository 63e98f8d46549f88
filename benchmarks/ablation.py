"""What each feature group, member and calibration is worth: the ensemble with one of them left out.

    make demo
    python benchmarks/ablation.py                               # six segments of the sample
    python benchmarks/ablation.py --data DIR --json FILE        # and orange juice

On the sample, models are fitted before the validation window and tried at its eight origins, as in
a run, and compared with the demand that the simulator knows, not with sales, which sold-out weeks
cap. On the orange juice they are fitted anew in development rounds. What is left out is left out
of training and of forecasting. Figures are of the ensemble, in per cent: MAPE by ``mape_point``,
WAPE by ``median``, both over rows with demand, and the coverage of the 80 % interval.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd
from oj import FIRST_WEEK, LEADS
from report import ROOT, scores
from sample import truth_of
from tables import oj_panel

from demand_forecast.modelling.evaluation.backtest import backtest
from demand_forecast.modelling.evaluation.splits import rolling_origins
from demand_forecast.modelling.features import design
from demand_forecast.modelling.features.plans import columns, response
from demand_forecast.modelling.features.plans.kernel import PlanKernel
from demand_forecast.modelling.models.calibration.conformal import Calibration
from demand_forecast.modelling.models.ensemble import Ensemble
from demand_forecast.modelling.models.lasso.lasso import Lasso
from demand_forecast.modelling.models.member import Member
from demand_forecast.modelling.models.network.network import Network, NetworkParameters
from demand_forecast.modelling.models.rows import neighbours
from demand_forecast.modelling.panel import KEY, Panel

SEGMENTS = (
    "north_texas.large",
    "north_texas.small",
    "florida.large",
    "new_england.small",
    "great_lakes.large",
    "southern_california.small",
)
ROUNDS = range(99, 134, 6)  # of the development rounds
HORIZON, ORIGINS = 4, 8
NETWORK = {
    "seeds": 2,
    "mape_seeds": 2,
    "min_steps": 50,
}  # as conf/base says for the sample
_RELATIVES = ("product", "store", "category", "panel")

Scores = dict[str, list[pd.DataFrame]]


def _without_plans(panel: Panel) -> Panel:
    events = {k: c for k, c in panel.known_future.items() if k.startswith(("event_", "holiday_"))}
    return replace(panel, known_future=events)


def _without_events(panel: Panel) -> Panel:
    plans = {
        k: c for k, c in panel.known_future.items() if not k.startswith(("event_", "holiday_"))
    }
    return replace(panel, known_future=plans)


# What is taken away from the panel.
PANELS: dict[str, Callable[[Panel], Panel]] = {
    "price and promotion": _without_plans,
    "events and holidays": _without_events,
    "weather": lambda panel: replace(panel, weather={}),
    "attributes of stores and products": lambda p: replace(p, series=p.series[KEY]),
    "sold-out marks": lambda p: replace(p, censored=np.zeros_like(p.censored)),
}


def _season() -> list[AbstractContextManager[Any]]:
    return [
        patch.object(columns, "fourier", lambda weeks, order: np.zeros((len(weeks), 0))),
        patch.object(design, "seasonal_features", lambda *_: {}),
        patch.object(design, "week_of_year", lambda weeks: np.zeros(len(weeks), dtype=np.int64)),
    ]


def _history(keep: Callable[[bool], bool]) -> list[AbstractContextManager[Any]]:
    whole = design.history_features
    relatives = {f"{who}_{when}" for who in _RELATIVES for when in ("now", "recent")}

    def part(*arguments: Any) -> dict[str, Any]:
        return {k: v for k, v in whole(*arguments).items() if keep(k in relatives)}

    return [patch.object(design, "history_features", part)]


def _analogs() -> list[AbstractContextManager[Any]]:
    return [patch.object(design, "class_centres", lambda effect: np.empty(0, np.float32))]


def _kernel() -> list[AbstractContextManager[Any]]:
    return [patch.object(response, "fit_plan_kernel", lambda *_, **__: PlanKernel.empty())]


# What is taken away from the features.
FEATURES: dict[str, Callable[[], Sequence[AbstractContextManager[Any]]]] = {
    "season": _season,
    "lags, means and trends of the series": lambda: _history(lambda of_relatives: of_relatives),
    "what happened to its relatives": lambda: _history(lambda of_relatives: not of_relatives),
    "past weeks with similar plans": _analogs,
    "kernel on product-weeks": _kernel,
}


def variants(panel: Panel) -> Iterator[tuple[str, Panel, list[AbstractContextManager[Any]]]]:
    """Names, panels and patches; first nothing is left out."""
    yield "nothing", panel, []
    for name, change in PANELS.items():
        if _changes(panel, changed := change(panel)):
            yield name, changed, []
    for name, make in FEATURES.items():
        yield name, panel, list(make())


def _changes(panel: Panel, other: Panel) -> bool:
    return panel.digest != other.digest


def _within(patches: Sequence[AbstractContextManager[Any]], work: Callable[[], Any]) -> Any:
    if not patches:
        return work()
    with patches[0]:
        return _within(patches[1:], work)


def members(network: dict[str, Any]) -> dict[str, Member]:
    """A LASSO and a network with these parameters."""
    return {"lasso": Lasso(), "network": Network(NetworkParameters(**network))}


def uncalibrated(model: Ensemble) -> Ensemble:
    """The same fitted ensemble, its quantiles as they were blended."""
    plain = copy(model)
    plain.calibration_ = Calibration(np.zeros_like(model.calibration_.shifts), 1.0)
    return plain


def sample_segment(folder: Path) -> Iterator[tuple[str, pd.DataFrame]]:
    """Backtests of one segment of the sample by what was left out."""
    panel = Panel.load(max((folder / "panel").glob("*/panel")))
    classes = pd.read_parquet(folder / "velocity.parquet")["velocity"].to_numpy()
    origins = rolling_origins(panel, ORIGINS, HORIZON, 1)
    for velocity in ("fast", "slow"):
        mine = classes == velocity
        for name, whole, patches in variants(panel):

            def tried(
                borrow: bool = True,
                whole: Panel = whole,
                network: dict[str, Any] = NETWORK,
                mine: np.ndarray = mine,
            ) -> tuple[Ensemble, pd.DataFrame]:
                known = whole.until(origins[0])
                model = Ensemble(members(network), horizon=HORIZON)
                model.fit(known.select(mine), neighbours(known, mine, borrow))
                return model, backtest({"ensemble": model}, whole.select(mine), origins, HORIZON)

            model, table = _within(patches, tried)
            yield name, table[table["model"] == "ensemble"]
            if name == "nothing":
                yield "network", table[table["model"] == "lasso"]
                yield "LASSO", table[table["model"] == "network"]
                raw = backtest(
                    {"ensemble": uncalibrated(model)}, whole.select(mine), origins, HORIZON
                )
                yield "calibration", raw[raw["model"] == "ensemble"]
                yield "rows of other products", tried(borrow=False)[1].query("model == 'ensemble'")
                aimless = tried(network=NETWORK | {"mape_seeds": 0})[1]
                yield "networks for the MAPE point", aimless.query("model == 'ensemble'")


def oj_round(panel: Panel, last: int) -> Iterator[tuple[str, pd.DataFrame]]:
    """Forecasts of one round of the orange juice by what was left out."""
    weeks = last - FIRST_WEEK + 1
    actual = panel.demand[:, weeks : weeks + 3].reshape(-1)
    cut = panel.until(panel.weeks[weeks - 1], max_future=3)
    for name, known, patches in variants(cut):

        def tried(
            known: Panel = known, **settings: Any
        ) -> tuple[Ensemble, dict[str, pd.DataFrame]]:
            model = Ensemble(members(settings), leads=LEADS).fit(known)
            return model, model.predict_members(known, known.as_of, 3)

        def table(frame: pd.DataFrame) -> pd.DataFrame:
            return frame.assign(actual=actual).query(f"horizon >= {min(LEADS)}")

        model, frames = _within(patches, tried)
        yield name, table(frames["ensemble"])
        if name == "nothing":
            yield "network", table(frames["lasso"])
            yield "LASSO", table(frames["network"])
            yield "calibration", table(uncalibrated(model).predict(known, known.as_of, 3))
            yield "networks for the MAPE point", table(tried(mape_seeds=0)[1]["ensemble"])


def summary(found: Scores) -> pd.DataFrame:
    """Figures by what was left out, and how far they are from those of the whole."""
    rows = {name: scores(pd.concat(tables)) for name, tables in found.items()}
    table = pd.DataFrame(rows).T[["MAPE", "WAPE", "coverage 80%"]].astype(float)
    for figure in ("WAPE", "MAPE"):
        table.insert(2, f"{figure} more", (table[figure] - table.loc["nothing", figure]).round(2))
    return table.rename_axis("left out")


def main() -> None:
    """Print a table for the sample and, if its data are given, one for the orange juice."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--run", type=Path, default=ROOT / "data", help="data root of the demo")
    parser.add_argument("--segments", default=",".join(SEGMENTS), help="segments of the sample")
    parser.add_argument("--data", type=Path, help="folder of the orange juice data")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    options = parser.parse_args()
    tables = {}
    start = time.perf_counter()
    found: Scores = {}
    segments = options.segments.split(",")
    truth = truth_of(options.run / "01_raw", sorted({s.split(".")[0] for s in segments}))
    for segment in segments:
        folder = options.run / "03_primary" / segment.replace(".", "/")
        wanted = truth[truth["region"] == segment.split(".")[0]]
        for name, table in sample_segment(folder):
            rows = table.astype(dict.fromkeys(KEY, str)).merge(wanted, on=[*KEY, "week"])
            found.setdefault(name, []).append(rows.assign(actual=rows["wanted"]))
    tables["sample, against true demand"] = summary(found)
    if options.data:
        panel, found = oj_panel(options.data), {}
        for last in ROUNDS:
            for name, table in oj_round(panel, last):
                found.setdefault(name, []).append(table)
        tables["orange juice, development rounds"] = summary(found)
    for title, table in tables.items():
        print(f"\n{title}\n{table.to_string()}")
    print(f"\n{time.perf_counter() - start:.0f} seconds")
    if options.json:
        figures = {title: t.reset_index().to_dict("records") for title, t in tables.items()}
        options.json.write_text(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
