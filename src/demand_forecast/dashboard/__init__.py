"""The dashboard: pages for planners, operators and modellers over the results store, read only."""
