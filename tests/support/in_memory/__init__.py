"""Parts that keep in memory what the real ones keep in Delta and MLflow, each proven by the suite of the real ones."""
