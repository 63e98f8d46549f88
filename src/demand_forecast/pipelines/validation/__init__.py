"""Validation: rolling origins, the gate, refit on all weeks and promotion."""

from demand_forecast.pipelines.validation.pipeline import create_pipeline

__all__ = ["create_pipeline"]
