"""A setting says where a secret is."""

import re

import pytest

from levelfive.core.secrets import REFERENCE, read_secret
from levelfive.errors import ConfigError


def of_workspace(scope: str, key: str) -> str:
    return {("levelfive", "application-insights"): " s3cret\n"}.get((scope, key), "")


def test_a_secret_is_a_variable_or_of_the_workspace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONNECTION", "from the variable")

    assert read_secret("env:CONNECTION", of_workspace) == "from the variable"
    assert read_secret("secrets/levelfive/application-insights", of_workspace) == "s3cret"


@pytest.mark.parametrize("reference", ["env:MISSING", "secrets/levelfive/other"])
def test_a_secret_that_is_not_there_is_named_by_its_reference(reference: str) -> None:
    with pytest.raises(ConfigError, match=f"no secret at {reference}"):
        read_secret(reference, of_workspace)


@pytest.mark.parametrize("text", ["s3cret", "env:", "env:A-B", "secrets/only", "secrets/a/b/c", "secrets/a/../b"])
def test_a_secret_itself_is_no_reference(text: str) -> None:
    assert re.match(REFERENCE, text) is None
