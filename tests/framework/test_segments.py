import pytest

from demand_forecast.exceptions import ConfigurationError
from demand_forecast.framework import segments

LAYOUTS = {"csv": {"sources": {"stores": {}, "shipments": {}}}}


def _parse(regions, formats=("large",)):
    return segments.parse({"store_formats": list(formats), "regions": regions}, LAYOUTS)


def test_segments_are_regions_times_formats_in_order():
    plan = _parse({"b": {"layout": "csv"}, "a": {"layout": "csv"}}, ("large", "small"))
    assert [s.namespace for s in plan.segments] == ["b.large", "b.small", "a.large", "a.small"]


def test_all_that_can_be_run_on_its_own_has_a_name():
    plan = _parse({"a": {"layout": "csv"}, "b": {"layout": "csv"}})
    assert plan.namespaces == [
        "a", "b", "a.large", "b.large",
        "a.large.fast", "a.large.slow", "b.large.fast", "b.large.slow",
    ]  # fmt: skip


def test_sources_come_from_the_layout():
    assert _parse({"a": {"layout": "csv"}}).sources("a") == ["shipments", "stores"]


def test_an_unknown_layout_names_the_region_and_the_nearest():
    with pytest.raises(ConfigurationError, match=r"region 'a' names the layout 'cvs'.*'csv'"):
        _parse({"a": {"layout": "cvs"}})


@pytest.mark.parametrize(
    "name",
    ["North Texas", "north.texas", "1st", "training", "release", "velocity", "fast", "score"],
)
def test_a_name_that_cannot_be_a_namespace_is_refused(name):
    with pytest.raises(ConfigurationError, match="cannot be the name"):
        _parse({name: {"layout": "csv"}})


def test_an_unknown_key_is_refused():
    with pytest.raises(ConfigurationError, match="layuot"):
        _parse({"a": {"layout": "csv", "layuot": "x"}})


def test_without_a_context_the_base_environment_is_read(monkeypatch):
    monkeypatch.setattr(segments, "_current", None)
    assert len(segments.current().segments) == 28


def test_outside_a_project_the_error_says_where_to_go(monkeypatch, tmp_path):
    monkeypatch.setattr(segments, "_current", None)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError, match="run from the project's folder"):
        segments.current()
