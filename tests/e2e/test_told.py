"""What each destination receives of a poisoned fortnight: once that alerts opened, and once that they closed."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest
import shop
from first_champion import LATER, SMALL, Stage, prepare
from ingestion import arrived, component, of_kind
from loopback import Loopback, loopback

from levelfive.app import App
from levelfive.core.windows import Window
from levelfive.monitoring import job as monitoring
from levelfive.monitoring.destinations.destination import Destination
from levelfive.monitoring.destinations.messages import DestinationKind
from levelfive.scoring import job as scoring
from levelfive.telemetry.tracing import connect, flush

WEEK = timedelta(days=7)
WEEKS = [Window(LATER + place * WEEK, LATER + (place + 1) * WEEK) for place in range(4)]
POISONED = WEEKS[1:3]

pytestmark = [pytest.mark.nightly, pytest.mark.parametrize("loop", [SMALL], indirect=True)]


def poison(file: Path) -> None:
    """Let what came back stay and the other way round, and every twentieth order have no store."""
    with file.open(encoding="utf-8") as lines:
        header, *rows = csv.reader(lines)
    returned, store = header.index("returned"), header.index("store")
    for place, row in enumerate(rows):
        row[returned] = str(1 - int(row[returned]))
        row[store] = "" if place % 20 == 0 else row[store]
    with file.open("w", newline="", encoding="utf-8") as lines:
        csv.writer(lines).writerows([header, *rows])


def deliver(landing: Path, window: Window) -> None:
    shop.write_orders(landing, window)
    if window in POISONED:
        poison(landing / "orders" / f"{window.start:%Y-%m-%d}.csv")


@pytest.fixture
def servers() -> Iterator[dict[str, Loopback]]:
    with ExitStack() as stack:
        yield {name: stack.enter_context(loopback()) for name in (*DestinationKind, "azure")}
        connect(None)


def live_through(app: App, servers: dict[str, Loopback]) -> None:
    """Let four weeks pass, each of which is scored and monitored at its end."""
    connect(component(servers["azure"]))
    destinations = [Destination(kind, servers[kind].address) for kind in DestinationKind]
    for week in WEEKS:
        prepare(app, deliver, week)
        scoring.run(app.context, app.registry, window=week, as_of=week.end)
        for _ in range(2):  # as a job that is repeated
            monitoring.run(app.context, app.registry, window=week, as_of=week.end, destinations=destinations)
    flush()


def titles(kind: str, server: Loopback) -> list[str]:
    """What people read first, of each message."""
    if kind == DestinationKind.TEAMS:
        cards = [call.json["attachments"][0]["content"] for call in server.calls]
        return [card["body"][0]["inlines"][0]["text"] for card in cards]
    if kind == DestinationKind.SLACK:
        return [call.json["text"] for call in server.calls]
    return [f"{call.json['severity'].upper()}: {call.json['title']}" for call in server.calls]


def test_each_destination_hears_once_that_alerts_opened_and_once_that_they_closed(
    loop, tmp_path: Path, servers: dict[str, Loopback]
) -> None:
    """Four weeks land, are scored, and are monitored twice each."""
    live_through(loop.copy(tmp_path / "home", Stage.CHAMPION), servers)

    told = [
        "CRITICAL: Opened: Much is quarantined: orders",
        "CRITICAL: Opened: Skill is lost",
        "WARNING: Opened: Drift lasts",
        "CRITICAL: Closed: Much is quarantined: orders",
        "CRITICAL: Closed: Skill is lost",
        "WARNING: Closed: Drift lasts",
    ]
    assert {kind: titles(kind, servers[kind]) for kind in DestinationKind} == dict.fromkeys(DestinationKind, told)
    opened = [call.json["facts"] for call in servers[DestinationKind.WEBHOOK].calls[:2]]
    assert "10 of 169 rows that landed are quarantined" in opened[0]["found"]
    assert {facts["since"] for facts in opened} == {POISONED[0].start.isoformat().replace("+00:00", "Z")}
    assert all(" rows, most of store=" in facts["affected"] for facts in opened)
    said = [one for one in of_kind("MessageData", arrived(servers["azure"])) if one["message"].startswith("alert ")]
    urgent = [one for one in said if one["properties"]["levelfive.alert.severity"] == "critical"]
    assert [(one["message"], one["properties"]["levelfive.alert.id"]) for one in urgent] == [
        ("alert opened", "much_is_quarantined:orders"),
        ("alert opened", "skill_is_lost"),
        ("alert closed", "much_is_quarantined:orders"),
        ("alert closed", "skill_is_lost"),
    ]
