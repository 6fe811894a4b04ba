"""Settings and parameters: the only module that parses what a person or a scheduler wrote."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator

from levelfive.core.secrets import REFERENCE
from levelfive.core.texts import repeated
from levelfive.core.windows import Clock, Window, iso, utc
from levelfive.errors import AsOfError, ConfigError

CONFIG_FILE = "levelfive.yml"
DEFAULT_HOME = Path(".levelfive")
STORE_VARIABLE, CLOCK_VARIABLE = "LEVELFIVE_ONLINE_STORE", "LEVELFIVE_CLOCK"
LOG_VARIABLE = "LEVELFIVE_REQUEST_LOG"
LOCAL = "local"
"""The environment of a laptop."""
REFERENCES = frozenset({"telemetry", "destinations"})
"""Settings that say where a secret is."""
PLACES = ("table_schema", "landing", "landing_location", "experiment", "endpoint", "online_store")
"""Settings of one use case: two would take each other's rows, trainings or deployments for their own."""
DEFAULT_WINDOW = timedelta(days=1)
LONGEST_ENDPOINT = 32
SHORTEST_RETENTION = timedelta(days=7)
"""For how long old files have to stay at least: a job that began to read a version must be able to end."""
# Times that Python, Arrow, Spark and pandas, which counts nanoseconds, all hold.
EARLIEST, LATEST = utc(1700, 1, 1), utc(2262, 1, 1)
_N = r"\d+(?:\.\d+)?"
_LENGTH = re.compile(
    rf"P(?:(?P<weeks>{_N})W)?(?:(?P<days>{_N})D)?"
    rf"(?:T(?=\d)(?:(?P<hours>{_N})H)?(?:(?P<minutes>{_N})M)?(?:(?P<seconds>{_N})S)?)?"
)
_AZURE_ML = re.compile(
    r"/subscriptions/(?P<subscription_id>[^/]+)/resourceGroups/(?P<resource_group_name>[^/]+)"
    r"/providers/Microsoft\.MachineLearningServices/workspaces/(?P<workspace_name>[^/]+)",
    re.IGNORECASE,
)
_SQLITE = "sqlite:///"
_CALENDAR = re.compile(r"P[^T]*\d[YM].*")


class Approval(StrEnum):
    """Who lets a version that passed the gate go live."""

    AUTO = "auto"
    MANUAL = "manual"


class ByTrainer(StrEnum):
    """Whether whoever trained a version may let it go live."""

    ALLOWED = "allowed"
    REFUSED = "refused"


