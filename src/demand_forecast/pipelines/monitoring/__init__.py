"""Monitoring: age, realised error and the retrain plan."""

from demand_forecast.pipelines.monitoring.pipeline import create_pipeline

__all__ = ["create_pipeline"]
