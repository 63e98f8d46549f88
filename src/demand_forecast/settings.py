"""Kedro project settings."""

from omegaconf.resolvers import oc

from demand_forecast.framework.environment import prepare
from demand_forecast.framework.session import SegmentSession
from demand_forecast.hooks.contracts import ContractHook
from demand_forecast.hooks.failures import FailureHook
from demand_forecast.hooks.inputs import MissingInputHook
from demand_forecast.hooks.kedro_viz import DrawingHook
from demand_forecast.hooks.parameters import ParameterHook
from demand_forecast.hooks.paths import PathHook
from demand_forecast.hooks.progress import ProgressHook
from demand_forecast.hooks.registry import RegistryHook
from demand_forecast.hooks.release import ReleaseHook
from demand_forecast.hooks.run import RunHook

prepare()

# Kedro calls hooks last in, first out: the run's regions before its parameters, both before others;
# MLflow's address is asked when it is complete.
HOOKS = (
    DrawingHook(),
    ProgressHook(),
    FailureHook(),
    MissingInputHook(),
    ContractHook(),
    ReleaseHook(),
    RegistryHook(),
    PathHook(),
    ParameterHook(),
    RunHook(),
)
# Kedro-Viz would note the size of every dataset at every save.
DISABLE_HOOKS_FOR_PLUGINS = ("kedro-telemetry", "kedro-viz")
SESSION_CLASS = SegmentSession
CONFIG_LOADER_ARGS = {
    "base_env": "base",
    "default_run_env": "local",
    # An environment says what differs; the rest of a group stays as it is in base.
    "merge_strategy": {"parameters": "soft"},
    "config_patterns": {
        "segments": ["segments.yml"],
        "layouts": ["layouts/*.yml"],
        "parameters": ["parameters/*.yml", "parameters/segments/*.yml"],
        "catalog": ["catalog/*.yml", "catalog.yml"],
        "mlflow": ["mlflow.yml"],
    },
    "custom_resolvers": {"oc.env": oc.env},
}
