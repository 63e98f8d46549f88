"""Forecasts as they are delivered: orders, totals, lost sales, and why a number is what it is."""
