"""Kedro project settings."""

from omegaconf.resolvers import oc

from demand_forecast.framework.context import SegmentContext
from demand_forecast.framework.environment import prepare
from demand_forecast.framework.session import SegmentSession
from demand_forecast.hooks.audit import AuditHook
from demand_forecast.hooks.contracts import ContractHook
from demand_forecast.hooks.failures import FailureHook
from demand_forecast.hooks.inputs import MissingInputHook
from demand_forecast.hooks.kedro_viz import DrawingHook
from demand_forecast.hooks.lineage import LineageHook
from demand_forecast.hooks.parameters import ParameterHook
from demand_forecast.hooks.paths import PathHook
from demand_forecast.hooks.progress import ProgressHook
from demand_forecast.hooks.release import ReleaseHook
from demand_forecast.hooks.results import ResultsHook
from demand_forecast.hooks.run import RunHook
from demand_forecast.hooks.telemetry import TelemetryHook
from demand_forecast.hooks.tracking import TrackingHook
from demand_forecast.modelling.models.kinds import MEMBERS

prepare()

# Kedro calls hooks last in, first out: the run's regions before its parameters, both before others;
# MLflow's address is asked when it is complete.
HOOKS = (
    AuditHook(),
    LineageHook(),  # what it tells is in the manifest
    TelemetryHook(),
    DrawingHook(),
    ProgressHook(),
    ResultsHook(),
    FailureHook(),
    TrackingHook(),
    MissingInputHook(),
    ContractHook(),
    ReleaseHook(),
    PathHook(),
    ParameterHook(),
    RunHook(),
)
# Kedro-Viz would note the size of every dataset at every save; kedro-mlflow's hook is called by the
# project's own, which goes on without a server that does not answer.
DISABLE_HOOKS_FOR_PLUGINS = ("kedro-telemetry", "kedro-viz", "kedro_mlflow")
SESSION_CLASS = SegmentSession
CONTEXT_CLASS = SegmentContext
CONFIG_LOADER_ARGS = {
    "base_env": "base",
    "default_run_env": "local",
    # An environment says what differs; the rest of a group stays as it is in base.
    "merge_strategy": {"parameters": "soft"},
    "config_patterns": {
        "segments": ["segments.yml"],
        "layouts": ["layouts/*.yml"],
        "parameters": ["parameters/*.yml", "parameters/segments/*.yml", "experiments.yml"],
        "catalog": ["catalog/*.yml", "catalog.yml"],
        "mlflow": ["mlflow.yml"],
    },
    "custom_resolvers": {"oc.env": oc.env, "members": lambda: list(MEMBERS)},
}
