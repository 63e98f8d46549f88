"""What the simulated company delivers: standard tables, spoiled a little, as raw files."""
