"""What the notebooks share, and nothing else uses."""

from levelfive.notebook.page import Page, parameters
from levelfive.notebook.reading import COMMON, PARAMETERS
from levelfive.notebook.steps import promote, refresh_lakehouse_monitor, train

__all__ = ["COMMON", "PARAMETERS", "Page", "parameters", "promote", "refresh_lakehouse_monitor", "train"]
