"""Models compared at the same past weeks, the gate, and the figures that people read."""
