"""Where the online store is: named by a setting, by the environment, or by a secret, and shown in no message."""

from pathlib import Path
from unittest.mock import create_autospec

import pytest
from databricks.sdk import WorkspaceClient
from online_store_contract import aircraft, seats

from levelfive.config import STORE_VARIABLE, Settings
from levelfive.errors import ConfigError
from levelfive.online.opening import url_of
from levelfive.platforms import workspace
from levelfive.platforms.laptop import Laptop
from levelfive.platforms.workspace import Workspace


@pytest.fixture(autouse=True)
def _not_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(STORE_VARIABLE, raising=False)


def test_a_laptop_has_one_of_its_own_for_each_schema(tmp_path: Path) -> None:
    store = Laptop(tmp_path).online_store(Settings(table_schema="flights"))

    store.publish(aircraft(150))

    store.close()
    assert [file.name for file in (tmp_path / "online").glob("*.db")] == ["flights.db"]


def test_the_environment_names_one_unless_a_setting_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(STORE_VARIABLE, url_of(tmp_path / "environment.db"))
    named = Settings(online_store=url_of(tmp_path / "setting.db"))

    for settings, file in ((Settings(), "environment.db"), (named, "setting.db")):
        store = Laptop(tmp_path).online_store(settings)
        store.publish(aircraft(150))
        store.close()
        assert (tmp_path / file).exists()


def test_a_setting_may_say_where_its_url_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORE", url_of(tmp_path / "elsewhere.db"))

    store = Laptop(tmp_path).online_store(Settings(online_store="env:STORE"))

    store.publish(aircraft(150))
    store.close()
    assert (tmp_path / "elsewhere.db").exists()
    with pytest.raises(ConfigError, match="secrets/scope/key is read on a workspace alone"):
        Laptop(tmp_path).online_store(Settings(online_store="secrets/scope/key"))


def test_settings_do_not_show_it() -> None:
    settings = Settings(online_store="postgresql://me:password@host/database")

    assert "password" not in f"{settings!r} {settings} {settings.model_dump()}"


@pytest.mark.parametrize("named", [None, "secrets/", "secrets/scope", "secrets//key", "postgresql://me:password@host"])
def test_on_a_workspace_a_secret_names_it(named: str | None) -> None:
    with pytest.raises(ConfigError, match="secrets/SCOPE/KEY") as refused:
        Workspace(None).online_store(Settings(online_store=named))
    assert "password" not in str(refused.value)


def test_the_secret_of_a_workspace_holds_the_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client = create_autospec(WorkspaceClient, instance=True)
    secrets = {("scope", "key"): url_of(tmp_path / "online.db")}
    client.dbutils.secrets.get.side_effect = lambda scope, key: secrets[scope, key]
    monkeypatch.setattr(workspace, "workspace_client", lambda: client)

    store = Workspace(None).online_store(Settings(online_store="secrets/scope/key"))

    store.publish(aircraft(150))
    assert seats(store, 0) == [150]
    store.close()
    with pytest.raises(ConfigError, match=r"secrets/other/key cannot be read: .* read its scope"):
        Workspace(None).online_store(Settings(online_store="secrets/other/key"))
