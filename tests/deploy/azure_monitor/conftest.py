import pytest
from azure_monitor import KustoParser


@pytest.fixture(scope="session")
def parser(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> KustoParser:
    """Microsoft's parser, which is kept from one run of the tests to the next where there is a cache."""
    cache = getattr(request.config, "cache", None)
    return KustoParser(tmp_path_factory.mktemp("kusto") if cache is None else cache.mkdir("kusto-12.4.1"))
