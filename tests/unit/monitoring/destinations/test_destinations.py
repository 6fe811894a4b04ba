"""What each destination is sent, that nothing in it is taken for markup, and what happens while one is down."""

import json
import logging
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from loopback import Loopback, Reply, loopback

from levelfive.core.outbox import Rhythm
from levelfive.core.secrets import read_secret
from levelfive.errors import ConfigError
from levelfive.monitoring.destinations.destination import Channel, Destination, destination
from levelfive.monitoring.destinations.messages import DestinationKind
from levelfive.monitoring.destinations.notice import MAX_FACTS, MAX_TEXT, MAX_TITLE, Notice
from levelfive.usecase.alert_rules import Severity

QUICK = Rhythm(queue=10, batch=1, linger=0.0, pauses=(0.01, 0.01), longest_pause=0.05, flush=15.0)
NOTICE = Notice(
    title="The model harms",
    severity=Severity.CRITICAL,
    facts={"use case": "flights", "since": "2013-06-03", "AUC": "0.58"},
    what_to_do="Open the report.",
    link="https://example.com/report.html",
)
HOSTILE = "<!channel> <https://evil.example|click> **b** [a](https://evil.example) & <at>all</at> :fire: {{DATE(x)}}"


@pytest.fixture
def server() -> Iterator[Loopback]:
    with loopback() as state:
        yield state


def opened(kind: DestinationKind, server: Loopback, rhythm: Rhythm = QUICK) -> Channel:
    return Destination(kind, f"{server.address}/hook?sig=s3cret", rhythm).open()


def told(kind: DestinationKind, server: Loopback, notice: Notice = NOTICE) -> dict:
    """What arrives of a notice."""
    opened(kind, server).tell(notice)
    (call,) = server.wait_for(1)
    assert call.path == "/hook?sig=s3cret"
    assert call.headers["content-type"] == "application/json"
    return call.json


def runs(card: dict) -> list[str]:
    return [run["text"] for line in card["body"] for run in line["inlines"]]


def test_teams_gets_an_adaptive_card_as_a_workflow_takes_it(server: Loopback) -> None:
    message = told(DestinationKind.TEAMS, server)

    (attachment,) = message["attachments"]
    card = attachment["content"]
    assert (message["type"], attachment["contentType"]) == ("message", "application/vnd.microsoft.card.adaptive")
    assert (card["type"], card["version"]) == ("AdaptiveCard", "1.4")
    assert runs(card) == [
        "CRITICAL: The model harms",
        "use case: ",
        "flights",
        "since: ",
        "2013-06-03",
        "AUC: ",
        "0.58",
        "Open the report.",
    ]
    assert card["body"][0]["inlines"][0]["color"] == "Attention"
    assert card["actions"] == [{"type": "Action.OpenUrl", "title": "More", "url": "https://example.com/report.html"}]


def test_slack_gets_blocks_and_a_text_for_notifications(server: Loopback) -> None:
    message = told(DestinationKind.SLACK, server)

    header, facts, what_to_do, actions = message["blocks"]
    assert message["text"] == header["text"]["text"] == "CRITICAL: The model harms"
    assert [one["text"] for one in facts["fields"]] == ["use case: flights", "since: 2013-06-03", "AUC: 0.58"]
    assert what_to_do["text"]["text"] == "Open the report."
    assert actions["elements"][0]["url"] == "https://example.com/report.html"


def test_a_webhook_gets_the_notice_as_it_is(server: Loopback) -> None:
    assert told(DestinationKind.WEBHOOK, server) == {
        "title": "The model harms",
        "severity": "critical",
        "facts": {"use case": "flights", "since": "2013-06-03", "AUC": "0.58"},
        "what_to_do": "Open the report.",
        "link": "https://example.com/report.html",
    }


def test_teams_reads_no_markup_in_a_notice(server: Loopback) -> None:
    """A text run holds no markdown, and a mention needs an entity that the card does not have."""
    message = told(
        DestinationKind.TEAMS, server, replace(NOTICE, title=HOSTILE, facts={HOSTILE: HOSTILE}, what_to_do=HOSTILE)
    )

    card = message["attachments"][0]["content"]
    assert {line["type"] for line in card["body"]} == {"RichTextBlock"}
    assert {run["type"] for line in card["body"] for run in line["inlines"]} == {"TextRun"}
    assert card["msteams"] == {"width": "Full"}


def test_slack_reads_no_markup_in_a_notice(server: Loopback) -> None:
    """In a plain text neither links nor mentions are read, and in the text for notifications they are written out."""
    message = told(
        DestinationKind.SLACK, server, replace(NOTICE, title=HOSTILE, facts={HOSTILE: HOSTILE}, what_to_do=HOSTILE)
    )

    def texts(value: object) -> Iterator[dict]:
        if isinstance(value, dict):
            if "text" in value and isinstance(value["text"], str):
                yield value
            for one in value.values():
                yield from texts(one)
        if isinstance(value, list):
            for one in value:
                yield from texts(one)

    of_blocks = [*texts(message["blocks"])]
    assert len(of_blocks) == 4
    assert {(one["type"], one["emoji"]) for one in of_blocks} == {("plain_text", False)}
    assert message["text"].startswith("CRITICAL: &lt;!channel&gt; &lt;https://evil.example|click&gt; ")
    assert not {"<", ">"} & set(message["text"])


