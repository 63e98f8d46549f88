"""Models compared at the same past weeks, and the figures that people read."""
