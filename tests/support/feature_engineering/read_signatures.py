"""Writes `signatures.json`: how the real client of Feature Engineering is called, read from its wheels.

The package cannot be installed beside ours, as its pins collide with theirs, and its licence keeps its code out of
here: so the wheels are fetched into a folder that is thrown away, and parsed, not imported. To do it again, or for
another version, from the root of the project:

    python tests/support/feature_engineering/read_signatures.py 0.12.1 0.13.0
"""

import ast
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

PACKAGE = "databricks-feature-engineering"
SIGNATURES = Path(__file__).with_name("signatures.json")
WANTED = {
    "FeatureEngineeringClient": ("__init__", "create_table", "write_table", "get_table", "create_training_set"),
    "FeatureLookup": ("__init__",),
    "TrainingSet": ("load_df",),
}


def fetch(version: str, folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder)]
    subprocess.run([*command, f"{PACKAGE}=={version}"], check=True)
    return next(folder.glob("*.whl"))


def signatures(wheel: Path) -> dict[str, list[dict[str, str | None]]]:
    with ZipFile(wheel) as archive:
        modules = [ast.parse(archive.read(name)) for name in sorted(archive.namelist()) if name.endswith(".py")]
    found = {}
    for kind in (node for module in modules for node in module.body if isinstance(node, ast.ClassDef)):
        for function in kind.body:
            if isinstance(function, ast.FunctionDef) and function.name in WANTED.get(kind.name, ()):
                found[f"{kind.name}.{function.name}"] = list(parameters(function.args))
    return dict(sorted(found.items()))


def parameters(arguments: ast.arguments) -> Iterator[dict[str, str | None]]:
    """Describe parameters in their order; a default is the text of its expression, None where there is none."""
    by_place = [(argument, "POSITIONAL_ONLY") for argument in arguments.posonlyargs]
    by_place += [(argument, "POSITIONAL_OR_KEYWORD") for argument in arguments.args]
    without = len(by_place) - len(arguments.defaults)
    for i, (argument, kind) in enumerate(by_place):
        yield described(argument, kind, None if i < without else arguments.defaults[i - without])
    if arguments.vararg:
        yield described(arguments.vararg, "VAR_POSITIONAL", None)
    for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        yield described(argument, "KEYWORD_ONLY", default)
    if arguments.kwarg:
        yield described(arguments.kwarg, "VAR_KEYWORD", None)


def described(argument: ast.arg, kind: str, default: ast.expr | None) -> dict[str, str | None]:
    return {"name": argument.arg, "kind": kind, "default": None if default is None else ast.unparse(default)}


def main() -> None:
    versions = {}
    for version in sys.argv[1:]:
        with tempfile.TemporaryDirectory() as folder:
            versions[version] = signatures(fetch(version, Path(folder)))
    again = f"python tests/support/feature_engineering/read_signatures.py {' '.join(versions)}"
    document = {"package": PACKAGE, "made_by": again, "versions": versions}
    SIGNATURES.write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
