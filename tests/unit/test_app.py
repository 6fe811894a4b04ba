"""The application of a workspace is built from what a workspace has."""

import logging
import os
from pathlib import Path
from pwd import getpwuid
from types import SimpleNamespace
from unittest.mock import MagicMock, create_autospec

import pytest
from databricks.sdk.errors import PermissionDenied
from ingestion import KEY, arrived
from loopback import Loopback, loopback
from pyspark.sql import SparkSession

from levelfive.app import App
from levelfive.cli.options import Shared
from levelfive.config import Approval, Settings, load_settings
from levelfive.core.windows import utc
from levelfive.errors import ConfigError
from levelfive.platforms.laptop import Laptop
from levelfive.platforms.workspace import Workspace, on_databricks
from levelfive.registry.store import CentralRegistry
from levelfive.telemetry.tracing import connect, event


class Classic:
    """A session as a cluster has it."""

    def __init__(self) -> None:
        self.conf = MagicMock()
        self.sql = MagicMock()


class Remote(Classic):
    """A session over Spark Connect, as serverless compute has it."""


Remote.__module__ = "pyspark.sql.connect.session"


def test_the_registry_is_by_default_the_one_of_unity_catalog(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = create_autospec(CentralRegistry)
    monkeypatch.setattr("levelfive.platforms.workspace.CentralRegistry", opened)

    App.on_databricks(Classic(), Settings(environment="qa", registry_prefix="models")).registry  # noqa: B018 - built at first use

    opened.assert_called_once_with("databricks-uc", "models.qa.flight_delay")


def test_a_registry_apart_from_the_workspace_comes_from_the_settings() -> None:
    app = App.on_databricks(Classic(), Settings(registry_uri="https://mlflow.example.com", environment="qa"))

    assert (app.registry.uri, app.registry.name) == ("https://mlflow.example.com", "levelfive.qa.flight_delay")
    assert app.tracking.uri == "databricks"


def test_an_experiment_is_a_path_in_the_home_of_whom_it_runs_as_or_the_one_of_the_settings() -> None:
    spark = Classic()
    spark.sql.return_value.collect.return_value = [("ada@example.com",)]

    by_default = App.on_databricks(spark, Settings(environment="dev")).tracking
    chosen = App.on_databricks(spark, Settings(experiment="/Shared/flights")).tracking

    assert by_default.experiment == "/Users/ada@example.com/levelfive.dev.flight_delay"
    assert chosen.experiment == "/Shared/flights"


@pytest.mark.parametrize(("session", "kept"), [(Classic(), True), (Remote(), False)])
def test_frames_are_kept_on_a_cluster_and_not_over_connect(session: Classic, kept: bool) -> None:
    tables, rows = App.on_databricks(session, Settings()).tables, MagicMock()

    tables.cache(rows)

    assert rows.persist.called is kept


def test_times_are_utc_in_the_session_of_a_workspace() -> None:
    spark = Classic()

    App.on_databricks(spark, Settings())

    spark.conf.set.assert_called_once_with("spark.sql.session.timeZone", "UTC")


def test_use_cases_of_one_home_have_landing_folders_of_their_own(tmp_path: Path) -> None:
    by_default, chosen = Settings(), Settings(landing=tmp_path / "files")

    assert App(Laptop(tmp_path), by_default).landing == tmp_path / "landing" / "flight_delay"
    assert App(Laptop(tmp_path), Settings(use_case="shop")).landing == tmp_path / "landing" / "shop"
    assert App(Laptop(tmp_path), chosen).landing == tmp_path / "files"


def test_a_workspace_has_no_home_and_no_landing_folder_of_its_own() -> None:
    app = App.on_databricks(Classic(), Settings())

    with pytest.raises(ConfigError, match="/Volumes/"):
        print(app.landing)
    with pytest.raises(ConfigError, match="only a laptop"):
        print(app.home)


def test_a_wrong_use_case_is_refused_before_the_session_is_used() -> None:
    spark = Classic()

    with pytest.raises(ConfigError, match="no use case 'nothing'"):
        App.on_databricks(spark, Settings(use_case="nothing"))

    assert not spark.conf.mock_calls
    assert not spark.sql.mock_calls


def test_a_package_without_a_use_case_is_no_use_case(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="must be a levelfive UseCase, it is NoneType"):
        App.local(tmp_path, Settings(use_case="json"))


def test_the_revision_is_the_callers_or_the_one_of_the_environment_or_the_wheels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LEVELFIVE_CODE_REVISION", raising=False)
    of_wheel = App.local(tmp_path, Settings()).code_revision
    monkeypatch.setenv("LEVELFIVE_CODE_REVISION", "abc")

    assert of_wheel[0].isdigit()
    assert App.local(tmp_path, Settings()).code_revision == "abc"
    assert App.local(tmp_path, Settings(), revision="def").code_revision == "def"


def test_the_workspace_is_asked_by_one_client_and_features_by_another_one(monkeypatch: pytest.MonkeyPatch) -> None:
    made, asked = MagicMock(side_effect=lambda: MagicMock()), MagicMock(side_effect=lambda: MagicMock())
    monkeypatch.setattr("databricks.sdk.WorkspaceClient", made)
    monkeypatch.setattr("levelfive.platforms.workspace.feature_engineering", asked)
    app = App.on_databricks(Classic(), Settings())

    assert app.workspace is app.workspace
    assert app.context.features._engineering is app.context.features._engineering
    assert app.context is app.context
    assert (made.call_count, asked.call_count) == (1, 1)


def test_a_command_on_databricks_works_on_the_workspace_and_elsewhere_on_a_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = Classic()
    monkeypatch.setattr(SparkSession, "builder", SimpleNamespace(getOrCreate=lambda: session))
    monkeypatch.setenv("DATABRICKS_RUNTIME_VERSION", "18.0")

    assert Shared(tmp_path).open_app().platform == Workspace(session)

    monkeypatch.delenv("DATABRICKS_RUNTIME_VERSION")
    assert Shared(tmp_path).open_app().platform == Laptop(tmp_path)


def test_databricks_tells_of_itself_by_its_runtime(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABRICKS_RUNTIME_VERSION", raising=False)
    assert not on_databricks()

    monkeypatch.setenv("DATABRICKS_RUNTIME_VERSION", "18.0")
    assert on_databricks()


def test_where_promotion_is_manual_the_commands_begin_with_an_approval() -> None:
    promote = "levelfive registry promote 4 --as-of 2013-04-01T06:00:00Z"

    assert Shared().how_to_promote(Approval.AUTO, "4", utc(2013, 4, 1, 6)) == promote
    by_hand = Shared().how_to_promote(Approval.MANUAL, "4", utc(2013, 4, 1, 6))
    assert by_hand.startswith("levelfive registry approve 4 --as-of 2013-04-01T06:00:00Z --reason WHY")
    assert by_hand.endswith(f", then {promote}")


def test_a_laptop_knows_who_is_signed_in_whatever_the_environments_variables_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGNAME", "somebody else")
    monkeypatch.setenv("USER", "somebody else")

    assert App.local(tmp_path, Settings()).starter == getpwuid(os.geteuid()).pw_name


def test_who_started_a_job_is_told_and_not_whom_it_runs_as() -> None:
    spark = Classic()
    spark.sql.return_value.collect.return_value = [("a service principal",)]

    assert App.on_databricks(spark, Settings(), started_by="ada@example.com").starter == "ada@example.com"
    assert App.on_databricks(spark, Settings(), started_by="").stores.trained_by == ""
    assert App.on_databricks(spark, Settings()).starter == "a service principal"


@pytest.mark.parametrize(
    ("given", "allowed"),
    [
        ({}, True),
        ({"environment": "prod"}, False),
        ({"environment": "dev", "approval_by_trainer": "allowed"}, True),
        ({"approval_by_trainer": "refused"}, False),
    ],
)
def test_who_trained_a_version_approves_it_on_a_laptop_alone_unless_that_is_set(
    given: dict[str, str], allowed: bool
) -> None:
    assert Settings(**given).trainer_may_approve is allowed


def opened(settings: Settings, on_a_workspace: bool, home: Path) -> App:
    return App.on_databricks(Classic(), settings) if on_a_workspace else App.local(home, settings)


def connection_to(server: Loopback) -> str:
    return f"InstrumentationKey={KEY};IngestionEndpoint={server.address}"


@pytest.mark.parametrize("on_a_workspace", [True, False])
def test_telemetry_goes_to_where_the_secret_says_that_the_setting_names(
    on_a_workspace: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(environment="qa", telemetry="env:CONNECTION")

    with loopback() as server:
        monkeypatch.setenv("CONNECTION", connection_to(server))
        for _ in range(3):  # as a cell that runs again
            opened(settings, on_a_workspace, tmp_path)
        event("said")
        connect(None)

        (said,) = arrived(server)
    assert said["data"]["baseData"]["properties"]["deployment.environment.name"] == "qa"


def test_telemetry_finds_a_secret_of_the_workspace(monkeypatch: pytest.MonkeyPatch) -> None:
    client = MagicMock()
    monkeypatch.setattr("levelfive.platforms.workspace.workspace_client", lambda: client)

    with loopback() as server:
        client.dbutils.secrets.get.return_value = connection_to(server)
        App.on_databricks(Classic(), Settings(telemetry="secrets/levelfive/insights"))
        event("said")
        connect(None)

        assert len(arrived(server)) == 1
    client.dbutils.secrets.get.assert_called_once_with(scope="levelfive", key="insights")


@pytest.mark.parametrize(
    ("telemetry", "reason"),
    [
        ("env:MISSING", "there is no secret at env:MISSING"),
        ("env:NONSENSE", "holds no InstrumentationKey"),
        ("secrets/levelfive/insights", "is read on a workspace alone: on a laptop, name a variable"),
    ],
)
def test_a_secret_that_is_missing_or_wrong_is_said_and_stops_nothing(
    telemetry: str,
    reason: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(logging.getLogger("levelfive"), "propagate", True)
    monkeypatch.setenv("NONSENSE", "s3cret")

    App.local(tmp_path, Settings(telemetry=telemetry))

    (warning,) = (one for one in caplog.records if one.getMessage() == "telemetry is not sent")
    assert reason in warning.telemetry["reason"]
    assert "s3cret" not in warning.telemetry["reason"]


def test_a_secret_that_the_workspace_refuses_is_said_and_stops_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(logging.getLogger("levelfive"), "propagate", True)
    client = MagicMock()
    client.dbutils.secrets.get.side_effect = PermissionDenied("no READ on the scope")
    monkeypatch.setattr("levelfive.platforms.workspace.workspace_client", lambda: client)

    App.on_databricks(Classic(), Settings(telemetry="secrets/levelfive/insights"))

    (warning,) = (one for one in caplog.records if one.getMessage() == "telemetry is not sent")
    assert "secrets/levelfive/insights cannot be read: no READ on the scope. Make it" in warning.telemetry["reason"]


def test_destinations_are_opened_by_their_secrets_and_one_that_is_wrong_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(logging.getLogger("levelfive"), "propagate", True)
    monkeypatch.setenv("SLACK", "https://example.com/s3cret")
    settings = Settings(destinations="slack=env:SLACK, teams=env:MISSING, pager=env:SLACK")

    found = App.local(tmp_path, settings).destinations

    assert [(str(one.kind), one.address) for one in found] == [("slack", "https://example.com/s3cret")]
    said = [one.telemetry for one in caplog.records if one.getMessage() == "a destination is not told"]
    assert [one["levelfive.destination"] for one in said] == ["teams", "pager"]
    assert "there is no secret at env:MISSING" in said[0]["reason"]
    assert "name one of teams, slack, webhook" in said[1]["reason"]


@pytest.mark.parametrize("given", ["slack=https://example.com/s3cret", "slack", {"slack": "s3cret"}])
def test_the_address_of_a_destination_itself_is_no_setting(given: object) -> None:
    with pytest.raises(ConfigError, match=r"settings: destinations.slack: String should match pattern") as refusal:
        load_settings(None, None, destinations=given)

    assert "s3cret" not in str(refusal.value)


@pytest.mark.parametrize("telemetry", ["s3cret", "InstrumentationKey=1", "secrets/scope"])
def test_a_connection_string_itself_is_no_setting(telemetry: str) -> None:
    with pytest.raises(ConfigError, match="settings: telemetry: String should match pattern") as refusal:
        load_settings(None, None, telemetry=telemetry)

    assert telemetry not in str(refusal.value)
