"""Weekly retail demand forecasting at production scale, on Kedro and MLflow."""

__version__ = "0.1.0"