def test_a_text_is_one_line_without_hidden_characters_and_of_a_length_that_every_destination_takes(
    server: Loopback,
) -> None:
    turned, long = "a\r\nb\x00c\u202egnp.exe\u200b", "x" * 5000
    facts = {f"fact {number}": long for number in range(50)}

    arrived = told(
        DestinationKind.WEBHOOK, server, Notice(turned, Severity.INFO, facts | {"f": turned}, what_to_do=long)
    )

    assert arrived["title"] == "a b c gnp.exe"
    assert len(arrived["facts"]) == MAX_FACTS
    assert {len(value) for value in arrived["facts"].values()} == {len(arrived["what_to_do"])} == {MAX_TEXT}


def test_the_longest_notice_is_within_what_slack_and_teams_take(server: Loopback) -> None:
    """Of Slack a header has 150 characters, a section ten fields of 2,000; a message to Teams has 28 KB."""
    longest = Notice("t" * 999, Severity.WARNING, {f"{n}" * 999: "v" * 9999 for n in range(30)}, "w" * 9999)

    slack = told(DestinationKind.SLACK, server, longest)
    server.calls.clear()
    teams = told(DestinationKind.TEAMS, server, longest)

    header, facts, *_ = slack["blocks"]
    assert len(header["text"]["text"]) == MAX_TITLE
    assert len(facts["fields"]) == MAX_FACTS
    assert max(len(one["text"]) for one in facts["fields"]) <= 2000
    assert len(json.dumps(teams)) < 28 * 1024


@pytest.mark.parametrize("link", ["javascript:alert(1)", "http://example.com", "file:///etc/passwd", "https://a b\n"])
def test_a_link_that_is_no_https_address_is_left_out(server: Loopback, link: str) -> None:
    assert told(DestinationKind.WEBHOOK, server, replace(NOTICE, link=link))["link"] == ""


@pytest.mark.parametrize("kind", DestinationKind)
@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_destination_that_is_busy_is_told_again(server: Loopback, kind: DestinationKind, status: int) -> None:
    server.replies = [Reply(status, headers={"Retry-After": "0"}), Reply(status)]
    channel = opened(kind, server)

    channel.tell(NOTICE)
    channel.flush()

    first, *others = server.calls
    assert len(others) == 2
    assert {call.body for call in others} == {first.body}


@pytest.mark.parametrize("kind", DestinationKind)
@pytest.mark.parametrize(("replies", "tries"), [([Reply(500)] * 9, 3), ([Reply(404)], 1), ([Reply(302)], 1)])
def test_a_destination_that_stays_down_or_is_gone_is_given_up_and_said(
    server: Loopback,
    kind: DestinationKind,
    replies: list[Reply],
    tries: int,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(logging.getLogger("levelfive"), "propagate", True)
    server.replies = list(replies)
    channel = opened(kind, server)

    channel.tell(NOTICE)
    channel.close()

    assert len(server.calls) == tries
    (warning,) = (one for one in caplog.records if one.getMessage() == "notices did not arrive")
    assert warning.telemetry == {"levelfive.destination": kind, "notices": 1}


def test_a_hanging_destination_holds_a_job_up_once_and_for_no_longer_than_a_flush_may_take(server: Loopback) -> None:
    server.usual = Reply(hangs=True)
    channel = opened(DestinationKind.TEAMS, server, replace(QUICK, flush=0.5))

    begin = time.monotonic()
    for _ in range(1000):
        channel.tell(NOTICE)
    telling = time.monotonic() - begin
    for _ in range(20):
        channel.flush()
    took = time.monotonic() - begin

    assert telling < 3.0
    assert 0.5 <= took < 5.0


def test_a_destination_that_is_nowhere_fails_nothing() -> None:
    with loopback() as gone:
        channel = opened(DestinationKind.SLACK, gone)

    channel.tell(NOTICE)
    channel.close()


def test_an_address_is_a_secret_that_is_found_by_its_reference_and_never_printed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TEAMS_ADDRESS", " https://example.com/workflows/1?sig=s3cret ")

    found = destination(
        DestinationKind.TEAMS, "env:TEAMS_ADDRESS", lambda reference: read_secret(reference, lambda *_: "")
    )

    assert found.address == "https://example.com/workflows/1?sig=s3cret"
    assert "s3cret" not in repr(found)


@pytest.mark.parametrize("address", ["http://example.com/?sig=s3cret", "s3cret", "file:///s3cret"])
def test_an_address_that_would_show_the_secret_is_refused_without_repeating_it(address: str) -> None:
    with pytest.raises(ConfigError, match="destination slack is no https address") as refusal:
        destination(DestinationKind.SLACK, "env:SLACK_ADDRESS", lambda _: address)

    assert "s3cret" not in str(refusal.value)
