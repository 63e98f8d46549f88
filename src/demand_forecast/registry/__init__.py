"""The MLflow side: registered models, tracking and serving."""
