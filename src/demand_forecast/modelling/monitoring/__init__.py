"""What has become of models and forecasts since, and which to train again."""
