"""What happens in the simulated company, seen by nobody: stores, plans, weather, demand."""
