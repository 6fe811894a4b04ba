"""A package names the module that registers its task, which another process imports as it loads the package."""

import os
import subprocess
import sys
from pathlib import Path

import in_memory.release as memory
import pandas as pd
import pytest
from in_memory.release import AS_OF, a_model
from multiclass import COLOURS

from levelfive import LABEL
from levelfive.core.windows import Window
from levelfive.models.package import save

SUPPORT = Path(__file__).parents[2] / "support"
FLIGHTS = memory.flights
SERVES = """
import sys
sys.modules["pyspark"] = None  # as in the image of the service
from pathlib import Path
from levelfive.errors import LevelfiveError
from levelfive.serving.version import served_version

try:
    print(served_version(Path(sys.argv[1]), "m", "1").model.card.task.name)
except LevelfiveError as err:
    print(err)
"""


def coloured(window: Window) -> pd.DataFrame:
    rows = FLIGHTS(window)
    return rows.assign(**{LABEL: rows["distance"] // 14})


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tasks") / "package"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(memory, "flights", coloured)
        model = a_model(AS_OF, task=COLOURS)
        save(model, memory.flights(Window(model.card.trained_from, AS_OF)), folder)
    return folder


def served(package: Path, path: str) -> str:
    paths = [one for one in (os.environ.get("PYTHONPATH", ""), path) if one]
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SERVES, str(package)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
    )
    return ran.stdout.strip()


def test_a_service_loads_a_version_whose_task_is_of_a_package_of_its_own(package: Path) -> None:
    """A new process imports MLflow, which takes most of its seconds."""
    assert served(package, str(SUPPORT)) == "colours"


def test_a_service_without_that_package_says_what_to_install(package: Path) -> None:
    """A new process imports MLflow, which takes most of its seconds."""
    said = served(package, "")

    assert said.startswith("the task 'colours' is registered by multiclass, which cannot be imported here (No module")
    assert "install the package of its use case" in said
