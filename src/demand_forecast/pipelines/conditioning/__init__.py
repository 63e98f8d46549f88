"""Conditioning: raw files to standard tables, quarantine, control totals and panels."""

from demand_forecast.pipelines.conditioning.pipeline import create_pipeline

__all__ = ["create_pipeline"]
