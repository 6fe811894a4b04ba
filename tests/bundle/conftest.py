import pytest
from bundle.offline import PRODUCTION, TARGETS, Deployment
from bundle.targets import deployment


@pytest.fixture(params=TARGETS)
def deployed(request: pytest.FixtureRequest) -> Deployment:
    """Each target."""
    return deployment(request.param)


@pytest.fixture(params=PRODUCTION)
def production(request: pytest.FixtureRequest) -> Deployment:
    """Each target in production mode."""
    return deployment(request.param)
