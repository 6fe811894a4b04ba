"""On a workspace, nothing of the laptop is imported."""

import subprocess
import sys

WITHOUT_THE_LAPTOP = """
import sys
from unittest.mock import MagicMock

for name in ("deltalake", "sqlalchemy", "alembic", "levelfive.platforms.local_spark"):
    sys.modules[name] = None  # whoever imports it fails, as where it is not installed

from levelfive.app import App
from levelfive.config import Settings

settings = Settings(table_schema="main.flights", landing="/Volumes/main/landing", registry_uri="https://example.com")
app = App.on_databricks(MagicMock(), settings)
print(app.context.tables.name("runs"), app.stores.tracking.uri, app.stores.registry.uri, app.landing)
"""


def test_nothing_of_the_laptop_is_imported_on_a_workspace() -> None:
    answer = subprocess.run([sys.executable, "-c", WITHOUT_THE_LAPTOP], capture_output=True, text=True, check=False)

    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.split() == [
        "main.flights.runs",
        "databricks",
        "https://example.com",
        "/Volumes/main/landing",
    ]
