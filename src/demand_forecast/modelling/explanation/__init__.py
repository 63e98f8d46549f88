"""Why a forecast is what it is, and what changed since the one before."""
