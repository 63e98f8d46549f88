"""Validation: rolling origins, the gate and what sell-outs cost."""

from demand_forecast.pipelines.validation.pipeline import create_pipeline

__all__ = ["create_pipeline"]
