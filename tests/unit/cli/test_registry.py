"""Who promotes is who is signed in, an option cannot relax the settings' approval, and what is said can be pasted."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from commands import parse, run
from in_memory.release import HOUR, LATER, Environment

from levelfive.cli.options import Shared
from levelfive.config import Approval, Settings
from levelfive.core.windows import iso
from levelfive.registry.store import CentralRegistry
from levelfive.storage.runs import JobContext


@dataclass
class App:
    """An application in memory."""

    context: JobContext
    registry: CentralRegistry
    settings: Settings
    starter: str = "grace@example.com"


@pytest.fixture
def app(production: Environment, monkeypatch: pytest.MonkeyPatch) -> App:
    found = App(production.context, production.registry, Settings(approval=Approval.MANUAL))
    monkeypatch.setattr(Shared, "open_app", lambda *_: found)
    return found


def printed_command(text: str) -> str:
    return " ".join(text.split("`")[1].split())


@pytest.mark.parametrize(
    ("given", "who"),
    [((), "grace@example.com"), (("--by", "ada"), "grace@example.com (for ada)")],
    ids=["nobody else", "for"],
)
def test_who_promotes_and_takes_back_is_who_is_signed_in(
    app: App, production: Environment, tmp_path: Path, given: tuple[str, ...], who: str
) -> None:
    again = production.another(production.released())
    first, second = iso(LATER + HOUR), iso(LATER + 2 * HOUR)

    assert run(tmp_path, "registry", "promote", again, "--as-of", first, *given) == 0
    assert run(tmp_path, "registry", "rollback", "--as-of", second, "--reason", "complaints", *given) == 0

    assert [one.promoted_by for one in production.made()[1:]] == [who, who]


def test_the_command_that_a_refusal_names_works_on_the_same_home(
    app: App, production: Environment, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    version, at = production.admit().version, iso(LATER)

    assert run(tmp_path, "registry", "promote", version, "--as-of", at) == 2

    approve = printed_command(capsys.readouterr().err)
    assert approve == f"levelfive --home {tmp_path} registry approve {version} --as-of {at} --reason WHY"
    assert parse(approve).params["version"] == version


@pytest.mark.parametrize(
    ("settings", "options", "asked"),
    [
        (Approval.MANUAL, ["--approval", "auto"], None),
        (Approval.MANUAL, ["--approval", "manual"], Approval.MANUAL),
        (Approval.MANUAL, [], Approval.MANUAL),
        (Approval.AUTO, ["--approval", "manual"], Approval.MANUAL),
        (Approval.AUTO, [], Approval.AUTO),
    ],
)
def test_an_option_can_make_approval_stricter_alone(
    app: App,
    tmp_path: Path,
    settings: Approval,
    options: list[str],
    asked: Approval | None,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    approvals: list[Any] = []

    def asked_with(*_: object, approval: Approval, **__: object) -> None:
        approvals.append(approval)
        raise EOFError

    app.settings = Settings(approval=settings)
    app.stores = None
    monkeypatch.setattr("levelfive.retraining.job.run", asked_with)

    assert run(tmp_path, "retraining", "--as-of", iso(LATER), *options) == 2

    assert approvals == ([] if asked is None else [asked])
    assert ("--approval can only be stricter" in capsys.readouterr().err) == (asked is None)


@pytest.mark.parametrize("version", ["[x]", "٣", "01", "1 ", "2147483648"])
@pytest.mark.parametrize(
    "command",
    [["show"], ["promote", "--as-of", iso(LATER)]],
    ids=" ".join,
)
def test_what_is_no_version_is_said_to_be_none(
    app: App, tmp_path: Path, command: list[str], version: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, "registry", *command, version) == 2

    said = capsys.readouterr().err
    assert f"versions are whole numbers such as 4, got {version!r}; see `levelfive --home {tmp_path} registry" in said


def test_a_rollback_of_a_version_that_is_not_named_takes_nothing_back(
    app: App, production: Environment, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As a pipeline calls it whose variable is empty."""
    production.another(production.released())
    before = production.made()

    assert run(tmp_path, "registry", "rollback", "--as-of", iso(LATER), "--reason", "x", "--version", "") == 2

    assert production.made() == before
    assert f"which version of {production.registry.name}? Name it (--version)" in capsys.readouterr().err


def test_versions_and_promotions_are_listed_as_of_now(
    app: App, production: Environment, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    production.released()

    assert (run(tmp_path, "registry", "list"), run(tmp_path, "registry", "history")) == (0, 0)

    assert iso(LATER) in capsys.readouterr().out
