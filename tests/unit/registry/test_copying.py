"""Which version is meant, where another environment's may be named."""

from __future__ import annotations

import pytest
from commands import parse
from in_memory.registry import MemoryBackend

from levelfive.errors import ConfigError, ModelNotFound
from levelfive.registry.copying import copy_of, version_here
from levelfive.registry.store import CentralRegistry


@pytest.fixture
def registry() -> CentralRegistry:
    return CentralRegistry("databricks-uc", "hub.prod.model", backend=MemoryBackend())


@pytest.mark.parametrize(
    ("version", "model", "source_registry", "says"),
    [
        ("", "hub.qa.model", None, "which version of hub.qa.model"),
        ("", None, "databricks-uc", "which version of databricks-uc"),
        ("4", None, "databricks-uc", "version 4 of which model in databricks-uc"),
    ],
)
def test_half_a_name_is_no_version(
    registry: CentralRegistry, version: str, model: str | None, source_registry: str | None, says: str
) -> None:
    with pytest.raises(ConfigError, match=says):
        version_here(registry, version, source_model=model, source_registry=source_registry)


def test_a_version_alone_is_of_this_environment(registry: CentralRegistry) -> None:
    assert version_here(registry, "4") == "4"


def test_another_model_is_looked_for_in_this_registry_unless_one_is_named(registry: CentralRegistry) -> None:
    beside, elsewhere = registry.another("hub.qa.model"), registry.another("hub.qa.model", "databricks-uc://a:b")

    assert [(one.name, one.uri) for one in (beside, elsewhere)] == [
        ("hub.qa.model", "databricks-uc"),
        ("hub.qa.model", "databricks-uc://a:b"),
    ]


@pytest.mark.parametrize("name", ["hub.qa.model", "hub.qa.ada's model"])
@pytest.mark.parametrize("uri", ["databricks-uc", "databricks-uc://a:b"], ids=["beside", "elsewhere"])
def test_a_version_that_was_not_copied_says_the_command_that_copies_it(
    registry: CentralRegistry, uri: str, name: str
) -> None:
    source = CentralRegistry(uri, name, backend=MemoryBackend())

    with pytest.raises(ModelNotFound, match=f"has no copy of version 4 of {name}") as refused:
        copy_of(registry, source, "4")

    given = parse(str(refused.value).split("`")[1]).params
    assert (given["version"], given["source_model"]) == ("4", name)
    assert given["source_registry"] == (None if uri == registry.uri else source.place)


@pytest.mark.parametrize("model", [None, "hub.qa.model"])
def test_what_is_no_version_is_none_of_any_model(registry: CentralRegistry, model: str | None) -> None:
    with pytest.raises(ModelNotFound, match=r"versions are whole numbers such as 4, got '\[x\]'"):
        version_here(registry, "[x]", source_model=model)
