"""Where the stores of a laptop lie in its home; nothing here needs Spark."""

from __future__ import annotations

from pathlib import Path

from levelfive.config import Settings
from levelfive.core.secrets import is_reference, read_secret
from levelfive.errors import ConfigError, unusable
from levelfive.online.opening import url_of
from levelfive.registry.store import CentralRegistry


def local_registry(home: Path, settings: Settings) -> CentralRegistry:
    """Open the central registry that the settings name, by default one in the home.

    Raises:
        ConfigError: The home cannot be written to, or the registry's address cannot be read.
        RegistryError: The registry did not answer.
    """
    uri, artefacts = local_store(home, "registry", settings.registry_uri)
    return CentralRegistry(uri, settings.model_name, artefacts=artefacts)


def online_store_url(home: Path, settings: Settings) -> str:
    """Name the online store that the settings name, by default a file in the home; it may hold a password.

    Raises:
        ConfigError: The settings say where its URL is, and it is not there.
    """
    if settings.online_store is None:
        return url_of(home / "online" / f"{settings.schema_name}.db")
    setting = settings.online_store.get_secret_value()
    return local_secret(setting) if is_reference(setting) else setting


def local_secret(reference: str) -> str:
    """Find a secret in the variables of the process.

    Raises:
        ConfigError: It is not there, or the reference is to a secret of a workspace.
    """
    return read_secret(reference, _of_no_workspace)


def _of_no_workspace(scope: str, key: str) -> str:
    raise ConfigError(f"secrets/{scope}/{key} is read on a workspace alone: on a laptop, name a variable, env:NAME")


def local_store(home: Path, name: str, uri: str | None) -> tuple[str, Path | None]:
    """Tell the address of an MLflow store, and the folder of its artefacts where it has none of its own.

    Raises:
        ConfigError: The home cannot be written to.
    """
    if uri is not None:
        return uri, None
    folder = make_folder(home, home / name)
    return f"sqlite:///{folder / 'mlflow.db'}", folder / "artifacts"


def make_folder(home: Path, folder: Path) -> Path:
    """Make a folder of the home.

    Raises:
        ConfigError: It cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as err:
        raise ConfigError(f"home {home}: {unusable(err)} (--home)") from err
    return folder
