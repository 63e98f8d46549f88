from __future__ import annotations

import os
import warnings

from demand_forecast.framework.environment import prepare


def test_telemetry_is_off_unless_somebody_turned_it_on(monkeypatch):
    monkeypatch.delenv("DO_NOT_TRACK", raising=False)
    monkeypatch.setenv("GX_ANALYTICS_ENABLED", "true")
    prepare()
    assert os.environ["DO_NOT_TRACK"] == "1"
    assert os.environ["GX_ANALYTICS_ENABLED"] == "true"


def test_filters_of_others_are_left_alone():
    before = list(warnings.filters)
    prepare()
    assert warnings.filters == before
