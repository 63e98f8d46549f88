"""A panel on disk is the panel that was stored."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core_panels import simulated
from demand_forecast.modelling.panel import Covariate, Group, Panel


@pytest.fixture
def panel() -> Panel:
    """Covariates of all kinds, with colons in their names."""
    panel = simulated(stores=2, products=2, weeks=20)
    index = np.zeros(4, dtype=np.int64)
    future = Covariate(np.ones((1, 24), np.float32), index, Group.EVENTS)
    past = Covariate(np.ones((1, 20), np.float32), index, Group.WEATHER, "level")
    return replace(
        panel,
        known_future=panel.known_future | {"fair: spring:values": future},
        observed={":sold:online": past},
        weather={"wind:km/h": panel.weather["temperature_c"]},
    )


def test_a_stored_panel_comes_back_whatever_its_covariates_are_called(
    panel: Panel, tmp_path: Path
) -> None:
    panel.save(tmp_path)
    loaded = Panel.load(tmp_path)
    assert loaded.digest == panel.digest
    for kind in ("known_future", "observed", "weather"):
        assert set(getattr(loaded, kind)) == set(getattr(panel, kind))
    groups = {name: covariate.group for name, covariate in loaded.known_future.items()}
    assert groups == {name: covariate.group for name, covariate in panel.known_future.items()}
    assert groups["fair: spring:values"] is Group.EVENTS
    assert loaded.observed[":sold:online"].group is Group.WEATHER
    assert loaded.observed[":sold:online"].kind == "level"
    assert loaded.known_future["fair: spring:values"].kind is None


def test_a_panel_that_was_stored_without_groups_can_still_be_read(
    panel: Panel, tmp_path: Path
) -> None:
    panel.save(tmp_path)
    meta = json.loads((tmp_path / "panel.json").read_text())
    del meta["groups"]
    (tmp_path / "panel.json").write_text(json.dumps(meta))
    loaded = Panel.load(tmp_path)
    assert loaded.digest == panel.digest
    assert {c.group for c in loaded.known_future.values()} == {Group.PRICE_AND_PROMOTION}


def test_cutting_and_selecting_keep_the_group(panel: Panel) -> None:
    part = panel.until(panel.weeks[10]).select(np.array([0, 3]))
    assert part.known_future["fair: spring:values"].group is Group.EVENTS


def test_a_stored_panel_is_copied_and_what_is_derived_from_it_is_not(make_panel, tmp_path):
    folders = [tmp_path / name for name in ("first", "copy", "cut")]
    for folder in folders:
        folder.mkdir()
    panel = make_panel(n_weeks=20)
    panel.note(source_digest="d1gest", contract="c0ntract").save(folders[0])
    stored = Panel.load(folders[0])
    facts = (stored.source_digest, stored.directory, stored.contract)
    assert facts == ("d1gest", folders[0], "c0ntract")
    stored.save(folders[1])
    for file in folders[0].iterdir():
        assert (folders[1] / file.name).read_bytes() == file.read_bytes()
    cut = stored.until(stored.weeks[9])
    cut.save(folders[2])
    assert Panel.load(folders[2]).n_weeks == 10
    assert (cut.source_digest, cut.directory, cut.contract) == ("", None, "")
