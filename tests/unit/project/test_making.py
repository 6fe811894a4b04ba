"""A project is made as a whole, or not at all."""

import json
import keyword
import re
import runpy
import subprocess
import sys
from importlib.metadata import packages_distributions
from importlib.util import module_from_spec, spec_from_file_location
from itertools import product
from pathlib import Path

import pytest
import yaml
from commands import parse, run
from make_template import PROJECT, TEMPLATE, files

from levelfive.app import App
from levelfive.config import Settings
from levelfive.errors import ConfigError
from levelfive.project.answers import SCHEMA
from levelfive.project.making import make_project
from levelfive.project.rendering import render
from levelfive.usecase.check import check
from levelfive.usecase.use_case import UseCase

QUESTIONS = json.loads((PROJECT / SCHEMA).read_text(encoding="utf-8"))["properties"]
NAME = re.compile(QUESTIONS["name"]["pattern"])


def use_case_of(project: Path) -> UseCase:
    """Load the use case of a project, without installing it."""
    spec = spec_from_file_location(f"rendered_{project.name}", project / "src" / project.name / "use_case.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    found = module.USE_CASE
    assert isinstance(found, UseCase)
    return found


def test_the_help_lists_all_questions_and_what_can_be_chosen() -> None:
    (answers,) = (one for one in parse("levelfive new orders").command.params if one.name == "answers")
    words = set(re.findall(r"\w+", answers.help))

    choices = {choice for question in QUESTIONS.values() for choice in question.get("enum", ())}
    assert choices | QUESTIONS.keys() - {"name"} <= words


@pytest.mark.parametrize(("task", "source"), product(QUESTIONS["task"]["enum"], QUESTIONS["source"]["enum"]))
def test_for_each_task_and_kind_of_source_there_is_a_sound_use_case(task: str, source: str, tmp_path: Path) -> None:
    project = make_project({"name": "orders", "task": task, "source": source}, tmp_path)

    use_case = use_case_of(project)

    check(use_case)
    assert type(use_case.model.task).__name__.lower() == task
    assert use_case.name == "orders"
    declared = use_case.sources[0]
    found = "delta" if declared.delta_table else type(declared.format).__name__.lower()
    assert found == source.replace("_", "")
    for file in project.rglob("*.py"):
        compile(file.read_text(encoding="utf-8"), str(file), "exec")


def test_the_service_can_import_what_an_estimator_of_a_project_is_made_of(tmp_path: Path) -> None:
    """An estimator's own classes lie in the project's package, beside the use case, which needs Spark."""
    project = make_project({"name": "orders"}, tmp_path)
    (project / "src" / "orders" / "parts.py").write_text("class Rounded: ...\n")
    code = "import sys; sys.modules['pyspark'] = None; import orders.parts"

    done = subprocess.run([sys.executable, "-c", code], cwd=project / "src", capture_output=True, text=True)

    assert (done.returncode, done.stderr) == (0, "")


def test_every_answer_is_somewhere_in_the_project(tmp_path: Path) -> None:
    others = {key: f"my_{key}" for key in QUESTIONS if "catalog" in key or key == "groups"}
    hosts = {key: f"https://{key.replace('_', '-')}.example.com" for key in QUESTIONS if "host" in key}

    project = make_project({"name": "orders", **others, **hosts}, tmp_path)

    text = (project / "environments.yml").read_text(encoding="utf-8")
    assert {value for value in (*others.values(), *hosts.values()) if value not in text} == set()
    kept = json.loads((project / "answers.json").read_text(encoding="utf-8"))
    assert kept == {"name": "orders", "task": "binary", "source": "csv", **others, **hosts}


def test_from_the_answers_that_it_keeps_a_project_is_made_again(tmp_path: Path) -> None:
    first = make_project({"name": "orders", "task": "regression", "groups": "ours"}, tmp_path / "first")

    assert (
        run(tmp_path, "new", "orders", "--config-file", str(first / "answers.json"), "--output-dir", str(tmp_path)) == 0
    )

    assert contents(tmp_path / "orders") == contents(first)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    "name", ["my-model", "9_lives", "Model", "größe", "a", "x" * 31, "", "two words", "a/b", "..", "ab\n", "ab_"]
)
def test_a_name_that_is_none_is_refused_by_a_sentence(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, "new", name, "--output-dir", str(tmp_path / "made")) == 2

    said = capsys.readouterr().err
    assert "levelfive: name: A name is 3 to 30 small letters, digits and _" in said
    assert not (tmp_path / "made").exists()


