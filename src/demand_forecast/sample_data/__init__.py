"""The simulator of the company: latent demand known, so that tests can ask for the truth."""
