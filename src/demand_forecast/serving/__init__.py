"""Serving: forecasts, what-ifs and runs over HTTP, for other systems of the company."""
