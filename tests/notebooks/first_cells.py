"""Opens every notebook of the present folder as a workspace does in a Git folder, where the wheel is not installed.

A program for a test: it runs each notebook's cells down to the one that reads the parameters, and prints as JSON what
came of them. Its arguments are the folder of packages without ours, and the file of what stands for `dbutils`.
"""

import json
import runpy
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

OURS = ("levelfive", "flight_delay")
GIVEN = {"as_of": "2013-04-01T06:00Z", "table_schema": "main.flights", "environment": "dev"}
PARAMETERS = "page = notebook.parameters("


def opened(notebook: Path, dbutils: type) -> dict[str, Any]:
    found = {name: MagicMock(name=name) for name in ("display", "displayHTML", "spark")}
    namespace: dict[str, Any] = {"__name__": "__main__", "dbutils": dbutils(GIVEN), **found}
    missing = [name for name in OURS if find_spec(name) is None]

    before, reads, after = notebook.read_text().partition(PARAMETERS)
    exec(compile(before + reads + after.partition("\n")[0], notebook, "exec"), namespace)

    page = namespace["page"]
    return {
        "missing before": missing,
        "as_of": page["as_of"],
        "session": page.app.platform.spark is found["spark"],
        "schema": page.app.settings.schema_name,
        "use case": page.app.use_case.name,
        "code": page.app.code_revision,
        "imported": {name: module.__file__ for name, module in sys.modules.items() if name.split(".")[0] in OURS},
    }


def begin_anew(path: list[str]) -> None:
    """Forget what a notebook has imported, and where from: each has a process of its own."""
    sys.path[:] = path
    for name in [name for name in sys.modules if name.split(".")[0] in OURS]:
        del sys.modules[name]


def main(packages: str, dbutils: str) -> None:
    # A notebook's own folder is on its path, as that of this program is on ours.
    others = [folder for folder in sys.path[1:] if not any(Path(folder).glob("levelfive*"))]
    path = [str(Path.cwd()), *others, packages]
    results = {}
    for notebook in sorted(Path.cwd().glob("*.py")):
        begin_anew(path)
        results[notebook.stem] = opened(notebook, runpy.run_path(dbutils)["FakeDbutils"])
    print(json.dumps(results))


if __name__ == "__main__":
    main(*sys.argv[1:])
