"""What the design promises of the code as a whole: one stage a table, no cycle, nothing that Spark Connect lacks."""

import ast
import re
import tomllib
from collections import defaultdict
from functools import cache
from graphlib import TopologicalSorter
from importlib import import_module
from pathlib import Path

import pytest

from levelfive.data.landed import LANDING_FILES
from levelfive.data.listings import LISTINGS
from levelfive.data.raw_tables import QUARANTINE
from levelfive.storage.annotations import ANNOTATIONS

SOURCE = Path(__file__).resolve().parents[2] / "src"
MODULES = sorted(SOURCE.rglob("*.py"))
NOT_OVER_CONNECT = {"rdd", "sparkContext", "_jvm", "_jsc", "_jdf", "_sc"}
WRITES_DELTA = {"write", "writeTo", "writeStream", "saveAsTable", "insertInto", "mergeInto"}
WRITES_BY_SQL = re.compile(
    r"\s*(INSERT|MERGE|UPDATE|DELETE|TRUNCATE|COPY INTO|(CREATE|ALTER|DROP|REPLACE)\b.*\bTABLE)\b"
)


# The request log lands as files do, and scoring takes it: each stage writes the rows of its own sources alone.
OF_SOURCES = frozenset({QUARANTINE, LANDING_FILES, LISTINGS})


def stages() -> dict[str, tuple[frozenset[str], frozenset[str]]]:
    """Find each stage's declared reads and writes by its name: those of its job, and of jobs beside it."""
    found: dict[str, tuple[frozenset[str], frozenset[str]]] = {}
    for path in MODULES:
        if "WRITES" in {target for node in ast.parse(path.read_text()).body for target in assigned(node)}:
            job = import_module(".".join(path.relative_to(SOURCE).with_suffix("").parts))
            reads, writes = found.get(path.parent.name, (frozenset(), frozenset()))
            found[path.parent.name] = (reads | frozenset(job.READS), writes | frozenset(job.WRITES))
    return found


def assigned(node: ast.stmt) -> list[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return [target.id for target in targets if isinstance(target, ast.Name)]


def attributes(path: Path) -> set[str]:
    return {node.attr for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_a_module_uses_nothing_that_spark_connect_lacks(path: Path) -> None:
    assert not attributes(path) & NOT_OVER_CONNECT


def ways_to_write(path: Path) -> set[str]:
    """Find what of a module could write a table: by Spark, by delta-rs, by SQL, or by a client of Delta or features."""
    nodes = list(ast.walk(ast.parse(path.read_text())))
    imported = {
        f"{node.module}.{alias.name}" for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    imported |= {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    texts = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    packages = {name.split(".")[0] for name in imported if ".exceptions" not in name}
    return {
        *(attributes(path) & WRITES_DELTA),
        *(packages & {"delta", "deltalake"}),
        *(name for name in imported if name.startswith("databricks.feature_engineering")),
        *(found[0] for text in texts if (found := WRITES_BY_SQL.match(text))),
    }


def test_only_the_storage_writes_tables_a_workspaces_feature_store_and_an_online_store() -> None:
    writers = {str(path.relative_to(SOURCE / "levelfive")) for path in MODULES if ways_to_write(path)}

    assert writers == {
        "features/databricks_store.py",
        "online/postgres_store.py",
        "online/sqlite_store.py",
        "storage/catalog_tables.py",
        "storage/delta_rs_control_tables.py",
        "storage/foreign_tables.py",
        "storage/local_tables.py",
        "storage/tables.py",
        "storage/upkeep.py",
    }


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_only_formats_know_how_files_are_written(path: Path) -> None:
    imported = {
        alias.name
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Import)
        for alias in node.names
    }

    known = (imported | attributes(path)) & {
        "csv",
        "gzip",
        "pyarrow.csv",
        "read_csv",
    }

    assert not known or "formats" in path.parts


def test_a_table_is_written_by_one_stage_but_for_those_of_what_landed() -> None:
    writers: dict[str, set[str]] = defaultdict(set)
    for stage, (_, writes) in stages().items():
        for table in writes:
            writers[table].add(stage)

    assert len(stages()) >= 5
    of_several = {table: by for table, by in writers.items() if len(by) > 1}
    assert of_several == {table: {"data", "scoring"} for table in OF_SOURCES}


def test_what_a_stage_reads_a_stage_writes() -> None:
    by_hand = {ANNOTATIONS}  # what people say, by commands
    written = {table for _, writes in stages().values() for table in writes} | by_hand

    assert {table for reads, _ in stages().values() for table in reads} <= written


def test_no_stage_waits_for_what_comes_after_it() -> None:
    found = stages()
    needs = {
        stage: {other for other, (_, writes) in found.items() if other != stage and (writes - OF_SOURCES) & reads}
        for stage, (reads, _) in found.items()
    }

    order = list(TopologicalSorter(needs).static_order())  # raises on a cycle

    assert order.index("data") < order.index("features") < order.index("scoring")


@cache
def fixtures(path: Path) -> frozenset[str]:
    """Name the fixtures that a file of tests defines."""
    functions = (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef))
    return frozenset(
        one.name for one in functions if any("fixture" in ast.unparse(mark) for mark in one.decorator_list)
    )


def test_what_finds_mutants_asks_for_no_fixture_of_a_conftest() -> None:
    """Mutants are tested without any conftest: a test that asks for a fixture of one would end the whole run."""
    settings = tomllib.loads((SOURCE.parent / "pyproject.toml").read_text())["tool"]["mutmut"]
    chosen = [SOURCE.parent / name for name in settings["pytest_add_cli_args_test_selection"]]
    files = [file for one in chosen for file in (sorted(one.rglob("test_*.py")) if one.is_dir() else [one])]
    conftests = [*(SOURCE.parent / "tests").rglob("conftest.py")]

    def of_conftests(file: Path) -> set[str]:
        return set[str]().union(*(fixtures(one) for one in conftests if one.parent in file.parents))

    asked = {
        f"{file.name}: {argument.arg}"
        for file in files
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.FunctionDef)
        for argument in node.args.args
        if argument.arg in of_conftests(file) - fixtures(file)
        and (node.name.startswith("test_") or node.name in fixtures(file))
    }

    assert asked == set()
