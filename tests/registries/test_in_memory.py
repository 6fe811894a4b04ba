"""The registry in memory answers each question as MLflow's client of a database does, refusals included."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from in_memory.registry import MemoryBackend, MemoryClient
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from levelfive.registry.backends import Backend, RunsOfItsOwn

Client = MlflowClient | MemoryClient
NAME = "models.qa.flights"


@pytest.fixture(scope="module")
def backends(tmp_path_factory: pytest.TempPathFactory) -> tuple[Backend, Backend]:
    """Two versions in a database and the same two in memory, the first one with an alias."""
    folder = tmp_path_factory.mktemp("database")
    package = folder / "package"
    package.mkdir()
    (package / "file").write_text("of the model")
    both: tuple[Any, Any] = (RunsOfItsOwn(f"sqlite:///{folder}/registry.db", folder / "files"), MemoryBackend())
    for backend in both:
        backend.client.create_registered_model(NAME)
        assert [backend.create(NAME, package, {"role": "refit"}, "what it is for") for _ in range(2)] == ["1", "2"]
        backend.client.set_registered_model_alias(NAME, "champion", "1")
    return both


def answer(client: Client, method: str, arguments: tuple[object, ...]) -> object:
    """What a client says: the plain part of its answer, or the code of its refusal."""
    try:
        said = getattr(client, method)(*arguments)
    except MlflowException as err:
        return err.error_code
    if isinstance(said, list):
        return [(found.version, dict(found.tags)) for found in said], bool(said.token)
    return None if said is None else (said.name, str(getattr(said, "version", "")))


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("create_registered_model", (NAME,)),
        ("get_registered_model", (NAME,)),
        ("get_registered_model", ("nothing",)),
        (
            "get_model_version",
            (
                NAME,
                "2",
            ),
        ),
        (
            "get_model_version",
            (
                NAME,
                "3",
            ),
        ),
        (
            "get_model_version",
            (
                NAME,
                "newest",
            ),
        ),
        (
            "get_model_version",
            (
                "nothing",
                "1",
            ),
        ),
        ("search_model_versions", ("name = 'nothing'",)),
        (
            "search_model_versions",
            (
                f"name = '{NAME}'",
                1,
            ),
        ),
        (
            "get_model_version_by_alias",
            (
                NAME,
                "champion",
            ),
        ),
        (
            "get_model_version_by_alias",
            (
                NAME,
                "challenger",
            ),
        ),
        (
            "get_model_version_by_alias",
            (
                "nothing",
                "champion",
            ),
        ),
        (
            "set_registered_model_alias",
            (
                NAME,
                "challenger",
                "3",
            ),
        ),
        (
            "set_registered_model_alias",
            (
                "nothing",
                "challenger",
                "1",
            ),
        ),
        (
            "delete_registered_model_alias",
            (
                NAME,
                "challenger",
            ),
        ),
        (
            "delete_registered_model_alias",
            (
                "nothing",
                "champion",
            ),
        ),
        (
            "set_model_version_tag",
            (
                NAME,
                "3",
                "role",
                "refit",
            ),
        ),
        (
            "set_model_version_tag",
            (
                "nothing",
                "1",
                "role",
                "refit",
            ),
        ),
    ],
)
def test_a_question_has_one_answer(
    backends: tuple[Backend, Backend], method: str, arguments: tuple[object, ...]
) -> None:
    database, memory = (answer(backend.client, method, arguments) for backend in backends)

    assert database == memory


def test_pages_follow_each_other(backends: tuple[Backend, Backend]) -> None:
    def pages(client: Client) -> list[list[str]]:
        found, token = [], None
        while token or not found:
            page = client.search_model_versions(f"name = '{NAME}'", max_results=1, page_token=token)
            found.append([str(one.version) for one in page])
            token = page.token
        return found

    database, memory = (pages(backend.client) for backend in backends)

    assert database == memory == [["2"], ["1"]]


def test_files_are_held_and_copied_alike(backends: tuple[Backend, Backend], tmp_path: Path) -> None:
    for place, backend in enumerate(backends):
        (folder := tmp_path / str(place)).mkdir()

        copied = backend.download(NAME, "1", folder)

        assert [path.relative_to(folder).as_posix() for path in copied.rglob("*")] == ["model/file"]
        assert (copied / "file").read_text() == "of the model"
        assert backend.holds_files(NAME, "1")
        for ask in (backend.holds_files, lambda *of, held=backend: held.download(*of, tmp_path)):
            with pytest.raises(MlflowException, match="not found"):
                ask(NAME, "3")
