from levelfive.serving.azure_ml import init, run

__all__ = ["init", "run"]
