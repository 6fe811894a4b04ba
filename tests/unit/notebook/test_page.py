"""Notebooks are the same text everywhere: they take the same parameters from widgets and from the command line."""

import inspect
import json
import logging
import runpy
import sys
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import MagicMock, create_autospec

import databricks.sdk
import pandas as pd
import pytest
from control_table_contract import Earlier
from databricks.sdk.service.catalog import QualityMonitorsAPI
from fake_dbutils import Exited, FakeDbutils
from in_memory.tables import MemoryTables
from matplotlib.figure import Figure

from flight_delay import USE_CASE
from levelfive import notebook
from levelfive.config import Approval
from levelfive.core.windows import Window, utc
from levelfive.errors import AsOfError, ConfigError, RegistryError
from levelfive.notebook import COMMON, PARAMETERS, Page, parameters, registry_steps
from levelfive.notebook import steps as steps_of
from levelfive.notebook.showing import table
from levelfive.retraining.policy import Action, Decision
from levelfive.retraining.records import DecisionRecord, RetrainingRecord
from levelfive.statistics.metrics import Estimate
from levelfive.telemetry.tracing import event

NOTEBOOKS = sorted((Path(__file__).resolve().parents[3] / "notebooks").glob("*.py"))
# To import its package asks for credentials.
real = runpy.run_path(str(Path(databricks.sdk.__file__).parent / "runtime" / "dbutils_stub.py"))["dbutils"]
AS_OF = "2013-04-01T06:00Z"


def page_from(monkeypatch: pytest.MonkeyPatch, name: str, *arguments: str, **namespace: object) -> Page:
    """A page as a script gets it."""
    monkeypatch.setattr(sys, "argv", [f"{name}.py", *arguments])
    return parameters(namespace, name)


def page_in_a_job(name: str, run: dict | None = None, /, **given: str) -> Page:
    return parameters({"dbutils": FakeDbutils(given, task=name, run=run)}, name)


def cells(path: Path) -> list[str]:
    return [cell.strip() for cell in path.read_text().split("# COMMAND ----------")]


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (FakeDbutils({}).widgets.get, real.widgets.get),
        (FakeDbutils({}).widgets.text, real.widgets.text),
        (FakeDbutils({}).jobs.taskValues.get, real.jobs.taskValues.get),
        (FakeDbutils({}).jobs.taskValues.set, real.jobs.taskValues.set),
        (FakeDbutils({}).notebook.exit, real.notebook.exit),
    ],
)
def test_the_fake_takes_what_the_real_dbutils_takes(ours: object, theirs: object) -> None:
    def shape(function: object) -> list[tuple[str, object, object]]:
        return [(p.name, p.default, p.kind) for p in inspect.signature(function).parameters.values()]

    assert shape(ours) == shape(theirs)


def test_parameters_come_from_the_command_line_in_both_spellings(monkeypatch: pytest.MonkeyPatch) -> None:
    page = page_from(monkeypatch, "features", "--as_of", AS_OF, "--since=2013-01-01", "--home", "here")

    assert page.as_of == utc(2013, 4, 1, 6)
    assert page.time("since") == utc(2013, 1, 1)
    assert (page["home"], page["environment"]) == ("here", "")


