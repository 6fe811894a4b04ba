"""The retraining room."""
