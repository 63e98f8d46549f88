"""Data contracts: Great Expectations suites as Kedro dataset validators."""
