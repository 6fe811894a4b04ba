"""A model version, and the MLflow stores that hold it."""
