"""Every data set under a folder: the ensemble beside its peers, on the same rows, in one run.

    python benchmarks/suite.py --data DIR --json FILE

``sets/NAME.yml`` says what the columns of ``DIR/NAME`` are and by which protocol it is run; sets of
the simulator need no data. See README.md.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import time
import traceback
import warnings
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from cached import Cache, digest_of
from peers import PEERS, TOGETHER, Peer
from report import COMPARED, OURS, figures, overall, paired, show
from sets import DataSet, SetParameters, blocks, declared, read

from demand_forecast.exceptions import NotEnoughHistoryError, did_you_mean
from demand_forecast.modelling.evaluation.backtest import backtest
from demand_forecast.modelling.evaluation.metrics import credit
from demand_forecast.modelling.models.baseline import HistoricalAverage
from demand_forecast.modelling.models.ensemble import Ensemble, EnsembleParameters
from demand_forecast.modelling.panel import KEY
from demand_forecast.modelling.protocol import POINTS, QUANTILES

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Options:
    """What a run was asked for.

    Attributes:
        data: Folder of the sets.
        cache: Folder of the peers' answers, if they are kept.
        ensemble: Parameters of the ensemble, if not the defaults.
        models: What is run beside the ensemble.
        origins: Origins of a block, if not the protocol's.
        full: Whether nothing is thinned.
    """

    data: Path
    cache: Path | None = None
    ensemble: dict[str, Any] | None = None
    models: tuple[str, ...] = tuple(PEERS)
    origins: int | None = None
    full: bool = False


def run_set(name: str, parameters: SetParameters, options: Options) -> dict[str, Any]:
    """Figures of one set: a row for each model, and how far ours is from the best of them."""
    warnings.simplefilter("ignore")
    data = read(name, parameters, options.data, options.full)
    progress(name, f"{data.panel.n_series} series, {data.panel.n_weeks} weeks")
    frames = [run_ours(data, options)]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    for peer in options.models:
        frame = run_peer(data, peer, options)
        frames += [] if frame is None else [frame]
    rows = scored(data, pd.concat([*frames, *together(frames)], ignore_index=True))
    table = figures(rows, data.parameters.mape_from)
    compared = () if table["own"].all() else COMPARED
    pairs = {name: paired(rows, table, name, parameters.mape_from) for name in compared}
    ours = rows[rows["model"] == OURS]
    return {
        "set": name,
        "rows": len(ours),
        "weeks": int(ours["week"].nunique()),
        "series": data.panel.n_series,
        "peak_mb": round(peak),
        "models": table.to_dict("records"),
        "paired": pairs,
    }


def run_ours(data: DataSet, options: Options) -> pd.DataFrame:
    """The ensemble and its members; the historical average where history is too short for it."""
    leads = data.parameters.protocol.leads
    parameters = EnsembleParameters.model_validate(options.ensemble or {})
    ensemble = Ensemble.from_parameters(parameters, max(leads)).clone(leads=leads)
    try:
        rows = _replayed(data, OURS, ensemble, options)
    except NotEnoughHistoryError as error:
        progress(data.name, f"historical average in place of the ensemble: {error}")
        rows = _replayed(data, OURS, HistoricalAverage(), options)
    seconds = rows["seconds"].where(rows["model"] == OURS)  # members are not fitted apart
    return rows.assign(own=True, seconds=seconds)


def run_peer(data: DataSet, name: str, options: Options) -> pd.DataFrame | None:
    """A peer's answers, from the cache where nothing has changed; None where it cannot be run."""
    peer = PEERS[name]
    if peer.missing:
        progress(data.name, f"{name} left out: {', '.join(peer.missing)} not installed")
        return None
    cache = Cache(options.cache, f"{data.name}-{name}", _digest(data, name, peer, options))
    frame = cache.read()
    if frame is None:
        try:
            model = peer.make(data.parameters.protocol.leads)
            frame = _replayed(data, name, model, options)
        except Exception as error:  # one peer's failure is no reason to lose the others
            progress(data.name, f"{name} left out: {type(error).__name__}: {error}")
            return None
        cache.write(frame)
    return frame.assign(own=False)


def _digest(data: DataSet, name: str, peer: Peer, options: Options) -> str:
    protocol = data.parameters.protocol.model_dump_json()
    return digest_of(
        [name, data.panel.digest, protocol, str(options.full), str(options.origins)], peer.ours
    )


