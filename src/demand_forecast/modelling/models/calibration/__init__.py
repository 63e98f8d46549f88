"""Calibrated predictive distributions."""
