from __future__ import annotations

from demand_forecast.modelling.lifecycle.records import Challenger
from demand_forecast.modelling.models.baseline import HistoricalAverage


def test_a_challenger_brings_its_model_or_its_reason(panel, tmp_path) -> None:
    for name, challenger in {
        "with": Challenger(HistoricalAverage().fit(panel)),
        "without": Challenger(None, "has 20 weeks, but 71 are needed"),
    }.items():
        (tmp_path / name).mkdir()
        challenger.save(tmp_path / name)
    loaded = Challenger.load(tmp_path / "with")
    assert isinstance(loaded.model, HistoricalAverage)
    assert loaded.reason == ""
    assert Challenger.load(tmp_path / "without") == Challenger(
        None, "has 20 weeks, but 71 are needed"
    )