class Settings(BaseModel):
    """What differs between environments; a wrong or unknown key is refused.

    Attributes:
        use_case: The entry point of the use case.
        environment: Part of the registered model's name: every environment has a model of its own.
        table_schema: Schema of the tables, with its catalog where there is one; by default the use case's name.
        shared_schemas: Where the tables of other use cases are that this one reads, by their names; by default in a
            schema named as `table_schema` is, with that name for this one's. A mapping, or a text such as
            `flights=main.flights, weather=main.weather`.
        landing: Folder with one folder a source.
        landing_location: Where that folder is in Azure Storage, such as
            abfss://landing@account.dfs.core.windows.net/flights: what is deployed to Azure ML logs requests there. By
            default, it logs none.
        tracking_uri: MLflow's tracking store.
        experiment: The experiment of the trainings, on a workspace by its path; by default one named by the use case,
            on a workspace in the home of whom it runs as.
        registry_uri: The central registry, a store of its own.
        registry_prefix: Put before environment and use case in the registered model's name.
        online_store: URL of the online store, see `levelfive.online.opening`, or where it is, as for `telemetry`; on a
            workspace that alone. By default what the environment's variable LEVELFIVE_ONLINE_STORE says.
        approval: Whether a version that passed the gate goes live by itself (auto) or waits for a person (manual).
        approval_by_trainer: Whether whoever trained a version may approve it; by default only in the environment
            `local`, where one person does both.
        telemetry: Where the connection string of an Application Insights component is, `env:NAME` for a variable of the
            process or `secrets/SCOPE/KEY` for a secret of the workspace; by default, nothing is sent.
        destinations: Who is told of alerts: by the kind of destination where its address is, as for `telemetry`; a
            mapping, or a text such as `teams=secrets/SCOPE/KEY, slack=env:NAME`. By default, nobody.
        azure_ml: Azure's id of the Machine Learning workspace that serves the champion; empty for none.
        endpoint: The online endpoint; by default named by use case and environment.
        endpoint_files: Folder with its `endpoint.yml` and `deployment.yml`.
        serving_repository: The images that its deployments run in, such as levelfive.azurecr.io/levelfive-serving.
        azure_credential: On Databricks, the service credential of Unity Catalog to sign in to Azure by.
        keep_versions: For how long earlier versions of tables can be read, a week at least; as a duration in ISO 8601.
        memory: Heap of the local session.
        cores: Threads of the local session.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    use_case: str = "flight_delay"
    environment: str = Field(default=LOCAL, pattern=r"^[a-z][a-z0-9_]*$")
    table_schema: str | None = Field(default=None, pattern=r"^[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)?$")
    shared_schemas: Mapping[str, Annotated[str, Field(pattern=r"^[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)?$")]] = Field(
        default_factory=dict
    )
    landing: Path | None = None
    landing_location: str | None = Field(default=None, pattern=r"^abfss://[^@/?]+@[^@/?]+(/[^?]*)?$")
    tracking_uri: str | None = None
    experiment: str | None = None
    registry_uri: str | None = None
    registry_prefix: str = Field(default="levelfive", pattern=r"^[A-Za-z0-9_]+$")
    online_store: SecretStr | None = Field(default_factory=lambda: _secret(STORE_VARIABLE), validate_default=True)
    approval: Approval = Approval.AUTO
    approval_by_trainer: ByTrainer | None = None
    telemetry: str | None = Field(default=None, pattern=REFERENCE)
    destinations: Mapping[str, Annotated[str, Field(pattern=REFERENCE)]] = Field(default_factory=dict)
    azure_ml: str | None = None
    endpoint: str | None = Field(default=None, pattern=r"^[a-z][a-z0-9-]{1,30}[a-z0-9]$")
    endpoint_files: Path = Path("deploy/azure-ml/kubernetes")
    serving_repository: str | None = Field(default=None, pattern=r"^[^@:\s]+$")
    azure_credential: str | None = None
    keep_versions: timedelta = Field(default=timedelta(days=30), ge=SHORTEST_RETENTION, le=timedelta(days=3650))
    memory: str = Field(default="2g", pattern=r"^[0-9]+[gm]$")
    cores: int = Field(default=2, ge=1)

    @field_validator("destinations", "shared_schemas", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        """Read a text as a notebook's parameter holds it."""
        if not isinstance(value, str):
            return value
        pairs = [part.partition("=") for part in value.split(",") if part.strip()]
        names = [kind.strip() for kind, _, _ in pairs]
        if twice := repeated(names):
            raise ValueError(f"{twice[0]!r} is there twice")
        return {name: reference.strip() for name, (_, _, reference) in zip(names, pairs, strict=True)}

    @field_validator("landing", "endpoint_files")
    @classmethod
    def _find_home(cls, value: Path | None) -> Path | None:
        """Put the user's home in the place of `~`."""
        try:
            return None if value is None else from_home(value)
        except ConfigError as err:
            raise ValueError(str(err)) from err

    @field_validator("tracking_uri", "registry_uri", "online_store", mode="before")
    @classmethod
    def _find_file(cls, value: object) -> object:
        """Do so with the file of a database; to MLflow, `~` alone is a folder of that name."""
        address = value.get_secret_value() if isinstance(value, SecretStr) else value
        if not isinstance(address, str):
            return value
        if address.startswith("~"):
            raise ValueError("it is an address: write sqlite:/// before the path of a file")
        if not address.startswith(f"{_SQLITE}~"):
            return value
        return f"{_SQLITE}{cls._find_home(Path(address.removeprefix(_SQLITE)))}"

    @field_validator("keep_versions", mode="before")
    @classmethod
    def _read_length(cls, value: object) -> object:
        """Read a duration as everywhere else: pydantic would take a month for 30 days, and a number for seconds."""
        if isinstance(value, timedelta):
            return value
        try:
            return parse_length(str(value))
        except AsOfError as err:
            raise ValueError(str(err)) from err

    @property
    def trainer_may_approve(self) -> bool:
        """Whether whoever trained a version may approve it."""
        if self.approval_by_trainer is None:
            return self.environment == LOCAL
        return self.approval_by_trainer is ByTrainer.ALLOWED

    @property
    def schema_name(self) -> str:
        """The schema of the tables."""
        return self.table_schema or self.use_case

    def schema_of(self, use_case: str) -> str:
        """Tell the schema of another use case's tables.

        Raises:
            ConfigError: It cannot be told from the name of this one's.
        """
        if use_case in self.shared_schemas:
            return self.shared_schemas[use_case]
        if not self.schema_name.endswith(self.use_case):
            raise ConfigError(
                f"where the tables of use case {use_case!r} are cannot be told from the schema {self.schema_name}: add "
                "it to the setting shared_schemas"
            )
        return self.schema_name.removesuffix(self.use_case) + use_case

    @property
    def endpoint_name(self) -> str:
        """The online endpoint of this environment; Azure takes 32 letters, digits and dashes."""
        return self._whole_endpoint_name[:LONGEST_ENDPOINT].rstrip("-")

    @property
    def cuts_endpoint_name(self) -> bool:
        """Whether the name of use case and environment is longer than what Azure takes."""
        return len(self._whole_endpoint_name) > LONGEST_ENDPOINT

    @property
    def _whole_endpoint_name(self) -> str:
        return self.endpoint or f"{self.use_case}-{self.environment}".replace("_", "-")

    @property
    def model_name(self) -> str:
        """The registered model of this environment."""
        return f"{self.registry_prefix}.{self.environment}.{self.use_case}"


