"""Release: refit on all weeks, register, promote what passed the gate."""

from demand_forecast.pipelines.release.pipeline import create_pipeline

__all__ = ["create_pipeline"]
