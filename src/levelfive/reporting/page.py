"""The monitoring report: one page of HTML that stands by itself, from what was measured and decided."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from levelfive.core.texts import counted
from levelfive.core.windows import iso
from levelfive.monitoring.alert_words import false_alarms
from levelfive.monitoring.evidence import HARMFUL, STATEMENTS, Statement
from levelfive.monitoring.verdict import KnownVerdict
from levelfive.reporting import column_tables, performance_tables, quality_tables, real_time_tables, segment_tables
from levelfive.reporting.charts import Section, figures, most_important
from levelfive.reporting.data import ReportData
from levelfive.reporting.table import Cell, Table
from levelfive.reporting.timeline import history
from levelfive.reporting.words import (
    Health,
    day_name,
    headline,
    listed,
    missing_days,
    rates_title,
    share,
    window_name,
)

_CLASSES = {Health.FINE: "fine", Health.NEEDS_A_PERSON: "needs"}
_SIGNS = {Health.FINE: "✓", Health.NEEDS_A_PERSON: "!"}


@dataclass(frozen=True)
class StatementText:
    """What is said of a window for one of its statements, and what that means to a reader."""

    title: str
    text: Cell
    note: str


def render(data: ReportData) -> str:
    """Write the report as one HTML page that needs no network and no script.

    Args:
        data: What was measured and decided. The same data give the same page.

    Returns:
        The page, with everything that came from the data escaped.
    """
    top, verdict = headline(data), data.latest_verdict
    return (
        templates()
        .get_template("report.html")
        .render(
            title=f"{data.use_case}: monitoring report of {day_name(data.as_of)}",
            champion=_champion(data),
            top=top,
            word=f"{_SIGNS.get(top.health, '…')} {top.health}",
            mood=_CLASSES.get(top.health, "unmeasured"),
            missing=_missing(data),
            alerts=data.alerts,
            statements=_statements(data),
            statements_on="" if verdict is None else window_name(verdict.window),
            charts={str(section): figures(data, section) for section in Section},
            estimates_note=performance_tables.estimates_note(data),
            by_window=performance_tables.by_window(data),
            latest=performance_tables.latest(data),
            rates_title=rates_title(data),
            rates=performance_tables.rates(data),
            segments=segment_tables.segments(data),
            segments_note=segment_tables.segments_note(data),
            slices=segment_tables.slices(data),
            moved_note=column_tables.moved_note(data),
            moved_slices=column_tables.moved_slices(data),
            columns=column_tables.columns(data),
            columns_note=column_tables.columns_note(data),
            drift=column_tables.drift(data.drift),
            served=real_time_tables.served(data),
            served_drift=column_tables.drift(data.served_drift),
            consistency=real_time_tables.consistency(data),
            consistency_note=real_time_tables.consistency_note(data),
            drift_statistics=column_tables.drift_statistics(data.drift),
            verdicts=_verdicts(data),
            importances=_importances(data),
            lineage=_lineage(data),
            purpose=data.live_model.purpose if data.live_model else "",
            limits=data.live_model.limits if data.live_model else (),
            holdout=data.live_model.holdout if data.live_model else None,
            history=history(data),
            notes=data.notes,
            freshness_note=quality_tables.freshness_note(data),
            late=quality_tables.late(data),
            skew_note=quality_tables.skew_note(data),
            skew=quality_tables.skew(data),
            rows=quality_tables.rows(data),
        )
    )


@cache
def templates() -> Environment:
    """Make what loads the pages' templates, once."""
    loader = PackageLoader("levelfive.reporting")
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["iso"] = iso
    return environment


def _champion(data: ReportData) -> str:
    since = f", champion since {day_name(data.champion_since)}" if data.champion_since else ""
    champion = f"Model version {data.champion}{since}" if data.champion else "No model is deployed"
    return f"{champion}. As of {iso(data.as_of)}; all times in UTC."


def _missing(data: ReportData) -> str:
    if not data.missing:
        return ""
    return (
        f"Rows are missing: {missing_days(data.missing, limit=len(data.missing))}. What was computed and predicted "
        "over these days rests on less than usual. Deliver the files, or acknowledge the days by `levelfive data "
        "acknowledge --source SOURCE --from DAY --to DAY --reason WHY`."
    )


def _statements(data: ReportData) -> list[StatementText]:
    verdict = data.latest_verdict
    if verdict is None:
        return []
    statements = [
        StatementText(of.title, _names(texts) if of.of_columns else texts or _nothing_of(of, verdict), of.note)
        for of in STATEMENTS
        for texts in (of.said_in(verdict),)
    ]
    is_above = any(verdict.drift == one.message for one in data.alerts)
    drift = "the alert above is open" if is_above else verdict.drift
    statements.append(StatementText("Drift", drift or "no alarm is open", false_alarms(verdict.window)))
    if verdict.acknowledgement:
        note = "What is acknowledged calls nobody any more."
        statements.append(StatementText("A person's word", verdict.acknowledgement, note))
    return statements


def _nothing_of(statement: Statement, verdict: KnownVerdict) -> str:
    """Say that nothing was found, and where it could not be, that."""
    return "none found yet: few labels of the window are known" if _is_too_early(statement, verdict) else "none"


def _is_too_early(statement: Statement, verdict: KnownVerdict) -> bool:
    return statement == HARMFUL and verdict.skill is None


def _names(columns: Sequence[str]) -> str:
    return f"{counted(len(columns), 'column')}: {listed(columns)}" if columns else "none"


def _verdicts(data: ReportData) -> Table | None:
    if not data.verdicts:
        return None
    return Table(
        "Verdicts by window; harm, broken data and what requests get call for a person",
        ("Window", *(of.title for of in STATEMENTS), "A person's word"),
        [
            (
                window_name(verdict.window),
                *(_in_short(of, of.said_in(verdict)) for of in STATEMENTS),
                verdict.acknowledgement or "none",
            )
            for verdict in sorted(data.verdicts, key=lambda verdict: verdict.window)
        ],
    )


def _in_short(statement: Statement, texts: Sequence[str]) -> Cell:
    return counted(len(texts), "column") if statement.of_columns else texts or "none"


def _importances(data: ReportData) -> Table | None:
    if not data.champions or not data.champions[-1].importances:
        return None
    return Table(
        "Features by their share of what the scores rest on, by champion, the last one on the right",
        ("Feature", *(f"Version {one.version}, since {day_name(one.since)}" for one in data.champions)),
        [
            (name, *(share(one.importances.get(name)) for one in data.champions))
            for name in most_important(data.champions[-1])
        ],
    )


def _lineage(data: ReportData) -> Table | None:
    if data.live_model is None:
        return None
    rows = [(what, [text]) for what, text in data.live_model.lineage]
    return Table(f"Where version {data.live_model.version} comes from", ("Fact", "Value"), rows)
