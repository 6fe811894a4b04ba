"""A use case is found by its name; a package that does not import is a sentence that says where it failed."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from pyspark import SparkContext

from flight_delay import USE_CASE
from levelfive.errors import ConfigError
from levelfive.usecase import use_case as finding
from levelfive.usecase.use_case import find_use_case, load_use_case

EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "seattle_weather"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (
            "import nowhere_to_be_found",
            r"ModuleNotFoundError: No module named 'nowhere_to_be_found' \(.*shop0.py, line 2",
        ),
        ("USE_CASE = UseCase()", r"NameError: name 'UseCase' is not defined \(.*shop1.py, line 2\)"),
        ("USE_CASE = (", r"SyntaxError: '\(' was never closed \(shop2.py, line 2\)"),
        ("from levelfive import matches\nmatches('x', None)", "^matches of column 'x' takes a regular expression"),
    ],
    ids=["a dependency", "a name", "syntax", "an error of ours"],
)
def test_a_package_that_does_not_import_says_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, words: str, request: pytest.FixtureRequest
) -> None:
    name = f"shop{request.node.callspec.indices['line']}"
    (tmp_path / f"{name}.py").write_text(f"# a package\n{line}\n")
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(ConfigError, match=words):
        find_use_case(name)


@pytest.mark.parametrize("module", ["__init__", "use_case"])
def test_in_a_git_folder_a_use_case_is_found_in_its_package_or_in_the_module_of_that_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    name = f"bakery_{module.strip('_')}"
    (tmp_path / name).mkdir()
    (tmp_path / name / "__init__.py").touch()
    (tmp_path / name / f"{module}.py").write_text("from flight_delay import USE_CASE\n")
    monkeypatch.syspath_prepend(tmp_path)

    assert find_use_case(name) is USE_CASE


def test_the_example_is_loaded_before_there_is_a_spark(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a command does: a use case that cannot work is refused before anything is started."""
    monkeypatch.syspath_prepend(EXAMPLE)

    assert SparkContext._active_spark_context is None
    assert load_use_case("seattle_weather").name == "seattle_weather"


@pytest.mark.parametrize("value", ["nowhere_to_be_found:USE_CASE", "flight_delay:USECASE"], ids=["module", "name"])
def test_an_entry_point_that_leads_nowhere_is_a_sentence(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    point = EntryPoint("shop", value, finding.ENTRY_POINT_GROUP)
    monkeypatch.setattr(finding, "entry_points", lambda group: [point])

    with pytest.raises(ConfigError, match=r"use case 'shop' cannot be imported: .*[Cc]orrect its package or its entry"):
        find_use_case("shop")
