"""Training: velocity classes, the historical average and two ensembles for each segment."""

from demand_forecast.pipelines.training.pipeline import create_pipeline

__all__ = ["create_pipeline"]
