from typing import Any

import pytest

from azure_pipelines.calls import Project
from azure_pipelines.project import project as of_this_tree
from azure_pipelines.project import release, started

PIPELINES = started()


@pytest.fixture(params=PIPELINES)
def pipeline(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Each pipeline, in every way it can be started."""
    return PIPELINES[request.param]


@pytest.fixture
def promoting() -> dict[str, Any]:
    """A release that promotes in both environments."""
    return release(qa="promote", prod="promote")


@pytest.fixture(scope="session")
def project() -> Project:
    return of_this_tree()
