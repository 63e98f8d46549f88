"""Raw files as text: which files a source has, their digests and their rows."""

from demand_forecast.conditioning.raw.source import RawSource, RawTable

__all__ = ["RawSource", "RawTable"]
