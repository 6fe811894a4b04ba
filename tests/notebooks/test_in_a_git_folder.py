"""The notebooks in a Git folder of a workspace, where `levelfive` is not installed and its source lies beside them."""

import json
import os
import subprocess
import sys
from pathlib import Path

from notebook_runs import NOTEBOOKS, packages_without_ours

PROGRAM = Path(__file__).with_name("first_cells.py")
SOURCE = NOTEBOOKS.parent / "src"


def test_every_notebook_begins_in_a_git_folder_of_a_workspace(tmp_path: Path) -> None:
    support = Path(__file__).parents[1] / "support"
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}

    answer = subprocess.run(
        [sys.executable, str(PROGRAM), str(packages_without_ours(tmp_path)), str(support / "fake_dbutils.py")],
        cwd=NOTEBOOKS,
        env={**kept, "DATABRICKS_RUNTIME_VERSION": "18.0"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert answer.returncode == 0, answer.stderr
    opened = json.loads(answer.stdout)
    imported = {name: found.pop("imported") for name, found in opened.items()}
    as_wanted = {
        "missing before": ["levelfive", "flight_delay"],
        "as_of": "2013-04-01T06:00Z",
        "session": True,
        "schema": "main.flights",
        "use case": "flight_delay",
        "code": "source",
    }
    assert opened == dict.fromkeys((path.stem for path in NOTEBOOKS.glob("*.py")), as_wanted)
    for name, files in imported.items():
        elsewhere = [file for file in files.values() if not Path(file).is_relative_to(SOURCE)]
        assert (name, elsewhere) == (name, [])
        assert {"levelfive.notebook", "flight_delay"} <= files.keys()
