"""Pure forecasting code: no Kedro, no MLflow; files only in ``save`` and ``load`` of a model."""
