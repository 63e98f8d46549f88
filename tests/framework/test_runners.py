import pytest

from demand_forecast.exceptions import ConfigurationError
from demand_forecast.framework.runners import runner_path

STEADY = "demand_forecast.framework.runner.SteadyRunner"
OURS = "demand_forecast.framework.runner.SegmentRunner"


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("SegmentRunner", OURS),
        (OURS, OURS),
        ("DaskRunner", "demand_forecast.framework.dask_runner.DaskRunner"),
        ("SequentialRunner", STEADY),
        ("kedro.runner.ThreadRunner", "kedro.runner.thread_runner.ThreadRunner"),
        (None, STEADY),
    ],
)
def test_short_names_and_paths(name, path):
    assert runner_path(name, {}) == path


@pytest.mark.parametrize(
    "name",
    ["SegmntRunner", "demand_forecast.framework.runner.SegmntRunner", "no.such.SegmntRunner"],
)
def test_an_unknown_runner_is_refused_with_the_nearest(name):
    with pytest.raises(ConfigurationError, match=f"no runner '{name}'.*mean 'SegmentRunner'"):
        runner_path(name, {})


def test_what_is_no_runner_is_refused():
    with pytest.raises(ConfigurationError, match=r"no runner 'pathlib\.Path'"):
        runner_path("pathlib.Path", {})


def test_an_unknown_parameter_is_refused_with_the_nearest():
    assert runner_path("SegmentRunner", {"max_workers": 2}) == OURS
    with pytest.raises(ConfigurationError, match=r"no parameter 'max_worker'.*'max_workers'"):
        runner_path("SegmentRunner", {"max_worker": 2})