def _secret(variable: str) -> SecretStr | None:
    value = os.environ.get(variable)
    return SecretStr(value) if value else None


def from_home(path: Path) -> Path:
    """Put the user's home in the place of `~`, as a shell does only where a word begins with it.

    Raises:
        ConfigError: There is no such user.
    """
    try:
        return path.expanduser()
    except RuntimeError as err:
        raise ConfigError(f"there is no home for {path}: write the whole path") from err


def load_settings(path: Path | None, home: Path | None, **overrides: object) -> Settings:
    """Read settings from a file, by default `levelfive.yml` in the home, else in the working directory, if it is there.

    Without a home, as on a workspace, none is looked for.

    Raises:
        ConfigError: The file is missing, no YAML mapping, has a wrong key or value, or names places of another use
            case than the one that is asked for.
    """
    usual = () if home is None else (home / CONFIG_FILE, Path(CONFIG_FILE))
    file = path or next((place for place in usual if place.exists()), None)
    given_values = {} if file is None else _read_mapping(file)
    given_now = {name: value for name, value in overrides.items() if value is not None}
    try:
        settings = Settings.model_validate({**given_values, **given_now})
    except ValidationError as err:
        wrong = "; ".join(_fault(".".join(map(str, e["loc"])), e["msg"], got=e["input"]) for e in err.errors())
        keys = ", ".join(Settings.model_fields)
        raise ConfigError(f"settings{'' if file is None else f' in {file}'}: {wrong}. Known keys: {keys}") from err
    owner = given_values.get("use_case", Settings.model_fields["use_case"].default)
    places = [
        name for name in PLACES if name in given_values.keys() - given_now.keys() and _is_one_place(settings, name)
    ]
    if places and settings.use_case != owner:
        raise ConfigError(
            f"settings file {file} says {', '.join(places)} for use case {owner!r}, and {settings.use_case!r} was "
            "asked for, which would share it: give that one a settings file of its own by --config, or take it out"
        )
    return settings


def _is_one_place(settings: Settings, name: str) -> bool:
    """Tell whether a setting names one place: in PostgreSQL, an online store has a schema for each use case."""
    store = settings.online_store
    return name != "online_store" or (store is not None and store.get_secret_value().startswith("sqlite:"))


def _fault(name: str, message: str, *, got: object) -> str:
    """Say what is wrong with a setting; what stands where the place of a secret belongs may be the secret itself."""
    return f"{name}: {message}" + ("" if name.partition(".")[0] in REFERENCES else f", got {got!r}")


def parse_time(text: str) -> datetime:
    """Read a time in ISO 8601; without an offset it is UTC.

    Raises:
        AsOfError: The text is no such time, for instance a reference that a scheduler left unresolved, or it is one
            that not all engines hold.
    """
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError as err:
        hint = " It looks like a reference that was not resolved." if "{{" in text or "@{" in text else ""
        raise AsOfError(f"expected a time in ISO 8601 such as 2013-04-01T06:00Z, got {text!r}.{hint}") from err
    try:
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError as err:
        raise _out_of_reach(text) from err
    if not EARLIEST <= moment <= LATEST:
        raise _out_of_reach(text)
    return moment


def parse_day(text: str) -> date:
    """Read a day in ISO 8601.

    Raises:
        ConfigError: The text is no such day, or one that not all engines hold.
    """
    try:
        day = date.fromisoformat(text.strip())
    except ValueError as err:
        raise ConfigError(f"expected a day in ISO 8601 such as 2013-05-01, got {text!r}") from err
    if not EARLIEST.date() <= day < LATEST.date():
        raise _out_of_reach(text)
    return day


