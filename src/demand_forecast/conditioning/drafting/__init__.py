"""First layouts for files that nobody has described yet: looked at, guessed with evidence."""

from demand_forecast.conditioning.drafting.environment import DraftedFile, draft_environment

__all__ = ["DraftedFile", "draft_environment"]
