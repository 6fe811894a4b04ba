"""What serves runs where Spark, Delta and matplotlib are not there, as in a container."""

import subprocess
import sys
from pathlib import Path

import served

SERVES = """
import sys
for name in ("pyspark", "delta", "deltalake", "matplotlib"):
    sys.modules[name] = None  # its import fails
from datetime import datetime
from pathlib import Path
import levelfive.cli.service, levelfive.platforms.local_stores, levelfive.serving.run
from levelfive.online.sqlite_store import SqliteStore
from levelfive.serving.scorer import Scorer
from levelfive.serving.version import served_version

package, store, now, body = sys.argv[1:]
opened = SqliteStore(Path(store))
scorer = Scorer(served_version(Path(package), "m", "1"), opened.states(), opened)
print(scorer.path, scorer.answer(body.encode(), request_id="r", now=datetime.fromisoformat(now)).to_json().decode())
"""


def test_a_version_answers_where_there_is_no_spark(package: Path, store: object, tmp_path: Path) -> None:
    """A new process imports MLflow, which takes most of its seconds."""
    arguments = [str(package), str(tmp_path / "online.db"), served.NOW.isoformat(), served.body().decode()]

    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SERVES, *arguments], capture_output=True, text=True, check=False
    )

    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith('fast {"request_id":"r","scores":{"score":0.')
