"""What `levelfive monitoring` prints where there is nothing to monitor, and how a person acknowledges a window."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
from commands import run
from in_memory.release import Environment, Packages
from in_memory.retraining import DECIDED, WEEK, LiveModel

from levelfive import Later
from levelfive.cli.options import Shared
from levelfive.core.windows import iso
from levelfive.data.landed import LANDING_FILES, LandedFile
from levelfive.monitoring import job as monitoring_job
from levelfive.monitoring.job import MonitoringResult
from levelfive.online.publications import REACHES_TO, STAGE
from levelfive.registry.promotions import history
from levelfive.registry.store import CentralRegistry
from levelfive.reporting.collect import collect
from levelfive.storage.annotations import ANNOTATIONS
from levelfive.storage.runs import JobContext

AS_OF = iso(DECIDED)
OF_WEEK = ("monitoring", "acknowledge", "--from", iso(WEEK.start), "--to", iso(WEEK.end))


@dataclass
class App:
    """An application in memory, whose model is live."""

    context: JobContext
    registry: CentralRegistry
    landing: Path
    starter: str = "grace@example.com"


@pytest.fixture
def live(production: Environment, packages: Packages, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> LiveModel:
    found = LiveModel.released(production, packages)
    app = App(found.production.context, found.production.registry, tmp_path)
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
    assert report.latest_verdict.acknowledged.startswith(word)


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
        (2, "2:00:00 behind, more than the 1:00:00 of its policy: run `levelfive features publish`"),
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
    assert f"the online store reaches to {iso(reaches_to)}, {said}" in lines


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
    monkeypatch.setattr(Shared, "open_app", lambda *_: App(corrected, live.production.registry))
    promoted = history(context.tables, live.production.registry.name)[-1].promoted_at
    for name, loaded_at, deleted in (("before", promoted, 9), ("a", DECIDED, 1), ("b", DECIDED, 2)):
        of_file = LandedFile(
            first.name, name, name, 9, 9, 0, 0, None, None, loaded_at, corrections=2, deletions=deleted
        )
        context.tables.control_tables.add(LANDING_FILES, [of_file])

    assert run(tmp_path, "status", "--as-of", AS_OF) == 0

    assert f"{first.name}: 7 rows corrected since then, of which 3 deleted" in printed(capsys)
