"""What to do about a forecast: order proposals."""
