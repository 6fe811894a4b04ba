"""levelfive: MLOps on Azure Databricks, and the same on a laptop."""
