import pytest
from bundle.offline import PRODUCTION, Deployment
from bundle.targets import deployment
from data_factory.runs import Factory
from data_factory.template import Deployed, deployed


@pytest.fixture(params=PRODUCTION)
def environment(request: pytest.FixtureRequest) -> str:
    """Each target that a factory may trigger."""
    return request.param


@pytest.fixture
def bundle(environment: str) -> Deployment:
    return deployment(environment)


@pytest.fixture
def resources(environment: str) -> Deployed:
    return deployed(environment)


@pytest.fixture
def pipelines(resources: Deployed) -> dict[str, dict]:
    return resources.of("pipelines")


@pytest.fixture
def triggers(resources: Deployed) -> dict[str, dict]:
    return resources.of("triggers")


@pytest.fixture
def factory(resources: Deployed, bundle: Deployment) -> Factory:
    """A factory beside a workspace that holds the bundle's jobs and another one."""
    names = ["somebody else's", *(job["name"] for job in bundle.jobs.values())]
    return Factory(resources, dict(enumerate(names, 100)))
