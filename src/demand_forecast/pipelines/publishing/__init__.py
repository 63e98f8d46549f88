"""Publishing: what the other stages have made, into the results store."""

from demand_forecast.pipelines.publishing.pipeline import create_pipeline

__all__ = ["create_pipeline"]
