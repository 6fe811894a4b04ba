"""Where a laptop's registry keeps the files of a version, for tests that take them away."""

from pathlib import Path

from mlflow import MlflowClient

from levelfive.registry.store import CentralRegistry


def files_of(found: CentralRegistry, version: str) -> Path:
    """Find the folder of a version's files."""
    client = MlflowClient(found.uri, found.uri)
    run = client.get_run(client.get_model_version(found.name, version).run_id)
    return Path(run.info.artifact_uri.removeprefix("file://"))
