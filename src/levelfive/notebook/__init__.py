"""What the notebooks share, and nothing else uses."""

from levelfive.monitoring.profiling_views import make_views
from levelfive.notebook.dashboard import make_shown_tables
from levelfive.notebook.page import Page, parameters
from levelfive.notebook.reading import COMMON, PARAMETERS
from levelfive.notebook.registry_steps import registry_step
from levelfive.notebook.serving import endpoint_action, publish
from levelfive.notebook.steps import pass_first_run, refresh_lakehouse_monitor, train

__all__ = [
    "COMMON",
    "PARAMETERS",
    "Page",
    "endpoint_action",
    "make_shown_tables",
    "make_views",
    "parameters",
    "pass_first_run",
    "publish",
    "refresh_lakehouse_monitor",
    "registry_step",
    "train",
]
