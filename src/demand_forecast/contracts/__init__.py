"""Data contracts: Great Expectations suites as Kedro dataset validators."""

from demand_forecast.contracts.suite import ExpectationSuite

__all__ = ["ExpectationSuite"]
