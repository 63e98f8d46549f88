"""The models of a segment: historical average, LASSO, network, and their calibrated blend."""
