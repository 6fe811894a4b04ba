"""Settings and times that a person wrote are refused with a sentence when they are wrong."""

from pathlib import Path

import pytest

from levelfive.config import load_settings, parse_time, parse_window
from levelfive.errors import AsOfError, ConfigError
from levelfive.windows import Window, utc


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
    [("enviroment: qa", "enviroment"), ("cores: many", "cores"), ("- a\n- b", "keys and values"), ("a: [", "not YAML")],
)
def test_a_corrupt_settings_file_is_refused(tmp_path: Path, content: str, says: str) -> None:
    (tmp_path / "levelfive.yml").write_text(content)

    with pytest.raises(ConfigError, match=says):
        load_settings(None, tmp_path)


def test_settings_come_from_the_home_and_the_command_line_wins(tmp_path: Path) -> None:
    (tmp_path / "levelfive.yml").write_text("environment: qa\nuse_case: other\n")

    settings = load_settings(None, tmp_path, use_case="flight_delay", landing=None)

    assert settings.model_name == "levelfive.qa.flight_delay"


def test_a_window_may_be_given_by_its_length() -> None:
    as_of = utc(2013, 4, 8, 6)
    assert parse_window("P7D", None, as_of) == Window(utc(2013, 4, 1, 6), as_of)
    assert parse_window("PT12H", "2013-04-02", as_of) == Window(utc(2013, 4, 1, 12), utc(2013, 4, 2))
    with pytest.raises(AsOfError, match="P7D"):
        parse_window("P7", None, as_of)
    with pytest.raises(ConfigError, match="end after its start"):
        parse_window("P0D", None, as_of)
