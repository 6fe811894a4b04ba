"""Commands that make no sense: a sentence that says what to do, exit code 2, and Spark is not started."""

import errno
import socket
import sys
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import click
import pytest
import typer
from commands import run
from rich.console import Console
from rich.table import Table

from levelfive.cli.options import EXIT_GATE_REFUSED, Shared, out, wide
from levelfive.config import Approval
from levelfive.core.windows import utc
from levelfive.errors import LandingError
from levelfive.trial import trial
from levelfive.trial.findings import Findings, Part

WINDOW = ["monitoring", "acknowledge", "--from", "2013-04-01", "--to", "2013-04-08"]
ACKNOWLEDGE = ["data", "acknowledge", "--source", "flights", "--by", "ada", "--reason", "closed"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["scoring", "--as-of", "yesterday"], "ISO 8601"),
        (["scoring"], "--as-of, or both --from and --to"),
        (["scoring", "--from", "2013-04-01"], "--as-of, or both --from and --to"),
        (["scoring", "--from", "2013-04-01", "--to", "2013-04-03", "--version", "1"], "--version needs --as-of"),
        (["scoring", "--from", "2013-04-01", "--to", "2013-04-03", "--each", "daily"], "such as P7D"),
        (["--use-case", "nothing", "data", "--as-of", "2013-04-01"], "no use case 'nothing'"),
        (["data"], "'--as-of': it is missing, and required to ingest"),
        ([*ACKNOWLEDGE, "--from", "May", "--to", "2013-05-31"], "a day in ISO 8601 such as 2013-05-01, got 'May'"),
        ([*ACKNOWLEDGE, "--from", "2013-05-01", "--to", "9999-12-31"], "9999-12-31 lies beyond the times from"),
        ([*ACKNOWLEDGE, "--from", "2013-05-31", "--to", "2013-05-01"], "days end after they begin"),
        ([*ACKNOWLEDGE, "--from", "2013-05-01", "--to", "2013-05-31", "--source", "[x]"], "there is no source '[x]'"),
        (["data", "--landing", "x", *ACKNOWLEDGE[1:], "--from", "2013-05-01", "--to", "2013-05-31"], "--landing after"),
        (["monitoring"], "'--as-of': it is missing, and required to monitor"),
        (["monitoring", "--as-of", "2013-04-01", *WINDOW[1:], "--reason", "x"], "give --as-of after acknowledge"),
        ([*WINDOW, "--reason", "x", "--leave-out", "some"], "'some' is not one of 'flagged', 'nothing', 'window'"),
        ([*WINDOW, "--reason", "x", "--from", "May"], "ISO 8601"),
        (["--log-level", "[loud]", "status", "--as-of", "2013-04-01"], "or error, got '[loud]'"),
        (["demo", "--months", "1-2"], "--months 1-2"),
        (["check", "--rows", "3000000000"], "is not in the range 1<=x<=1000000"),
        (["scoring", "--from", "2013-04-01", "--to", "2013-04-03", "--at-once", "9"], "is not in the range 1<=x<=4"),
        (["serving", "traffic", "500", "--as-of", "2013-04-01"], "a share is a whole number from 1 to 100 percent"),
        (["serving", "traffic", "50", "--as-of", "2013-04-01"], "the setting azure_ml is missing"),
        (["serving", "deploy", "--as-of", "2013-04-01"], "the setting azure_ml is missing"),
        (["monitoring", "--as-of", "2013-04-01", "--from", "2013-04-02"], "after its start"),
        (["demo", "--continue", "--fresh"], "not both"),
    ],
)
def test_a_wrong_command_says_what_to_do(
    tmp_path: Path, arguments: list[str], says: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr("levelfive.platforms.local_spark.local_session", starts_spark)

    assert run(tmp_path, *arguments) == 2

    said = capsys.readouterr().err
    assert says in said
    assert "Traceback" not in said


def starts_spark(*_: object, **__: object) -> None:
    raise AssertionError("Spark was started")


def test_a_demo_that_could_not_serve_is_refused_before_it_begins(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise AssertionError("it began")

    monkeypatch.setattr(Shared, "open_app", fails)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert run(tmp_path, "demo", "--months", "1-4", "--serve", "--port", port) == 2

    assert f"127.0.0.1:{port} cannot be listened on" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["data"], ["status"], ["registry", "list"]], ids=" ".join)