def parse_clock(text: str) -> Clock | None:
    """Read a clock that was moved, two times such as 2026-01-05T00:00Z=2013-04-01T00:00Z; None if it is empty.

    Raises:
        AsOfError: One of the two is no time.
        ConfigError: They are not two, or the second does not lie before the first.
    """
    if not text.strip():
        return None
    begin, equals, stands_for = text.partition("=")
    if not equals:
        raise ConfigError(f"a clock is two times such as 2026-01-05T00:00Z=2013-04-01T00:00Z, got {text!r}")
    return Clock(parse_time(begin), parse_time(stands_for))


def parse_window(begin: str | None, end: str | None, as_of: datetime, clock: Clock | None = None) -> Window:
    """Read a window of prediction times.

    Args:
        begin: Its start, or how long it is, as a duration in ISO 8601 such as P7D; by default one day.
        end: Its end; by default the logical now.
        as_of: The logical now.
        clock: By which the two times are read, if it was moved.

    Raises:
        AsOfError: A text is no time and no duration, or the window begins before all times.
        ConfigError: The window does not end after its start.
    """
    until = _time_of(end, clock) if end else as_of
    if not begin:
        return Window(until - DEFAULT_WINDOW, until)
    if not begin.strip().startswith("P"):
        return Window(_time_of(begin, clock), until)
    length = parse_length(begin)
    if length > until - EARLIEST:
        raise _out_of_reach(f"{begin.strip()} before {iso(until)}")
    return Window(until - length, until)


def parse_length(text: str) -> timedelta:
    """Read a duration in ISO 8601 of weeks, days, hours, minutes and seconds.

    Raises:
        AsOfError: The text is no such duration, is of years or months, which have no length of their own, or is longer
            than all times together.
    """
    match = _LENGTH.fullmatch(text.strip())
    parts = {} if match is None else {unit: float(n) for unit, n in match.groupdict().items() if n is not None}
    if not parts:
        if _CALENDAR.fullmatch(text.strip()):
            raise AsOfError(
                f"a year or a month has no length of its own, got {text!r}: say days, such as P30D, or two times"
            )
        raise AsOfError(f"expected a duration in ISO 8601 such as P7D or PT12H, got {text!r}")
    try:
        length = timedelta(**parts)
    except OverflowError as err:
        raise _out_of_reach(text) from err
    if length > LATEST - EARLIEST:
        raise _out_of_reach(text)
    return length


def parse_azure_ml(workspace: str) -> dict[str, str]:
    """Take Azure's id of a Machine Learning workspace apart: subscription, resource group, name.

    Raises:
        ConfigError: It is none.
    """
    match = _AZURE_ML.fullmatch(workspace.strip())
    if match is None:
        raise ConfigError(
            f"azure_ml is Azure's id of a Machine Learning workspace, /subscriptions/.../resourceGroups/.../providers/"
            f"Microsoft.MachineLearningServices/workspaces/NAME, got {workspace!r}: copy it from the workspace's page"
        )
    return match.groupdict()


def _time_of(text: str, clock: Clock | None) -> datetime:
    return parse_time(text) if clock is None else clock.at(parse_time(text))


def _out_of_reach(text: str) -> AsOfError:
    return AsOfError(
        f"{text} lies beyond the times from {iso(EARLIEST)} to {iso(LATEST)}, which all engines hold: correct it"
    )


def _check_keys(path: Path, node: Any) -> None:
    """Refuse a setting that is there twice, of which the last would count in silence, also within a setting.

    Args:
        path: The file, for the message.
        node: What YAML makes of its text; None of an empty one.
    """
    if not isinstance(node, yaml.MappingNode):
        return
    for mapping in (node, *(value for _, value in node.value if isinstance(value, yaml.MappingNode))):
        if twice := repeated(key.value for key, _ in mapping.value if isinstance(key, yaml.ScalarNode)):
            raise ConfigError(f"settings file {path} has {twice[0]!r} twice: take one of them out")


def _read_mapping(path: Path) -> dict[str, object]:
    try:
        text = path.read_text(encoding="utf-8")
        _check_keys(path, yaml.compose(text, Loader=yaml.SafeLoader))
        content = yaml.safe_load(text)
    except (OSError, UnicodeDecodeError) as err:
        raise ConfigError(f"settings file {path} cannot be read: {err}") from err
    except yaml.YAMLError as err:
        raise ConfigError(f"settings file {path} is not YAML: {' '.join(str(err).split())}") from err
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise ConfigError(f"settings file {path} must hold keys and values, it holds {type(content).__name__}")
    return content
