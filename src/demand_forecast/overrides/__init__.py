"""Overrides as people hand them in: documents made by command, and a file of a region."""
