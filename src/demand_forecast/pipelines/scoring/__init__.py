"""Scoring: the next weeks for every active store and product."""

from demand_forecast.pipelines.scoring.pipeline import create_pipeline

__all__ = ["create_pipeline"]
