"""Settings and times that a person wrote are refused with a sentence when they are wrong."""

from datetime import timedelta
from pathlib import Path

import pytest

from levelfive.config import load_settings, parse_length, parse_time, parse_window
from levelfive.core.windows import Window, utc
from levelfive.errors import AsOfError, ConfigError


def test_a_time_without_an_offset_is_utc() -> None:
    assert utc(2013, 4, 1, 6) == parse_time("2013-04-01T06:00")


def test_a_time_with_an_offset_is_turned_to_utc() -> None:
    assert utc(2013, 3, 10, 7) == parse_time("2013-03-10T02:00-05:00")


@pytest.mark.parametrize("text", ["{{job.trigger.time.iso_datetime}}", "@{trigger().startTime}"])
def test_a_reference_that_was_not_resolved_is_named_as_such(text: str) -> None:
    with pytest.raises(AsOfError, match="not resolved"):
        parse_time(text)


@pytest.mark.parametrize("text", ["", "yesterday", "2013-13-01"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(AsOfError, match="ISO 8601"):
        parse_time(text)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("enviroment: qa", "enviroment"),
        ("cores: many", "cores"),
        ("- a\n- b", "keys and values"),
        ("a: [", "not YAML"),
        ("approval: manual\ncores: 1\napproval: auto", "has 'approval' twice"),
        ("destinations: {teams: env:A, teams: env:B}", "has 'teams' twice"),
        ("a: &a [*a]", "a: Extra inputs are not permitted"),
        ("destinations: teams=env:A, teams=env:B", "'teams' is there twice"),
        ("keep_versions: P1M", "a month has no length of its own"),
        ("keep_versions: 2592000", "expected a duration in ISO 8601"),
    ],
)
def test_a_corrupt_settings_file_is_refused(tmp_path: Path, content: str, says: str) -> None:
    (tmp_path / "levelfive.yml").write_text(content)

    with pytest.raises(ConfigError, match=says):
        load_settings(None, tmp_path)


def test_settings_come_from_the_home_and_the_command_line_wins(tmp_path: Path) -> None:
    (tmp_path / "levelfive.yml").write_text("environment: qa\nuse_case: other\n")

    settings = load_settings(None, tmp_path, use_case="flight_delay", landing=None)

    assert settings.model_name == "levelfive.qa.flight_delay"


@pytest.mark.parametrize(
    "place", ["table_schema: a", "landing: a", "experiment: a", "endpoint: abc", "online_store: sqlite:///a.db"]
)
def test_a_place_of_one_use_case_is_not_shared_by_another(tmp_path: Path, place: str) -> None:
    """With one `table_schema`, two use cases would write into each other's tables."""
    (tmp_path / "levelfive.yml").write_text(f"use_case: other\n{place}\n")
    name = place.partition(":")[0]

    load_settings(None, tmp_path)
    load_settings(None, tmp_path, use_case="another", **{name: "own"})
    with pytest.raises(ConfigError, match=f"says {name} for use case 'other', and 'another' was asked for"):
        load_settings(None, tmp_path, use_case="another")


def test_an_online_store_in_postgresql_is_shared(tmp_path: Path) -> None:
    """Each use case has a schema of its own there."""
    (tmp_path / "levelfive.yml").write_text("use_case: other\nonline_store: postgresql://u@h/d\n")

    assert load_settings(None, tmp_path, use_case="another").use_case == "another"


def test_where_the_home_has_no_settings_those_of_the_working_directory_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (tmp_path / "levelfive.yml").write_text("use_case: here\n")
    monkeypatch.chdir(tmp_path)

    assert load_settings(None, home).use_case == "here"
    assert load_settings(None, None).use_case == "flight_delay"
    (home / "levelfive.yml").write_text("use_case: at_home\n")
    assert load_settings(None, home).use_case == "at_home"


def test_a_window_may_be_given_by_its_length() -> None:
    as_of = utc(2013, 4, 8, 6)
    assert parse_window("P7D", None, as_of) == Window(utc(2013, 4, 1, 6), as_of)
    assert parse_window("PT12H", "2013-04-02", as_of) == Window(utc(2013, 4, 1, 12), utc(2013, 4, 2))
    with pytest.raises(AsOfError, match="P7D"):
        parse_window("P7", None, as_of)
    with pytest.raises(ConfigError, match="end after its start"):
        parse_window("P0D", None, as_of)


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("P2W", timedelta(weeks=2)),
        ("P1DT12H", timedelta(hours=36)),
        ("PT90M", timedelta(minutes=90)),
        (" PT0.5H ", timedelta(minutes=30)),
    ],
)
def test_a_length_is_of_weeks_days_hours_minutes_and_seconds(text: str, length: timedelta) -> None:
    assert length == parse_length(text)


@pytest.mark.parametrize("text", ["P1M", "P1Y", "P1Y2M3D", "P1MT12H"])
def test_a_month_or_a_year_is_no_length(text: str) -> None:
    with pytest.raises(AsOfError, match=r"has no length of its own, got .*: say days, such as P30D"):
        parse_length(text)


@pytest.mark.parametrize(
    "text", ["P", "PT", "P7", "7 days", "3600", "12:00", "-P1D", "P-1D", "P1DT", "P1H", "PT1D", ""]
)
def test_what_is_no_length_is_refused(text: str) -> None:
    with pytest.raises(AsOfError, match="expected a duration in ISO 8601"):
        parse_length(text)


@pytest.mark.parametrize("text", ["P99999999D", "P999999999999D", f"P{'9' * 400}D"])
def test_a_length_beyond_all_times_is_refused(text: str) -> None:
    with pytest.raises(AsOfError, match="lies beyond the times from 1700-01-01T00:00:00Z to 2262-01-01T00:00:00Z"):
        parse_length(text)


def test_a_window_that_begins_before_all_times_is_refused() -> None:
    with pytest.raises(AsOfError, match="P182000D before 2013-04-08T06:00:00Z lies beyond"):
        parse_window("P182000D", None, utc(2013, 4, 8, 6))


@pytest.mark.parametrize(
    "text", ["9999-12-31T23:59:59-05:00", "0001-01-01T00:00:00+05:00", "1677-01-01", "2262-04-12", "9999-12-31"]
)
def test_a_time_that_not_all_engines_hold_is_refused(text: str) -> None:
    with pytest.raises(AsOfError, match="lies beyond the times"):
        parse_time(text)


def test_a_path_may_begin_at_the_home_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    (tmp_path / "levelfive.yml").write_text("landing: ~/files\nendpoint_files: ~/endpoint\n")

    settings = load_settings(None, tmp_path)

    assert (settings.landing, settings.endpoint_files) == (Path("/home/ada/files"), Path("/home/ada/endpoint"))


def test_a_path_in_the_home_of_nobody_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"landing: .*there is no home for ~nobody-at-all/files: write the whole path"
    ):
        load_settings(None, tmp_path, landing=Path("~nobody-at-all/files"))


def test_so_may_the_file_of_a_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    given = {"registry_uri": "sqlite:///~/r.db", "tracking_uri": "sqlite:////t.db", "online_store": "sqlite:///~/o.db"}

    settings = load_settings(None, tmp_path, **given)

    assert (settings.registry_uri, settings.tracking_uri) == ("sqlite:////home/ada/r.db", "sqlite:////t.db")
    assert settings.online_store is not None
    assert settings.online_store.get_secret_value() == "sqlite:////home/ada/o.db"


def test_a_path_is_no_address(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"registry_uri: .*it is an address: write sqlite:/// before the path of a f"):
        load_settings(None, tmp_path, registry_uri="~/registry")