def test_a_name_of_pythons_is_refused() -> None:
    """Nor is one that a package has which is installed beside it, nor one that YAML takes for no text."""
    python = [*keyword.kwlist, *sys.stdlib_module_names, "test"]
    yaml_words = [name for name in ("true", "false", "null", "yes", "off") if yaml.safe_load(name) != name]
    taken = [name for name in (*python, *packages_distributions(), *yaml_words) if NAME.match(name)]

    guarded = (TEMPLATE / "pyproject.toml.tmpl").read_text(encoding="utf-8").partition("[build-system]")[0]

    assert len(yaml_words) == 5
    assert len(taken) > 250
    for name in taken:
        with pytest.raises(ConfigError, match="one of Python, Spark or levelfive itself"):
            render(guarded, {"name": name})


def test_where_the_template_refuses_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="take another one, such as store_returns"):
        make_project({"name": "class"}, tmp_path / "made")

    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (
            ["--answer", "task=ranking"],
            "task: expected one of binary, regression, multiclass, quantiles, got 'ranking'",
        ),
        (["--answer", "colour=red"], "no question colour; there are name, task, source"),
        (["--answer", "task"], "--answer: expected key=value such as task=regression, got 'task'"),
        (["--answer", "dev_host=adb-1"], "dev_host: A host is an address such as https://"),
        (["--answer", "qa_catalog=a b"], "qa_catalog: A catalog is named by letters, digits and _"),
        (["--config-file", "/nowhere/a.json"], "the answers cannot be read: /nowhere/a.json"),
        (["--config-file", "{file}"], "must be an object of texts"),
    ],
)
def test_an_answer_that_is_none_is_refused_by_a_sentence(
    arguments: list[str], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "answers.json").write_text('{"task": 1}')
    arguments = [argument.replace("{file}", str(tmp_path / "answers.json")) for argument in arguments]

    assert run(tmp_path, "new", "orders", *arguments, "--output-dir", str(tmp_path / "made")) == 2

    assert says in capsys.readouterr().err
    assert not (tmp_path / "made").exists()


def test_what_is_there_already_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "orders").mkdir()
    (tmp_path / "orders" / "README.md").write_text("mine")

    with pytest.raises(ConfigError, match=r"orders/README.md is there already: name another project"):
        make_project({"name": "orders"}, tmp_path)

    assert contents(tmp_path / "orders") == {"README.md": b"mine"}


def test_the_command_names_all_questions_but_the_name_which_is_its_argument() -> None:
    said = (PROJECT / "src" / "levelfive" / "cli" / "project.py").read_text(encoding="utf-8")

    assert [key for key in QUESTIONS if not re.search(rf"\b{key}\b", said)] == []


def test_the_template_is_what_make_template_writes_and_what_is_the_teams_own() -> None:
    written = files()
    own = {str(path.relative_to(TEMPLATE)) for path in TEMPLATE.rglob("*") if path.is_file()} - written.keys()

    different = [path for path, text in written.items() if (TEMPLATE / path).read_text(encoding="utf-8") != text]
    assert different == [], "run `make template`"
    assert own == {
        ".gitignore",
        "Makefile.tmpl",
        "README.md.tmpl",
        "answers.json.tmpl",
        "databricks.yml.tmpl",
        "deploy/azure-pipelines/ci.yml.tmpl",
        "deploy/azure-pipelines/variables.yml.tmpl",
        "levelfive.yml.tmpl",
        "pyproject.toml.tmpl",
        "requirements-dev.txt",
        "sample/parcels.py.tmpl",
        "src/{{.name}}/__init__.py",
        "src/{{.name}}/use_case.py.tmpl",
        "tests/test_use_case.py.tmpl",
    }


def test_the_tests_of_a_project_deliver_their_sample_where_its_use_case_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By night they are run as a whole, in a process with a Spark of its own; here, up to the command."""
    project, home, commands = make_project({"name": "orders"}, tmp_path), tmp_path / "home", list[list[str]]()

    def note(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        commands.append(command)
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.syspath_prepend(project / "src")
    monkeypatch.syspath_prepend(project / "sample")
    monkeypatch.setattr(subprocess, "run", note)
    runpy.run_path(str(project / "tests" / "test_use_case.py"))["test_no_fault_is_found_in_the_use_case"](home)

    assert [command[1:] for command in commands] == [["--home", str(home), "--use-case", "orders", "check"]]
    assert list((App.local(home, Settings(use_case="orders")).landing / "parcels").iterdir())
