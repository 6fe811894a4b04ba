from collections.abc import Callable
from functools import cache

import pytest
from images import Installed, install


@pytest.fixture(scope="session")
def image_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Installed]:
    """Install what an image holds, once; it takes a download."""
    return cache(lambda image: install(image, tmp_path_factory.mktemp(image)))