def _replayed(data: DataSet, name: str, model: Any, options: Options) -> pd.DataFrame:
    """Fitted at the first origin of each block and replayed at all; with CPU seconds of it."""
    leads, parts = data.parameters.protocol.leads, []
    start = time.process_time()
    for number, (panel, positions) in enumerate(blocks(data, options.full, options.origins)):
        origins = [pd.Timestamp(panel.weeks[position]) for position in positions]
        fitted = model.fit(panel.until(origins[0], max_future=max(leads)))
        table = backtest({name: fitted}, panel, origins, max(leads))
        parts.append(table[table["horizon"].isin(leads)].assign(block=number))
    seconds = time.process_time() - start
    progress(data.name, f"{name}: {seconds:.1f} s")
    return pd.concat(parts, ignore_index=True).assign(seconds=seconds)


def together(frames: Sequence[pd.DataFrame]) -> list[pd.DataFrame]:
    """The peers that are means of two others."""
    by_name = {str(frame["model"].iloc[0]): frame for frame in frames}
    made = []
    for name, (first, second) in TOGETHER.items():
        if first in by_name and second in by_name:
            one, other = by_name[first], by_name[second]
            points = {p: np.expm1((np.log1p(one[p]) + np.log1p(other[p])) / 2) for p in POINTS}
            seconds = one["seconds"] + other["seconds"]
            made.append(one.assign(model=name, seconds=seconds, **points))
    return made


def scored(data: DataSet, rows: pd.DataFrame) -> pd.DataFrame:
    """The rows that count, with the segment; true demand is the actual where it is known.

    Where it is not, a sold-out week says only that demand was at least what was sold: whatever a
    model forecasts above it is no error, of ours as of any peer.
    """
    facts = data.panel.series[KEY].assign(segment=data.segment)
    rows = rows.merge(facts, on=KEY, how="left")
    if data.truth is not None:
        truth = pd.DataFrame(data.truth, columns=data.panel.weeks[: data.panel.n_weeks])
        long = pd.concat([data.panel.series[KEY], truth], axis=1).melt(
            KEY, var_name="week", value_name="wanted"
        )
        rows = rows.merge(long.astype({"week": rows["week"].dtype}), on=[*KEY, "week"], how="left")
        rows = rows.rename(columns={"actual": "sold", "wanted": "actual"}).assign(censored=False)
    else:
        answers = {name: rows[name] for name in (*POINTS, *QUANTILES)}
        rows = rows.assign(
            **{k: credit(v, rows["actual"], rows["censored"]) for k, v in answers.items()}
        )
    if data.parameters.scored == "positive":
        rows = rows[rows["actual"] > 0]
    return rows


def progress(name: str, text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {name}: {text}", flush=True)


def chosen(options: argparse.Namespace) -> dict[str, SetParameters]:
    """The sets to run: those asked for that are there."""
    every = declared()
    for name in options.sets or ():
        if name not in every:
            raise SystemExit(f"There is no set '{name}'. {did_you_mean(name, every)}")
    wanted = {name: own for name, own in every.items() if name in (options.sets or every)}
    for name in [n for n, own in wanted.items() if not own.simulated]:
        if not (options.data / name).is_dir():
            progress(name, f"skipped, there is no {options.data / name}")
            wanted.pop(name)
    return wanted


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--sets", nargs="+", help="some sets by name")
    parser.add_argument("--models", nargs="*", default=list(PEERS), choices=list(PEERS),
                        help="peers to run; none after the bare option")  # fmt: skip
    parser.add_argument("--origins", type=int, help="origins of a block, if not the protocol's")
    parser.add_argument("--full", action="store_true", help="nothing is thinned; takes hours")
    parser.add_argument("--ensemble", type=Path, help="YAML with parameters of the ensemble")
    parser.add_argument("--cache", type=Path, help="folder in which peers' answers are kept")
    parser.add_argument("--jobs", type=int, default=1, help="sets run at a time")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    return parser.parse_args()


def main() -> None:
    """Run the sets, each in a process of its own, and print their tables."""
    given = arguments()
    ensemble = yaml.safe_load(given.ensemble.read_text()) if given.ensemble else None
    options = Options(
        given.data, given.cache, ensemble, tuple(given.models), given.origins, given.full
    )
    context, results = multiprocessing.get_context("spawn"), []
    with ProcessPoolExecutor(given.jobs, context, max_tasks_per_child=1) as pool:
        runs = [pool.submit(run_set, name, own, options) for name, own in chosen(given).items()]
        for run in runs:
            try:
                results.append(run.result())
            except Exception:  # the other sets are run all the same
                traceback.print_exc()
                continue
            print(f"\n{show(results[-1])}\n", flush=True)
            if given.json:
                given.json.write_text(json.dumps(results, indent=2))
    print(overall(results))


if __name__ == "__main__":
    main()
