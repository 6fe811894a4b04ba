"""What `levelfive monitoring` prints where there is nothing to monitor, and what people say and ask by its commands."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
from commands import parse, run
from in_memory.release import Environment, Packages
from in_memory.retraining import DECIDED, WEEK, LiveModel
from markupsafe import escape

from levelfive import BINARY, Later
from levelfive.cli.options import Shared
from levelfive.core.windows import iso
from levelfive.data.landed import LANDING_FILES, LandedFile
from levelfive.monitoring import job as monitoring_job
from levelfive.monitoring.alert_states import ALERTS_TABLE, AlertRecord, State
from levelfive.monitoring.destinations.destination import Destination
from levelfive.monitoring.job import MonitoringResult
from levelfive.monitoring.performance import Performance
from levelfive.monitoring.performance_records import write_performance
from levelfive.online.publications import REACHES_TO, STAGE
from levelfive.registry.promotions import history
from levelfive.registry.store import CentralRegistry
from levelfive.reporting.collect import collect
from levelfive.reporting.page import render
from levelfive.storage.annotations import ANNOTATIONS
from levelfive.storage.runs import JobContext, Run
from levelfive.usecase.alert_rules import Severity

AS_OF = iso(DECIDED)
OF_WEEK = ("monitoring", "acknowledge", "--from", iso(WEEK.start), "--to", iso(WEEK.end))


@dataclass
class App:
    """An application in memory, whose model is live."""

    context: JobContext
    registry: CentralRegistry
    starter: str = "grace@example.com"
    landing: Path = Path("nothing-landed")
    destinations: tuple[Destination, ...] = ()


@pytest.fixture
def live(production: Environment, packages: Packages, monkeypatch: pytest.MonkeyPatch) -> LiveModel:
    found = LiveModel.released(production, packages)
    app = App(found.production.context, found.production.registry)
    monkeypatch.setattr(Shared, "open_app", lambda *_: app)
    return found


def printed(capsys: pytest.CaptureFixture[str]) -> str:
    return " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("given", "who", "left_out"),
    [
        ((), "grace@example.com", "flagged"),
        (("--by", "ada", "--leave-out", "window"), "grace@example.com (for ada)", "window"),
    ],
    ids=["alone", "for"],
)
def test_who_acknowledges_is_who_is_signed_in_and_status_and_report_show_it(
    live: LiveModel,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    given: tuple[str, ...],
    who: str,
    left_out: str,
) -> None:
    live.seen(live.version, harmful=("no skill",))

    assert run(tmp_path, *OF_WEEK, *given, "--reason", "the strike", "--as-of", AS_OF) == 0

    (row,) = live.production.tables.control_tables.rows(ANNOTATIONS)
    assert (row["by"], row["reason"], row["left_out"]) == (who, "the strike", left_out)
    word = f"acknowledged by {who} as of {AS_OF}: the strike"
    said = printed(capsys)
    assert f"{WEEK} is {word}" in said
    assert f"It counts for decisions as of {AS_OF} and later" in said
    assert run(tmp_path, "status", "--as-of", AS_OF) == 0
    assert f"latest window {WEEK}: harmful: no skill; broken data: no; real time: no which is {word}" in printed(capsys)
    report = collect(live.production.context, live.production.registry, as_of=DECIDED)
    assert report.latest_verdict is not None
    assert report.latest_verdict.acknowledgement.startswith(word)


def test_pages_are_named_by_the_use_case_so_that_no_other_one_overwrites_them(
    live: LiveModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    name = live.production.context.use_case.name

    assert run(tmp_path, "report", "--as-of", AS_OF) == 0
    assert run(tmp_path, "registry", "card", live.version) == 0

    assert {file.name for file in tmp_path.glob("*.html")} == {f"report-{name}.html", f"model-card-{name}.html"}


def test_a_window_that_called_nobody_is_refused_in_a_sentence(
    live: LiveModel, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    live.seen(live.version)

    assert run(tmp_path, *OF_WEEK, "--reason", "the strike", "--as-of", AS_OF) == 2

    said = capsys.readouterr().err
    assert "called nobody as of" in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("hours", "said"),
    [
        (1, "1:00:00 behind"),
        (37, "1 day, 13:00:00 behind, more than the 1 day, 12:00:00 of its policy: run `{publish}`"),
    ],
)
def test_status_says_how_far_the_online_store_reaches(
    live: LiveModel, tmp_path: Path, capsys: pytest.CaptureFixture[str], hours: int, said: str
) -> None:
    reaches_to = DECIDED - timedelta(hours=hours)
    with live.production.context.run(STAGE, as_of=DECIDED, parameters={}) as publication:
        publication.notes[REACHES_TO] = iso(reaches_to)

    assert run(tmp_path, "status", "--as-of", AS_OF) == 0

    lines = capsys.readouterr().out.splitlines()
    publish = f"levelfive --home {tmp_path} features publish --as-of {iso(DECIDED)}"
    assert f"the online store reaches to {iso(reaches_to)}, {said.format(publish=publish)}" in lines


def test_status_says_which_versions_answered_single_requests(
    live: LiveModel, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    served = Performance(WEEK, ("1", "2"), 7, 0, 0, True, {}, None, None, None)
    name, monitoring = live.production.registry.name, Run(live.production.tables, "monitoring")
    write_performance(monitoring, name, (), task=BINARY, as_of=DECIDED, served_performances=[served])

    assert run(tmp_path, "status", "--as-of", AS_OF) == 0

    assert f"single requests of {WEEK} were answered by version 1, 2" in capsys.readouterr().out.splitlines()


def test_real_time_that_is_behind_calls_a_person_and_keeps_no_training_back(
    live: LiveModel, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    live.seen(live.version, serving=("the store was behind",))

    assert run(tmp_path, "status", "--as-of", AS_OF) == 0
    assert "real time: the store was behind" in printed(capsys)
    assert run(tmp_path, *OF_WEEK, "--reason", "an outage", "--as-of", AS_OF) == 0

    (row,) = live.production.tables.control_tables.rows(ANNOTATIONS)
    assert list(row["covers"]) == ["serving"]
    report = collect(live.production.context, live.production.registry, as_of=DECIDED)
    assert report.latest_verdict is not None
    assert report.latest_verdict.reasons_to_call == ["real time: the store was behind"]


def test_nothing_to_monitor_is_no_refusal(
    live: LiveModel, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = MonitoringResult("a-run", WEEK, {}, (), "no live prediction: no row of orders has landed")
    monkeypatch.setattr(monitoring_job, "run", lambda *_, **__: found)

    assert run(tmp_path, "monitoring", "--as-of", AS_OF, "--from", "P7D") == 0

    assert printed(capsys) == "nothing to monitor: no live prediction: no row of orders has landed"


def test_status_says_how_many_rows_were_corrected_since_the_promotion(
    live: LiveModel, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    context = live.production.context
    (first, *others) = context.use_case.sources
    sources = (replace(first, later=Later.CORRECTION), *others)
    corrected = replace(context, use_case=replace(context.use_case, sources=sources))
    monkeypatch.setattr(Shared, "open_app", lambda *_: App(corrected, live.production.registry, tmp_path))
    promoted = history(context.tables, live.production.registry.name)[-1].promoted_at
    for name, loaded_at, deleted in (("before", promoted, 9), ("a", DECIDED, 1), ("b", DECIDED, 2)):
        of_file = LandedFile(
            first.name, name, name, 9, 9, 0, 0, None, None, loaded_at, corrections=2, deletions=deleted
        )
        context.tables.control_tables.add(LANDING_FILES, [of_file])

    assert run(tmp_path, "status", "--as-of", AS_OF) == 0

    assert f"{first.name}: 7 rows corrected since then, of which 3 deleted" in printed(capsys)


def an_alert(live: LiveModel, alert: str, severity: Severity, **of: str) -> AlertRecord:
    """Let monitoring have found an alert in the week."""
    found = AlertRecord(
        model_name=live.production.registry.name,
        model_version=live.version,
        window=WEEK,
        as_of=WEEK.end,
        alert_id=":".join([alert, *of.values()]),
        alert=alert,
        state=State.OPENED,
        raised=True,
        severity=severity,
        message="<b>something</b>",
        since=WEEK.start,
        **of,
    )
    live.production.tables.control_tables.add(ALERTS_TABLE, [found])
    return found


def test_open_alerts_stand_at_the_top_of_status_and_report_the_most_urgent_first(
    live: LiveModel, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    an_alert(live, "column_is_broken", Severity.WARNING, column_name="temp")
    an_alert(live, "skill_is_lost", Severity.CRITICAL)

    assert run(tmp_path, "status", "--as-of", AS_OF) == 0

    lines = [
        f"critical: skill_is_lost since {iso(WEEK.start)}: <b>something</b>",
        f"warning: column_is_broken:temp since {iso(WEEK.start)}: <b>something</b>",
    ]
    assert capsys.readouterr().out.splitlines()[:2] == lines
    page = render(collect(live.production.context, live.production.registry, as_of=DECIDED))
    listed = page[page.index('<div id="alerts">') : page.index('id="performance"')]
    assert "".join(f"<li>{escape(line)}</li>" for line in lines) in listed


def test_who_mutes_an_alert_is_who_is_signed_in_and_status_shows_it(
    live: LiveModel, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    an_alert(live, "column_is_broken", Severity.WARNING, column_name="temp")
    until = iso(DECIDED + timedelta(days=7))
    said = ("--until", until, "--reason", "a new sensor", "--by", "ada", "--as-of", AS_OF)

    assert run(tmp_path, "monitoring", "mute", "column_is_broken:temp", *said) == 0

    word = f"muted by grace@example.com (for ada) as of {AS_OF}: a new sensor, until {until}"
    assert f"column_is_broken:temp is {word}." in printed(capsys)
    assert run(tmp_path, "status", "--as-of", AS_OF) == 0
    assert f"<b>something</b>; {word}" in printed(capsys)


def test_triage_prints_answers_with_commands_that_can_be_pasted(
    live: LiveModel, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    an_alert(live, "volume_is_low", Severity.CRITICAL)

    assert run(tmp_path, "monitoring", "triage", "--as-of", AS_OF) == 0

    first, what, step, second, *_ = capsys.readouterr().out.splitlines()
    assert first == "1. Do rows come, enough and in time? look"
    assert what == f"   critical: volume_is_low since {iso(WEEK.start)}: <b>something</b>"
    assert step == f"   next: levelfive --home {tmp_path} data --as-of {AS_OF}"
    assert second.startswith("2. ")
    assert parse(step.removeprefix("   next: ")).command.name == "data"


def test_triage_prints_the_same_as_json(live: LiveModel, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    an_alert(live, "volume_is_low", Severity.CRITICAL)

    assert run(tmp_path, "monitoring", "triage", "--json", "--as-of", AS_OF) == 0

    answers = json.loads(capsys.readouterr().out)
    assert [answer["outcome"] for answer in answers][:2] == ["look", "not known"]
    assert answers[0]["command"] == f"levelfive --home {tmp_path} data --as-of {AS_OF}"


def test_an_event_that_people_know_of_stands_beside_the_alerts_of_its_time_and_no_others(
    live: LiveModel, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    an_alert(live, "column_is_broken", Severity.WARNING, column_name="temp")
    before = WEEK.start - timedelta(days=30)
    said = {"Thanksgiving <b>": (WEEK.start, WEEK.end), "a strike": (before, before + timedelta(days=1))}

    for event, (start, end) in said.items():
        times = ("--from", iso(start), "--to", iso(end), "--as-of", AS_OF)
        assert run(tmp_path, "monitoring", "note", *times, "--event", event) == 0
    assert "noted by grace@example.com" in printed(capsys)
    assert run(tmp_path, "monitoring", "triage", "--as-of", AS_OF) == 0
    triage = printed(capsys)
    page = render(collect(live.production.context, live.production.registry, as_of=DECIDED))

    assert f"known then: Thanksgiving <b> ({iso(WEEK.start)} to {iso(WEEK.end)})" in triage
    assert "a strike" not in triage
    assert f"known then: Thanksgiving &lt;b&gt; ({iso(WEEK.start)}" in page
    assert "a strike, until" in page  # in the history
    assert [row["kind"] for row in live.production.tables.control_tables.rows(ANNOTATIONS)] == ["noted", "noted"]


def test_an_event_without_a_name_is_refused(
    live: LiveModel, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    times = ("--from", iso(WEEK.start), "--to", iso(WEEK.end), "--as-of", AS_OF)

    assert run(tmp_path, "monitoring", "note", *times, "--event", " ") != 0

    assert "say why" in " ".join(capsys.readouterr().err.split())
    assert live.production.tables.control_tables.rows(ANNOTATIONS) == []
