"""The context makes one catalog, and the settings name it."""

from __future__ import annotations

from kedro.framework.context import KedroContext
from kedro.io import DataCatalog
from pluggy import PluginManager

from demand_forecast import settings
from demand_forecast.framework.context import SegmentContext


def test_the_catalog_is_made_once(monkeypatch, tmp_path):
    monkeypatch.setattr(KedroContext, "_get_catalog", lambda self, **options: DataCatalog({}))
    context = settings.CONTEXT_CLASS(tmp_path, {}, "dev", "demand_forecast", PluginManager("kedro"))
    assert isinstance(context, SegmentContext)
    assert context.catalog is context.catalog
    assert context._get_catalog(save_version="2024-12-28") is not context.catalog
