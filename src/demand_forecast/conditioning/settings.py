"""Deprecated name of :mod:`demand_forecast.conditioning.parameters`, for scripts of version 0.1."""

from demand_forecast.conditioning.parameters import ConditioningParameters

ConditioningSettings = ConditioningParameters
