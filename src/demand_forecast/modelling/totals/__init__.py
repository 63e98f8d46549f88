"""Totals of forecasts that add up, with intervals of their own."""
