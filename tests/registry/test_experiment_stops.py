"""Stops of experiments are only ever added to."""

from __future__ import annotations

import pytest

from demand_forecast.exceptions import ConfigurationError
from demand_forecast.registry.experiment_stops import ExperimentStopsDataset, StopRecords


def test_a_stop_is_kept_with_who_and_why(tmp_path) -> None:
    records = StopRecords(str(tmp_path))
    assert records.all() == {}
    made = records.stop("try", "enough seen")
    assert records.all() == {"try": made}
    assert made.why == "enough seen" and "@" in made.by
    with pytest.raises(ConfigurationError, match="UTC: enough seen"):
        records.stop("try", "again")


def test_experiments_that_do_harm_are_stopped_once(tmp_path) -> None:
    dataset = ExperimentStopsDataset(filepath=str(tmp_path))
    assert not dataset.exists()
    dataset.save({"try": "wape +5.0 points", "other": "value -40"})
    dataset.save({"try": "wape +6.0 %"})
    dataset.save({})
    found = dataset.load()
    assert {name: (stop.why, stop.by) for name, stop in found.items()} == {
        "try": ("wape +5.0 points", ""),
        "other": ("value -40", ""),
    }
    assert dataset.exists() and str(tmp_path) in str(dataset)


def test_stops_that_were_changed_are_told_and_taken_for_none(tmp_path, caplog) -> None:
    dataset = ExperimentStopsDataset(filepath=str(tmp_path))
    dataset.save({"try": "harm"})
    document = tmp_path / "00001.json"
    document.write_text(document.read_text().replace("harm", "love"))
    assert dataset.load() == {}
    assert "is not the note about an experiment that was written" in caplog.text
