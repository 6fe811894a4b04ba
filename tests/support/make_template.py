"""Writes into the project's template what it has of this repository: notebooks, resources, environments, what deploys.

`make template` runs it; a test compares. What is a team's own in `template` is written by hand.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
TEMPLATE = PROJECT / "template" / "{{.name}}"

RELEASES_WITH = ("bundle", "cli", "copy", "digest", "endpoint", "promote", "release", "run", "serving_stages", "stages")
# Of the path of each of these, and of the folders in it, the copy is the same.
AS_THEY_ARE = (
    "resources/*",
    "deploy/azure-ml/*/*",
    "deploy/azure-pipelines/*.sh",
    *(f"deploy/azure-pipelines/templates/{name}.yml" for name in RELEASES_WITH),
    "deploy/kubernetes/Containerfile",
    "deploy/kubernetes/base/*",
    "requirements/serving*",
)
OVERLAYS = "deploy/kubernetes/overlays/*/*"
NOTEBOOKS = "notebooks/*.py"
ABOUT_FLIGHTS = ("explore.py",)

IN_NOTEBOOKS = {'find_spec("levelfive")': 'find_spec("{{.name}}")'}
IN_ENVIRONMENTS = {
    "# What all use cases share. What": "# What",
    "; docs/bundle.md": "; levelfive's docs/bundle.md",
    "# A use case is a bundle of its own, whose name is the use case's: its databricks.yml includes this file.\n": "",
    "the code is in the wheel": "the code is in the wheels",
    "; docs/serving-deployment.md": "; levelfive's docs/serving-deployment.md",
    'start it when they come\n    default: ""\n': "start it when they come\n    default: parcels\n",
    "have changed\n    type: complex\n    default: []\n": (
        "have changed\n    type: complex\n    default: [main.logistics.parcels]\n"
    ),
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
DASHED = '{{(regexp "_").ReplaceAllString .name "-"}}'  # what Kubernetes takes as a name
IN_OVERLAYS = {
    "flight-delay": DASHED,
    "flight_delay": "{{.name}}",
    " # another use case is another folder beside this one, with its own prefix and settings": "",
    "levelfive.azurecr.io/levelfive-serving": f"levelfive.azurecr.io/{DASHED}-serving",
    "https://adb-2000000000000002.2.azuredatabricks.net": "{{.qa_host}}",
    "https://adb-3000000000000003.3.azuredatabricks.net": "{{.prod_host}}",
    "LEVELFIVE_CLOCK=2026-01-05T00:00Z=2013-04-01T00:00Z # that of the jobs, for the example data; then empty": (
        "LEVELFIVE_CLOCK= # that of the jobs"
    ),
    "/flights/request_log": "/{{.name}}/request_log",
    "environment: ": "environment: {{.name}}_",
    "registry_prefix: levelfive_registry": "registry_prefix: {{.registry_catalog}}",
}
IN_SERVING = {
    "the champion of flight_delay to where": "the champion to where",
    " Another use case has a pipeline of its own: a copy of this file, with its name below, and for a\n"
    "# cluster one of templates/overlay.yml, with its overlay and deployment.\n": "\n",
    "source: levelfive-ci": "source: {{.name}}-ci",
    """\
  - template: templates/use_case.yml
    parameters:
      use_case: flight_delay
""": "",
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
    made |= _overlays()
    pipelines = {"cd": IN_RELEASES, "serving": IN_SERVING, "templates/overlay": {"flight-delay": DASHED}}
    for name, others in pipelines.items():
        path = f"deploy/azure-pipelines/{name}.yml"
        made[f"{path}.tmpl"] = _put(path, others)
    version = tomllib.loads(_read("pyproject.toml"))["project"]["version"].partition("+")[0]
    made["requirements.txt"] = f"levelfive=={version}\n"
    return made


def _overlays() -> dict[str, str]:
    texts = {path: _read(path) for path in _found((OVERLAYS,))}
    found = {path: {old: new for old, new in IN_OVERLAYS.items() if old in text} for path, text in texts.items()}
    if unused := IN_OVERLAYS.keys() - {old for others in found.values() for old in others}:
        raise SystemExit(f"no overlay says any more {sorted(unused)}: correct tests/support/make_template.py")
    return {
        f"{path}.tmpl" if others else path: _put(path, others) if others else texts[path]
        for path, others in found.items()
    }


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
