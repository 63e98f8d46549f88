from __future__ import annotations

import os
import warnings

from kedro.io import CatalogConfigResolver

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


def test_patterns_of_the_catalog_are_read_once_and_match_the_same():
    prepare()
    resolver = CatalogConfigResolver({"{a}.{b}.panel": {"type": "MemoryDataset"}})
    assert resolver.match_dataset_pattern("texas.large.panel") == "{a}.{b}.panel"
    assert resolver.match_dataset_pattern("texas.panel") is None
    assert resolver.resolve_pattern("texas.large.panel")["type"] == "MemoryDataset"
