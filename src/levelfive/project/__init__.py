"""A project of a team's own, made from the template that `databricks bundle init` takes too."""
