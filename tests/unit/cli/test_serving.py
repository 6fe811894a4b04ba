"""What `levelfive serving run` refuses before it listens."""

import socket
from pathlib import Path

import pytest
from commands import run


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all: MLflow takes seconds to make its stores."""
    return tmp_path_factory.mktemp("serving") / "home"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--tokens", "nowhere"], "tokens: nowhere cannot be read"),
        (
            ["--store", "mysql://user:secret@host/db"],
            "an online store is named sqlite:///<path of a file> or postgresql://",
        ),
        (["--clock", "yesterday"], "a clock is two times"),
        (["--poll", "soon"], "soon"),
        (["--poll", "PT0S"], "lies a time such as PT30S, got 0 (--poll)"),
        (["--rate", "nan"], "requests a second are a number from 1 on, got nan"),
        (["--max-staleness", "P1Y"], "P1Y"),
        (["--host", "0.0.0.0"], "nobody would be asked for a token: name a file of tokens (--tokens)"),
        (["--host", "::"], ":: can be reached from other machines"),
        (["--host", "levelfive.example.com"], "levelfive.example.com can be reached from other machines"),
        (["--host", ""], "can be reached from other machines"),
    ],
)
def test_a_wrong_option_is_refused(
    home: Path, capsys: pytest.CaptureFixture[str], options: list[str], said: str
) -> None:
    code = run(home, "serving", "run", *options)

    error = " ".join(capsys.readouterr().err.split())
    assert code == 2
    assert said in error
    assert "secret" not in error


def test_the_clock_may_be_a_variable(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEVELFIVE_CLOCK", "tomorrow")

    code = run(home, "serving", "run")

    assert (code, "a clock is two times" in capsys.readouterr().err) == (2, True)


def test_a_log_that_cannot_be_written_is_refused(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "log").write_text("a file")

    code = run(home, "serving", "run", "--log", str(tmp_path / "log"))

    assert (code, "request log: " in capsys.readouterr().err) == (2, True)


def test_the_variable_of_the_image_says_where_requests_land(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LEVELFIVE_REQUEST_LOG", "https://nowhere")

    code = run(home, "serving", "run")

    assert (code, "a folder of Azure Storage is abfss://" in capsys.readouterr().err) == (2, True)


def test_a_port_that_is_taken_is_refused(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        code = run(home, "serving", "run", "--port", str(taken.getsockname()[1]))

    assert (code, "cannot be listened on" in capsys.readouterr().err) == (2, True)


@pytest.mark.parametrize(
    ("version", "says"),
    [("9", "has no version 9 of"), ("", "got ''"), ("[x]", "versions are whole numbers such as 4, got '[x]'")],
)
def test_a_version_that_there_is_not_is_not_waited_for(
    home: Path, capsys: pytest.CaptureFixture[str], version: str, says: str
) -> None:
    """The registry itself is asked, whose database MLflow makes first."""
    code = run(home, "serving", "run", "--port", "0", "--version", version)

    assert (code, says in capsys.readouterr().err) == (2, True)
