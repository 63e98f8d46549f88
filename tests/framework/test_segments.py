import pytest

from demand_forecast.exceptions import ConfigurationError
from demand_forecast.framework import segments

LAYOUTS = {"csv": {"sources": {"stores": {}, "shipments": {}}}}


def _parse(regions, formats=("large",)):
    return segments.parse({"store_formats": list(formats), "regions": regions}, LAYOUTS)


def test_segments_are_regions_times_formats_in_order():
    plan = _parse({"b": {"layout": "csv"}, "a": {"layout": "csv"}}, ("large", "small"))
    assert [s.namespace for s in plan.segments] == ["b.large", "b.small", "a.large", "a.small"]


def test_a_region_may_have_some_of_the_formats_only():
    regions = {"b": {"layout": "csv", "store_formats": ["small"]}, "a": {"layout": "csv"}}
    plan = _parse(regions, ("large", "small"))
    assert [s.namespace for s in plan.segments] == ["b.small", "a.large", "a.small"]
    assert plan.formats("b") == ["small"]
    regions["b"]["store_formats"] = ["smal"]
    with pytest.raises(ConfigurationError, match=r"'b' names .* 'smal'.*Did you mean 'small'"):
        _parse(regions, ("large", "small"))


def test_all_that_can_be_run_on_its_own_has_a_name():
    plan = _parse({"a": {"layout": "csv"}, "b": {"layout": "csv"}})
    assert plan.namespaces == [
        "a", "b", "a.large", "b.large",
        "a.large.fast", "a.large.slow", "b.large.fast", "b.large.slow",
    ]  # fmt: skip


def test_a_namespace_holds_its_velocities():
    plan = _parse({"a": {"layout": "csv"}, "aa": {"layout": "csv"}}, ("large", "small"))
    assert plan.within(None) == plan.branches
    names = [[b.namespace for b in plan.within(n)] for n in ("a.small", "aa.large.slow")]
    assert names == [["a.small.fast", "a.small.slow"], ["aa.large.slow"]]
    assert {b.region for b in plan.within("a")} == {"a"}
    with pytest.raises(
        ConfigurationError, match=r"--namespace: .*'a.smal'.*Did you mean 'a.small'"
    ):
        plan.within("a.smal")


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


@pytest.mark.parametrize(
    ("region", "told"),
    [
        ({"layout": "csv", "layuot": "x"}, "layuot' does not exist.*Did you mean 'layout'"),
        ({"store_formats": []}, "key 'regions.a.layout' is missing"),
        ({"layout": "csv", "capacity": -3}, "'regions.a.capacity' is -3: .*greater than 0"),
    ],
)
def test_a_wrong_key_is_named_with_what_is_valid(region, told):
    with pytest.raises(ConfigurationError, match=told):
        _parse({"a": region})


def test_an_error_names_the_file():
    with pytest.raises(ConfigurationError, match=r"^conf/dev/segments.yml: .*'training' cannot be"):
        segments.parse(
            {"store_formats": [], "regions": {"training": {"layout": "csv"}}},
            LAYOUTS,
            "conf/dev/segments.yml",
        )