def test_a_home_that_cannot_be_made_is_a_sentence(
    tmp_path: Path, command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("no folder")

    assert run(tmp_path / "file" / "home", *command, "--as-of", "2013-04-01") == 2

    said = capsys.readouterr().err
    assert f"levelfive: home {tmp_path}/file/home: " in said
    assert "cannot be read or written: Not a directory. Name another place" in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("err", "code", "says"),
    [
        (
            OSError(errno.ENOSPC, "No space left on device", "/home/report.html"),
            2,
            "/home/report.html cannot be written",
        ),
        (PermissionError(errno.EACCES, "Permission denied", "/home/x"), 2, "/home/x cannot be read or written"),
        (LandingError("orders [new]: no :file:"), 2, "levelfive: orders [new]: no :file:"),
        (ZeroDivisionError("a mistake of ours"), 3, "ZeroDivisionError: a mistake of ours"),
    ],
    ids=["a full disk", "no right", "brackets", "an error that nobody foresaw"],
)
def test_only_the_gate_ends_a_command_with_1(
    tmp_path: Path,
    err: Exception,
    code: int,
    says: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise err

    monkeypatch.setattr(Shared, "open_app", fails)

    assert run(tmp_path, "status", "--as-of", "2013-04-01") == code

    assert says in capsys.readouterr().err


@pytest.mark.parametrize(
    ("ends", "code"),
    [
        (EOFError(), 2),
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), 2),
        (SystemExit(1), 2),
        (KeyboardInterrupt(), 130),
        (typer.Exit(EXIT_GATE_REFUSED), 1),
    ],
    ids=["end of input", "no reader", "no reader of a table", "a person", "the gate"],
)
def test_what_ends_a_command_from_outside_does_not_look_like_the_gate(
    tmp_path: Path, ends: BaseException, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stops(*_: object, **__: object) -> None:
        raise ends

    monkeypatch.setattr(Shared, "open_app", stops)
    monkeypatch.setattr(sys, "stdout", sys.stdout)

    assert run(tmp_path, "status", "--as-of", "2013-04-01") == code


def test_a_command_that_is_printed_works_on_the_same_home() -> None:
    said = Shared(Path("/tmp/my home"), use_case="shop").how_to_promote(Approval.MANUAL, "2", utc(2013, 4, 1))

    command = "levelfive --home '/tmp/my home' --use-case shop registry"
    which = "2 --as-of 2013-04-01T00:00:00Z"
    assert said == f"{command} approve {which} --reason WHY, then {command} promote {which}"


def test_a_command_in_a_sentence_that_is_printed_works_on_the_same_home_too() -> None:
    context = click.Context(click.Command("retraining"), obj=Shared(Path("/tmp/my home")))

    with context, out.capture() as printed:
        out.print("an acknowledgement by `levelfive monitoring acknowledge`", "then `levelfive --home x status`")

    home = "levelfive --home '/tmp/my home'"
    assert printed.get() == (
        f"an acknowledgement by `{home} monitoring acknowledge` then `levelfive --home x status`\n"
    )


def test_an_option_that_was_not_given_is_not_printed() -> None:
    assert Shared().to_be_pasted("status") == "levelfive status"


@pytest.mark.parametrize("console", [out, wide], ids=["lines", "tables"])
def test_brackets_and_colons_in_a_reason_are_printed(console: Console) -> None:
    reason = "[bold] late [/unknown] :smile:"
    table = Table("why [1]")
    table.add_row(reason)

    with console.capture() as printed:
        console.print(reason)
        console.print(table)

    assert printed.get().count(reason) == 2
    assert "why [1]" in printed.get()


@pytest.mark.parametrize(("faults", "code"), [([], 0), (["labels must be 0 or 1, got 2.0."], 2)])
def test_a_check_that_finds_a_fault_says_it_and_ends_with_2(
    tmp_path: Path,
    faults: list[str],
    code: int,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = Findings([Part("source orders", 40, "2 repeat a key")], faults, ["the model was not looked at."])
    app = SimpleNamespace(
        platform=SimpleNamespace(scratch=lambda settings: nullcontext()),
        settings=None,
        use_case=SimpleNamespace(name="shop", model=SimpleNamespace(lookups=())),
        landing=tmp_path,
    )
    monkeypatch.setattr(Shared, "open_app", lambda *_: app)
    monkeypatch.setattr(trial, "run", lambda spark, use_case, landing, *, limit: found)

    assert run(tmp_path, "check") == code

    said = capsys.readouterr().out
    assert "2 repeat a key" in said
    assert "note: the model was not looked at." in said
    assert all(f"fault: {fault}" in said for fault in faults)
    assert ("No fault was found in 'shop'" in said) == (not faults)
