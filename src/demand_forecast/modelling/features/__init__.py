"""What models see: rows of a direct model, from a panel."""
