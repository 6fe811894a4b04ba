from typing import Any

import pytest
from azure_pipelines.calls import Project
from azure_pipelines.project import project as of_this_tree
from azure_pipelines.project import release, started

PIPELINES = started()
RELEASES = [name for name in PIPELINES if name.startswith("cd")]


@pytest.fixture(params=PIPELINES)
def pipeline(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Each pipeline, in every way it can be started."""
    return PIPELINES[request.param]


@pytest.fixture(params=RELEASES)
def released(request: pytest.FixtureRequest) -> dict[str, Any]:
    """A release, for each choice of models."""
    return PIPELINES[request.param]


@pytest.fixture
def promoting() -> dict[str, Any]:
    """A release that promotes, in both environments, a version that is there."""
    return release(qa="promote", prod="promote")


@pytest.fixture
def releasing() -> dict[str, Any]:
    """A release that brings, to both environments, a version of the environment before."""
    return release(qa="release", prod="release")


@pytest.fixture(scope="session")
def project() -> Project:
    return of_this_tree()
