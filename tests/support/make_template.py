"""Writes into the project's template what it has of this repository: notebooks, resources, environments, pipelines.

`make template` runs it; a test compares. What is a team's own in `template` is written by hand.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
TEMPLATE = PROJECT / "template" / "{{.name}}"

# Of the path of each of these, and of the folders in it, the copy is the same.
AS_THEY_ARE = (
    "resources/*",
    "deploy/azure-ml/*/*",
    "deploy/azure-pipelines/install-cli.sh",
    *(
        f"deploy/azure-pipelines/templates/{name}.yml"
        for name in ("bundle", "cli", "copy", "promote", "release", "run", "stages")
    ),
)
NOTEBOOKS = "notebooks/*.py"
ABOUT_FLIGHTS = ("explore.py",)

IN_NOTEBOOKS = {'find_spec("levelfive")': 'find_spec("{{.name}}")'}
IN_ENVIRONMENTS = {
    "# What all use cases share. What": "# What",
    "; docs/bundle.md": "; levelfive's docs/bundle.md",
    "# A use case is a bundle of its own, whose name is the use case's: its databricks.yml includes this file.\n": "",
    "the code is in the wheel": "the code is in the wheels",
    "; docs/serving-deployment.md": "; levelfive's docs/serving-deployment.md",
    "default: levelfive_registry": "default: {{.registry_catalog}}",
    "default: levelfive-${bundle.name}-${bundle.target}": "default: {{.groups}}-${bundle.target}",
    "https://adb-1000000000000001.1.azuredatabricks.net": "{{.dev_host}}",
    "https://adb-2000000000000002.2.azuredatabricks.net": "{{.qa_host}}",
    "https://adb-3000000000000003.3.azuredatabricks.net": "{{.prod_host}}",
    "catalog: levelfive_dev": "catalog: {{.dev_catalog}}",
    "catalog: levelfive_qa": "catalog: {{.qa_catalog}}",
    "catalog: levelfive_prod": "catalog: {{.prod_catalog}}",
    "      - whl: ./dist/*.whl\n": "      - whl: ./dist/levelfive-*.whl # first, since the project's needs it\n"
    "      - whl: ./dist/{{.name}}-*.whl\n",
    "              - ./dist/*.whl[serverless] # brings": "              - ./dist/{{.name}}-*.whl\n"
    "              - ./dist/levelfive-*.whl[serverless] # brings",
    "              - ./dist/*.whl[serverless,azure-ml]\n": "              - ./dist/{{.name}}-*.whl\n"
    "              - ./dist/levelfive-*.whl[serverless,azure-ml]\n",
    """\
        path: . # of this file, whichever use case is deployed
        # Only where the source is newer: who deploys twice changes nothing. The version tells when it was built.
        build: >-
          test -f dist/*.whl && test -z "$(find src pyproject.toml -newer dist/*.whl ! -path '*__pycache__*')"
          || { rm -rf dist && make wheel; }
        files:
          - source: ./dist/*.whl
""": """\
        path: .
        build: make wheel # only where the source is newer: who deploys twice changes nothing
        files:
          - source: ./dist/{{.name}}-*.whl
""",
    """\
          - source: ./dist/*.whl # one wheel with a version of its own, from the build
""": """\
          - source: ./dist/{{.name}}-*.whl # with a version of its own, from the build
""",
}
IN_RELEASES = {
    "the use case flight_delay. Another one has a pipeline of its own: a copy of this file, with its name below.": (
        "what {{.name}}-ci has tested and built."
    ),
    "levelfive_registry.dev_anna_smith_dev.flight_delay": (
        "{{.registry_catalog}}.dev_anna_smith_{{.name}}_dev.{{.name}}"
    ),
    "source: levelfive-ci": "source: {{.name}}-ci",
    """\
  - template: templates/use_case.yml
    parameters:
      use_case: flight_delay
""": "",
}


def files() -> dict[str, str]:
    """Make each file that is not written by hand, by its path in the project."""
    made = {path: _read(path) for path in _found(AS_THEY_ARE)}
    for path in _found((NOTEBOOKS,)):
        if Path(path).name not in ABOUT_FLIGHTS:
            made[f"{path}.tmpl"] = _put(path, IN_NOTEBOOKS)
    made["environments.yml.tmpl"] = _put("environments.yml", IN_ENVIRONMENTS)
    made["deploy/azure-pipelines/cd.yml.tmpl"] = _put("deploy/azure-pipelines/cd.yml", IN_RELEASES)
    version = tomllib.loads(_read("pyproject.toml"))["project"]["version"].partition("+")[0]
    made["requirements.txt"] = f"levelfive=={version}\n"
    return made


def _found(patterns: tuple[str, ...]) -> Iterator[str]:
    for pattern in patterns:
        yield from sorted(str(path.relative_to(PROJECT)) for path in PROJECT.glob(pattern) if path.is_file())


def _read(path: str) -> str:
    return (PROJECT / path).read_text(encoding="utf-8")


def _put(path: str, others: dict[str, str]) -> str:
    """Make a template of a file: its own double braces stay, and each of some texts becomes another one."""
    text = _read(path).replace("{{", '{{"{{"}}')
    for old, new in others.items():
        if old not in text:
            raise SystemExit(f"{path} no longer says {old!r}: correct tests/support/make_template.py")
        text = text.replace(old, new)
    return text


def main() -> None:
    """Write them all."""
    for path, text in files().items():
        file = TEMPLATE / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
