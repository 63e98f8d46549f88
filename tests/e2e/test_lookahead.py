"""What comes after ``as_of`` changes nothing in training, validation or scoring."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from deliveries import KNOWN_ON, Source, simulated
from project import Project

from demand_forecast.simulator.company import Company

pytestmark = pytest.mark.walk

SEGMENT = "north_texas.large"
REGIONS = {"north_texas": "us_csv"}
AS_OF, LAST = date(2018, 9, 29), date(2018, 12, 29)
_MEASURES = {"units_shipped", "units_returned", "temperature_c", "precipitation_mm"}


def _noise(source: Source) -> pa.Table:
    """Other figures in all rows that tell of a time after ``as_of``."""
    day = KNOWN_ON.get(source.name)
    if day is None:
        return source.rows
    table, rng = source.rows.to_pandas(), np.random.default_rng(7)
    later = (pd.to_datetime(table[day]) > pd.Timestamp(AS_OF)).to_numpy()
    assert later.any()
    for name in _MEASURES & set(table.columns):
        noise = rng.integers(1, 50, later.sum())
        table[name] = table[name].mask(later, pd.Series(noise, index=table.index[later]))
    return pa.Table.from_pandas(table, schema=source.rows.schema, preserve_index=False)


def _run(project: Project) -> dict[str, object]:
    """Panel, what the gate saw, and forecasts of a run on one segment until ``as_of``."""
    project.run(
        "train", "score", parameters={"conditioning": {"as_of": str(AS_OF)}}, namespaces=[SEGMENT]
    )
    of_velocity = [f"{v}.{name}" for v in ("fast", "slow") for name in ("backtest", "covariates")]
    names = ("panel", "velocity", "forecast", "explanations", *of_velocity)
    return project.load([f"{SEGMENT}.{name}" for name in names])


def test_noise_after_as_of_in_every_raw_file_changes_nothing(make_project, tmp_path) -> None:
    region = simulated(Company(5, 4, 104, 1), REGIONS)["north_texas"]
    found = []
    for name, files in {"true": region, "noise": region.changed(_noise)}.items():
        files.deliver(tmp_path / name / "north_texas", LAST)
        project = make_project(tmp_path / name, regions=REGIONS)
        found.append(_run(project))
    true, noise = found
    assert true.pop(f"{SEGMENT}.panel").digest == noise.pop(f"{SEGMENT}.panel").digest
    for name, table in true.items():
        pd.testing.assert_frame_equal(table, noise[name], obj=name)
    assert set(true[f"{SEGMENT}.forecast"]["as_of"]) == {pd.Timestamp(AS_OF)}
