"""LASSO regression of log demand."""