def test_parameters_come_from_widgets_and_missing_ones_are_made() -> None:
    dbutils = FakeDbutils({"as_of": f" {AS_OF} "})

    page = parameters({"dbutils": dbutils}, "scoring")

    assert page.as_of == utc(2013, 4, 1, 6)
    assert set(dbutils.widgets.getAll()) == {*COMMON, *PARAMETERS["scoring"]}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (
            ["--asof", AS_OF],
            "unrecognized arguments: --asof 2013.*; the notebook's parameters are as_of, clock, use_case",
        ),
        (["--since", AS_OF], "unrecognized arguments: --since"),
        (["--as", AS_OF], "unrecognized arguments: --as "),
        (["as_of", AS_OF], "unrecognized arguments: as_of"),
        (["--as_of"], "argument --as_of: expected one argument; .* write --NAME VALUE"),
    ],
)
def test_a_wrong_command_line_is_refused(monkeypatch: pytest.MonkeyPatch, arguments: list[str], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        page_from(monkeypatch, "data", *arguments)


def test_a_job_hands_the_parameters_of_other_tasks_over_too_but_a_misspelt_one_is_refused() -> None:
    page_in_a_job("data", as_of=AS_OF, without="aircraft", window_start="")

    with pytest.raises(ConfigError, match="unknown parameter asof"):
        page_in_a_job("data", asof=AS_OF)


@pytest.mark.parametrize(
    ("given", "says"), [("", "as_of is missing"), ("{{job.trigger.time.iso_datetime}}", "resolve")]
)
def test_a_logical_now_is_needed_and_parsed_strictly(given: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        print(page_in_a_job("data", as_of=given).as_of)


def test_a_window_is_by_default_the_day_before_its_end_and_its_end_is_the_logical_now() -> None:
    now, day = utc(2013, 4, 1, 6), timedelta(days=1)

    assert page_in_a_job("scoring", as_of=AS_OF).window == Window(now - day, now)
    earlier = page_in_a_job("scoring", as_of=AS_OF, window_end="2013-03-20")
    assert earlier.window == Window(utc(2013, 3, 19), utc(2013, 3, 20))
    longer = page_in_a_job("scoring", as_of=AS_OF, window_start="2013-03-01")
    assert longer.window == Window(utc(2013, 3, 1), now)
    week = page_in_a_job("monitoring", as_of=AS_OF, window_start="P7D")
    assert week.window == Window(now - 7 * day, now)
    with pytest.raises(AsOfError):
        print(page_in_a_job("scoring", as_of=AS_OF, window_end="yesterday").window)


def test_a_clock_that_was_moved_moves_the_times_from_its_begin_on_and_no_earlier_ones() -> None:
    clock = "2026-01-05T00:00Z=2013-04-01T00:00Z"

    moved = page_in_a_job("monitoring", as_of="2026-01-07T06:00Z", clock=clock, window_start="2026-01-05T06:00Z")
    named = page_in_a_job("scoring", as_of=AS_OF, clock=clock)
    rolled_back = page_in_a_job("registry", as_of=AS_OF, clock=clock, promoted_since="2026-01-06T12:00Z")

    assert moved.as_of == utc(2013, 4, 3, 6)
    assert moved.window == Window(utc(2013, 4, 1, 6), utc(2013, 4, 3, 6))
    assert named.as_of == utc(2013, 4, 1, 6)
    assert rolled_back.time("promoted_since") == utc(2013, 4, 2, 12)


@pytest.mark.parametrize(
    ("clock", "says"),
    [
        ("2026-01-05", "a clock is two times"),
        ("today=2013-04-01", "ISO 8601"),
        ("2013-04-01=2026-01-05", "a clock is moved back"),
    ],
)
def test_a_clock_that_is_none_is_refused(clock: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        print(page_in_a_job("data", as_of=AS_OF, clock=clock).as_of)


def a_first_page(name: str, landing: Path, *tables: str, first_run: str = "pass", **namespace: object) -> Page:
    """A page of a home where these tables are, and no champion ever was."""
    memory = MemoryTables()
    for name_of_table in tables:
        memory.control_tables.add(name_of_table, [Earlier("flights", 1)])
    app = SimpleNamespace(
        tables=memory, landing=landing, use_case=USE_CASE, registry=SimpleNamespace(name="levelfive.qa.flight_delay")
    )
    page = Page(name, namespace, {"first_run": first_run})
    page.__dict__["app"] = app
    return page


@pytest.mark.parametrize(
    ("name", "says"),
    [("data", "nothing has landed"), ("features", "no landing file was ingested"), ("scoring", "never a champion")],
)
def test_a_first_run_says_what_there_is_nothing_of_and_ends_well(tmp_path: Path, name: str, says: str) -> None:
    with pytest.raises(Exited, match=says):
        notebook.pass_first_run(a_first_page(name, tmp_path, dbutils=FakeDbutils({})))
    with pytest.raises(SystemExit) as ended:
        notebook.pass_first_run(a_first_page(name, tmp_path))

    assert ended.value.code == 0


@pytest.mark.parametrize("name", ["data", "features", "scoring"])
def test_what_is_missing_is_passed_over_by_nobody_who_does_not_say_so(tmp_path: Path, name: str) -> None:
    notebook.pass_first_run(a_first_page(name, tmp_path, first_run=""))
    with pytest.raises(ConfigError, match="first_run is 'pass' or empty, got 'yes'"):
        notebook.pass_first_run(a_first_page(name, tmp_path, first_run="yes"))


def test_it_is_no_first_run_any_more_once_there_is_something(tmp_path: Path) -> None:
    notebook.pass_first_run(a_first_page("data", tmp_path, "landing_files"))
    notebook.pass_first_run(a_first_page("features", tmp_path, "landing_files"))
    (tmp_path / "flights").mkdir()
    (tmp_path / "flights" / "flights_2013-01.csv.gz").touch()
    notebook.pass_first_run(a_first_page("data", tmp_path))


def test_a_script_builds_the_laptops_application_with_what_its_home_says(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("DATABRICKS_RUNTIME_VERSION", raising=False)
    (tmp_path / "levelfive.yml").write_text("environment: qa\nregistry_prefix: models\n")

    page = page_from(
        monkeypatch, "data", "--home", str(tmp_path), "--registry_prefix", "ours", "--code_revision", "abc"
    )

    assert page.app.settings.model_name == "ours.qa.flight_delay"
    assert (page.app.home, page.app.code_revision) == (tmp_path, "abc")
    assert page.app.landing == tmp_path / "landing" / USE_CASE.name


def test_on_databricks_the_application_is_built_from_the_session_in_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABRICKS_RUNTIME_VERSION", "18.0")
    spark = MagicMock()
    given = {
        "as_of": AS_OF,
        "table_schema": "main.flights",
        "landing": "/Volumes/landing",
        "experiment": "/Shared/ours",
    }

    page = parameters({"dbutils": FakeDbutils(given), "spark": spark}, "data")

    assert page.app.tables.spark is spark
    assert page.app.tables.name("runs") == "main.flights.runs"
    assert (page.app.landing, page.app.tracking.experiment) == (Path("/Volumes/landing"), "/Shared/ours")


def test_a_wrong_setting_is_refused_with_its_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    page = page_from(monkeypatch, "registry", "--home", str(tmp_path), "--approval", "maybe")

    with pytest.raises(ConfigError, match="approval"):
        print(page.app)


def test_values_are_handed_on_to_the_later_tasks_of_a_job_and_without_one_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run: dict = {}

    page_in_a_job("training", run).hand_on(version=None, verdict="worse")
    page_from(monkeypatch, "training").hand_on(version="3")

    assert run == {("training", "version"): "", ("training", "verdict"): "worse"}
    assert page_in_a_job("registry", run).handed_on("verdict", by="training") == "worse"
    assert page_in_a_job("registry", run).handed_on("metrics", by="training") == ""
    assert page_from(monkeypatch, "registry").handed_on("version", by="training") == ""
    assert capsys.readouterr().out == "version: 3\n"


def test_an_action_is_handed_on_as_the_condition_of_the_job_compares_it() -> None:
    run: dict = {}

    page_in_a_job("retraining", run).hand_on(action=Action.RETRAIN)

    assert repr(run["retraining", "action"]) == "'retrain'"


def test_results_are_displayed_where_there_is_a_display_else_printed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    figure, seen = Figure(), []
    figure.suptitle("What moved most")

    page_from(monkeypatch, "monitoring", display=seen.append).show(Window(utc(2013, 1, 1), utc(2013, 1, 2)), figure)
    page_from(monkeypatch, "monitoring", "--home", str(tmp_path)).show({"a": Estimate(0.5, 0.25, 0.75, 3, 10)}, figure)

    assert isinstance(seen[0], pd.DataFrame)
    assert seen[1] is figure
    assert "a 0.5000 0.2500 0.7500" in " ".join(capsys.readouterr().out.split())
    assert [file.name for file in (tmp_path / "plots" / "flight_delay").iterdir()] == ["monitoring-what-moved-most.png"]


def test_a_page_is_written_to_its_output_and_shown_where_html_can_be(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seen: list[str] = []

    page = page_from(monkeypatch, "report", "--output", str(tmp_path / "new" / "r.html"), displayHTML=seen.append)
    page.show_html("<p>fine</p>")

    assert (tmp_path / "new" / "r.html").read_text() == "<p>fine</p>"
    assert seen == ["<p>fine</p>"]


def test_a_table_is_made_of_texts() -> None:
    rows = table([Estimate(0.5, 0.25, 1.0, 3, 10)])
    fields = table(Decision(Action.KEEP, ("one", "two"), ()))

    assert rows.to_dict("records") == [
        {"value": "0.5000", "low": "0.2500", "high": "1.0000", "days": "3", "rows": "10"}
    ]
    assert dict(zip(fields.name, fields.value, strict=True)) == {
        "action": "keep",
        "reasons": "one; two",
        "counterfactuals": "",
    }
    assert table(()).empty


@pytest.mark.parametrize(("folder", "refreshed"), [("", 0), ("/Shared/monitors", 1)])
def test_the_workspaces_own_monitor_is_refreshed_where_a_folder_is_named(
    folder: str, refreshed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = MagicMock()
    app.context.use_case.model.task.predicted_label = None
    app.context.tables.name.return_value = "main.flights.predictions"
    app.workspace = MagicMock(spec=["quality_monitors"])
    app.workspace.quality_monitors = create_autospec(QualityMonitorsAPI, instance=True)
    app.workspace.quality_monitors.run_refresh.return_value.refresh_id = 7
    monkeypatch.setattr(Page, "app", app)
    page = page_in_a_job("monitoring", as_of=AS_OF, window_start="P7D", lakehouse_monitor=folder)

    result = notebook.refresh_lakehouse_monitor(page)

    assert app.workspace.quality_monitors.run_refresh.call_count == refreshed
    assert (result.refresh_id if result else None) == (7 if refreshed else None)


RECORD = DecisionRecord("d1", "m", "1", utc(2013, 4, 1), Action.RETRAIN, ("age",), ("youth",))
OUTCOME = RetrainingRecord("d1", "m", utc(2013, 4, 1), "better", True, ("less loss",), "5", "6", 100)


@pytest.fixture
def decided(monkeypatch: pytest.MonkeyPatch) -> list[tuple]:
    """One decision was taken; what is done about it is noted."""
    acted: list[tuple] = []

    def act(context: object, stores: object, record: DecisionRecord, *, approval: object) -> SimpleNamespace:
        acted.append((record, str(approval)))
        return SimpleNamespace(retraining=OUTCOME)

    monkeypatch.setattr(Page, "app", MagicMock())
    monkeypatch.setattr(steps_of, "decisions", lambda *_, until: (RECORD,) if until >= RECORD.as_of else ())
    monkeypatch.setattr(steps_of.retraining_job, "act", act)
    return acted


def test_a_training_that_was_decided_on_is_the_decisions_and_waits_for_the_task_that_promotes(decided: list) -> None:
    trained = notebook.train(page_in_a_job("training", as_of=AS_OF, decision="d1"))

    assert decided == [(RECORD, "manual")]
    assert (trained.version, trained.verdict, trained.reasons) == ("6", "better", ("less loss",))


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"as_of": AS_OF, "decision": "d2"}, "no decision 'd2'"),
        ({"as_of": "2013-03-01", "decision": "d1"}, "no decision 'd1'"),
        ({"as_of": AS_OF, "decision": "d1", "without": "aircraft"}, "without or decision"),
    ],
)
def test_a_training_for_no_decision_is_refused(decided: list, given: dict[str, str], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        notebook.train(page_in_a_job("training", **given))

    assert not decided


@pytest.fixture
def promoted(monkeypatch: pytest.MonkeyPatch) -> list[tuple]:
    """What the registry stage was asked for."""
    asked: list[tuple] = []
    app = MagicMock(starter="grace@example.com")
    monkeypatch.setattr(Page, "app", app)
    monkeypatch.setattr(
        registry_steps,
        "version_here",
        lambda _, version, source_model, source_registry: (
            f"{version} of {source_model} in {source_registry}" if source_model else version
        ),
    )
    monkeypatch.setattr(
        registry_steps.registry_approval,
        "approve",
        lambda *_, **how: asked.append((how["version"], how["by"], how["on_behalf_of"])),
    )
    monkeypatch.setattr(registry_steps.registry_job, "run", lambda *_, **how: asked.append((how["version"], how["by"])))
    monkeypatch.setattr(
        registry_steps.registry_rollback,
        "rollback",
        lambda *_, **how: asked.append((how["by"], how["reason"], how["version"], how["since"])),
    )
    return asked


def test_a_version_is_promoted_by_name_or_as_the_task_training_handed_it_on(promoted: list) -> None:
    run = {("training", "version"): "6"}

    notebook.registry_step(page_in_a_job("registry", run, as_of=AS_OF))
    notebook.registry_step(page_in_a_job("registry", run, as_of=AS_OF, step="promote", version="4", by="ada"))
    taken_back = {"step": "rollback", "reason": "complaints", "by": "ada"}
    notebook.registry_step(page_in_a_job("registry", {}, as_of=AS_OF, **taken_back))
    notebook.registry_step(
        page_in_a_job("registry", {}, as_of=AS_OF, promoted_since="2013-03-01 06:00:00+02:00", **taken_back)
    )

    assert promoted == [
        ("6", "grace@example.com"),
        ("4", "grace@example.com (for ada)"),
        ("grace@example.com (for ada)", "complaints", None, None),
        ("grace@example.com (for ada)", "complaints", None, utc(2013, 3, 1, 4)),
    ]


def test_where_approval_is_manual_what_training_handed_on_waits_whoever_starts_the_task(promoted: list) -> None:
    run = {("training", "version"): "6"}
    Page.app.settings.approval = Approval.MANUAL

    with pytest.raises(RegistryError, match=r"version 6 waits for an approval.* The job release approves"):
        notebook.registry_step(page_in_a_job("registry", run, as_of=AS_OF))

    notebook.registry_step(page_in_a_job("registry", run, as_of=AS_OF, step="promote", version="6", by="ada"))
    assert promoted == [("6", "grace@example.com (for ada)")]


def test_a_version_is_approved_promoted_and_taken_back_by_the_model_that_it_was_copied_from(
    promoted: list[tuple],
) -> None:
    source = {"version": "3", "source_model": "hub.qa.flight_delay", "source_registry": "databricks-uc", "by": "ada"}

    notebook.registry_step(page_in_a_job("registry", {}, as_of=AS_OF, step="approve", reason="good", **source))
    notebook.registry_step(page_in_a_job("registry", {}, as_of=AS_OF, step="promote", **source))

    notebook.registry_step(page_in_a_job("registry", {}, as_of=AS_OF, step="rollback", reason="complaints", **source))

    copied = "3 of hub.qa.flight_delay in databricks-uc"
    who = "grace@example.com (for ada)"
    assert promoted == [(copied, "grace@example.com", "ada"), (copied, who), (who, "complaints", copied, None)]


@pytest.mark.parametrize("text", ["-1", "1.5", "many"])
def test_a_number_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=f"min_rows is a whole number such as 1, got '{text}'"):
        page_in_a_job("scoring", min_rows=text).number("min_rows")


def test_a_number_that_is_not_given_is_nought() -> None:
    assert (
        page_in_a_job("scoring").number("min_rows"),
        page_in_a_job("scoring", min_rows="12").number("min_rows"),
    ) == (
        0,
        12,
    )


@pytest.mark.parametrize(
    ("handed_on", "given", "says"),
    [
        ("", {}, "version is missing"),
        ("", {"step": "demote"}, "copy, approve, promote, rollback"),
        ("6", {"reason": "why not"}, "say step rollback"),
        ("", {"step": "rollback"}, "reason is missing"),
        ("6", {"step": "copy", "version": "3"}, "source_model is missing"),
        ("6", {"step": "approve", "version": "3", "by": "ada"}, "reason is missing"),
    ],
)
def test_a_step_of_the_registry_that_is_not_said_clearly_is_refused(
    promoted: list, handed_on: str, given: dict[str, str], says: str
) -> None:
    with pytest.raises(ConfigError, match=says):
        notebook.registry_step(page_in_a_job("registry", {("training", "version"): handed_on}, as_of=AS_OF, **given))

    assert not promoted


def test_there_is_a_notebook_for_each_name_and_no_other() -> None:
    assert {path.stem for path in NOTEBOOKS} == set(PARAMETERS)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_thin_and_starts_as_all_do(path: Path) -> None:
    parts, text = cells(path), path.read_text()

    assert text.startswith("# Databricks notebook source\n# MAGIC %md\n# MAGIC # ")
    assert parts[1] == cells(NOTEBOOKS[0])[1]
    assert f'notebook.parameters(globals(), "{path.stem}")' in parts[2]
    assert not {"def ", "class ", "lambda "} & {word for word in ("def ", "class ", "lambda ") if word in text}
    code = [line for part in parts[2:] for line in part.splitlines() if line.strip() and not line.startswith("#")]
    assert path.stem == "explore" or len(code) <= 30


@pytest.mark.parametrize("in_a_workspace", [True, False])
def test_events_are_seen_in_a_notebook_once_however_often_its_cells_run(
    in_a_workspace: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    logger = logging.getLogger("levelfive")
    monkeypatch.setattr(logger, "handlers", [])
    monkeypatch.setattr(logger, "propagate", True)
    monkeypatch.setattr(logger, "level", logging.WARNING)

    for _ in range(3):
        if in_a_workspace:
            parameters({"dbutils": FakeDbutils({})}, "data")
        else:
            page_from(monkeypatch, "data")
    event("run started", source="flights")

    (line,) = capsys.readouterr().err.splitlines()
    assert (json.loads(line)["message"], json.loads(line)["levelfive.source"]) == ("run started", "flights")
