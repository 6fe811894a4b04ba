"""The monitoring report: one page of HTML that stands by itself, from what was measured and decided."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

from jinja2 import Environment, PackageLoader, StrictUndefined

from levelfive.core.texts import counted
from levelfive.core.windows import iso
from levelfive.monitoring.alert_words import false_alarms
from levelfive.monitoring.consistency import worst_first
from levelfive.monitoring.drift_statistics import DRIFT_STATISTICS, PSI, DriftStatistic
from levelfive.monitoring.estimated import CONFIDENCE
from levelfive.monitoring.evidence import HARMFUL, STATEMENTS, Statement
from levelfive.monitoring.verdict import KnownVerdict
from levelfive.reporting.alarmed import SHOWN_ALARMS
from levelfive.reporting.charts import Section, figures, most_important
from levelfive.reporting.data import ColumnWindow, DriftLine, Point, ReportData, SegmentLine
from levelfive.reporting.heatmap import SHOWN_COLUMNS, furthest, greatest_psi
from levelfive.reporting.table import Cell, Table
from levelfive.reporting.timeline import history
from levelfive.reporting.words import (
    Health,
    day_name,
    estimate,
    headline,
    listed,
    metric_name,
    metric_unit,
    missing_days,
    number,
    rates_title,
    share,
    window_name,
)
from levelfive.statistics.metrics import Estimate
from levelfive.statistics.worst_segments import FALSE_FINDINGS

_CLASSES = {Health.FINE: "fine", Health.NEEDS_A_PERSON: "needs"}
_SIGNS = {Health.FINE: "✓", Health.NEEDS_A_PERSON: "!"}
SHOWN_DIFFERENCES = 30


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
            estimates_note=_estimates_note(data),
            by_window=_by_window(data),
            latest=_latest(data),
            rates_title=rates_title(data),
            rates=_rates(data),
            segments=_segments(data),
            segments_note=_segments_note(data),
            moved_note=_moved_note(data),
            moved_slices=_moved_slices(data),
            columns=_columns(data),
            columns_note=_columns_note(data),
            drift=_drift(data.drift),
            served=_served(data),
            served_drift=_drift(data.served_drift),
            consistency=_consistency(data),
            consistency_note=_consistency_note(data),
            drift_statistics=_drift_statistics(data.drift),
            verdicts=_verdicts(data),
            importances=_importances(data),
            lineage=_lineage(data),
            purpose=data.live_model.purpose if data.live_model else "",
            limits=data.live_model.limits if data.live_model else (),
            holdout=data.live_model.holdout if data.live_model else None,
            history=history(data),
            notes=data.notes,
            rows=_rows(data),
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


def _estimates_note(data: ReportData) -> str:
    if not data.has_estimates:
        return ""
    return (
        "What is estimated from the scores alone assumes that scores come true as often as they did in training: it "
        "sees features that move, and not what they mean. Its band is no interval by days: "
        f"{CONFIDENCE:.0%} of such estimates' errors in earlier windows lay within."
    )


def _by_window(data: ReportData) -> Table:
    titles = [metric_name(data.task, name) for name in data.chart_metrics]
    heads = [f"{title}, {who}" for title in titles for who in ("live", "never retrained")]
    return Table(
        "Performance by window, with intervals by days",
        ("Window", "Model version", *heads, "Labels known"),
        [
            (window_name(p.window), p.model_version, *_estimates(p, data.chart_metrics), _known(p))
            for p in data.points_in_time
        ],
    )


def _estimates(point: Point, names: Iterable[str]) -> list[str]:
    return [estimate(side.get(name)) for name in names for side in (point.live, point.reference)]


def _known(point: Point) -> str:
    return f"{share(point.share_known)}{', provisional' if point.provisional else ''}"


def _latest(data: ReportData) -> Table | None:
    point = data.latest_mature
    if point is None:
        return None
    return Table(
        f"All metrics of {window_name(point.window)}, the latest window whose labels are known",
        ("Metric", "Live", "Never retrained", "Unit", "Days"),
        [
            (metric_name(data.task, name), *_estimates(point, [name]), metric_unit(data.task, name), f"{value.days:,}")
            for name, value in point.live.items()
        ],
    )


def _rates(data: ReportData) -> Table | None:
    points, is_share = data.points_with_rates, data.task.labels_are_shares
    if not points:
        return None
    write: Callable[[float | None], str] = share if is_share else number
    return Table(
        "By window" if is_share else "By window, in the label's unit",
        ("Window", f"Observed {data.task.label_mean}", "Mean score", "At training", "Labels' PSI", "Labels known"),
        [
            (
                window_name(p.window),
                write(p.label_rate),
                write(p.mean_score),
                _with_ends(p.usual_label_mean, write),
                number(p.label_drift.get(PSI)),
                _known(p),
            )
            for p in points
        ],
    )


def _with_ends(value: Estimate | None, write: Callable[[float | None], str]) -> str:
    if value is None or not math.isfinite(value.low):
        return write(None if value is None else value.value)
    return f"{write(value.value)} ({write(value.low)} to {write(value.high)})"


def _segments(data: ReportData) -> Table | None:
    if data.segments is None or data.segments.whole is None or not data.segments.worse:
        return None
    return Table(
        f"Segments of version {data.segments.version} whose loss rose against their own at training, the worst first",
        ("Segment", "Rows", "Loss at training", "Loss now", "Difference"),
        [_segment(line) for line in data.segments.worse],
        total=_segment(data.segments.whole),
    )


def _segment(line: SegmentLine) -> tuple[str, ...]:
    losses = (number(line.loss_at_training), number(line.loss))
    return (line.segment or "all rows", f"{line.rows:,}", *losses, estimate(line.difference))


def _segments_note(data: ReportData) -> str:
    segments = data.segments
    if segments is None:
        return "Nothing measured yet."
    if segments.note or segments.weeks is None:
        return f"Nothing is compared yet: {segments.note}."
    weeks, compared = window_name(segments.weeks), counted(segments.segments_compared, "segment")
    if not segments.segments_compared:
        return f"Nothing is compared yet: no segment has rows enough in the weeks of {weeks}."
    if segments.worse:
        return (
            f"Of {compared}, these rose in the even weeks of {weeks}, and in the odd ones too, of which the numbers "
            f"are. Their intervals, of 90 %, hold together, and are by blocks of days. {FALSE_FINDINGS}"
        )
    return (
        f"No segment does worse than at training by more than by chance: of {compared}, {len(segments.risen)} rose in "
        f"the even weeks of {weeks}, and none of them in the odd ones."
    )


def _moved_note(data: ReportData) -> str:
    if not data.drifted_columns:
        return ""
    rest = len(data.drifted_columns) - SHOWN_ALARMS
    return "Shares of the values by bin: bars are the latest window, the dashed line is the training. " + (
        f"{counted(rest, 'column')} that the model rests on less not drawn: see the table below." if rest > 0 else ""
    )


def _moved_slices(data: ReportData) -> list[str]:
    return [f"{one.column} moved most at {listed(one.slices)}" for one in data.drifted_columns if one.slices]


def _columns(data: ReportData) -> Table | None:
    greatest, moves = greatest_psi(data), furthest(data)
    latest: dict[str, ColumnWindow] = {cell.column: cell for cell in sorted(data.columns, key=lambda cell: cell.window)}
    if not latest:
        return None
    return Table(
        f"{counted(len(greatest), 'column')}, each in its latest window; means in the column's own unit",
        (
            "Column",
            "Window",
            "PSI",
            "Own units",
            "Greatest PSI",
            "Mean",
            "Nulls",
            "Outside the training's range",
        ),
        [
            (
                name,
                window_name(cell.window),
                number(cell.psi),
                number(cell.deviations),
                number(greatest[name]),
                number(cell.mean),
                share(cell.null_share),
                share(cell.outside_share),
            )
            for name in moves
            for cell in (latest[name],)
        ],
    )


def _columns_note(data: ReportData) -> str:
    rest = len({cell.column for cell in data.columns}) - SHOWN_COLUMNS
    return (
        "How far a column's PSI against the training's data lies above that of as many days without a change: in "
        "standard deviations of its logarithm, by windows drawn from the training's days. The PSI is that of the table "
        "`drift`, and of the dashboard. Hatched is what is outside the training's range beyond what is usual. A "
        "season moves columns as well: a dark cell is a reason to look at the performance, not an alarm. "
        + (f"{counted(rest, 'column')} that moved less not drawn." if rest > 0 else "All columns are drawn.")
    )


def _drift_statistics(lines: Sequence[DriftLine]) -> list[DriftStatistic]:
    names = {name for line in lines for name in line.statistics}
    return [statistic for statistic in DRIFT_STATISTICS.values() if statistic.name in names]


def _drift(lines: Sequence[DriftLine]) -> Table | None:
    if not lines:
        return None
    statistics = _drift_statistics(lines)
    return Table(
        f"Drift statistics of {window_name(lines[0].window)}, against the training data",
        ("Column", "Model version", "Rests on it", "Alarm since", "Usual PSI", *(of.title for of in statistics)),
        [
            (
                line.column,
                line.model_version,
                share(line.importance),
                "none" if line.alarm_since is None else day_name(line.alarm_since),
                number(line.usual.get(PSI)),
                *(number(line.statistics.get(one.name)) for one in statistics),
            )
            for line in sorted(lines, key=_by_importance)
        ],
    )


def _by_importance(line: DriftLine) -> tuple[bool, float, float, str]:
    return (line.alarm_since is None, -(line.importance or 0.0), -line.statistics.get(PSI, -math.inf), line.column)


def _served(data: ReportData) -> Table | None:
    points = [point for point in data.points_in_time if point.answers is not None]
    if not points:
        return None
    titles = [metric_name(data.task, name) for name in data.chart_metrics]
    return Table(
        "Answers to single requests beside the batch, by window, with intervals by days",
        ("Window", "Answers", *(f"{title}, {who}" for title in titles for who in ("answers", "batch"))),
        [
            (
                window_name(p.window),
                f"{p.answers:,}",
                *(estimate(side.get(name)) for name in data.chart_metrics for side in (p.answer_metrics, p.live)),
            )
            for p in points
        ],
    )


def _consistency(data: ReportData) -> Table | None:
    different = [one for one in worst_first(data.consistency) if one.different]
    if not different:
        return None
    return Table(
        f"Features that answers saw otherwise than the batch, worst first ({len(different)} features and days)",
        (
            *("Day", "Feature", "Answers", "Other value", "Missing", "Extra", "By the age of the store"),
            *("Greatest difference", "Mean difference", "Computed anew since"),
        ),
        [
            (
                str(one.day),
                one.feature,
                *(f"{count:,}" for count in (one.answers, one.mismatches, one.missing, one.extra, one.behind)),
                number(one.max_difference),
                number(one.mean_difference),
                "yes" if one.computed_anew else "no",
            )
            for one in different[:SHOWN_DIFFERENCES]
        ],
    )


def _consistency_note(data: ReportData) -> str:
    value_count = sum(one.answers for one in data.consistency)
    if not value_count:
        return ""
    different = sum(one.different for one in data.consistency)
    wrong = sum(one.unexplained for one in data.consistency)
    return (
        f"Of {value_count:,} values that answers rest on, {different:,} are not what the batch join gives as of the "
        f"prediction time; of {wrong:,}, the age of the online store is not why."
    )


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


def _rows(data: ReportData) -> Table | None:
    points = data.points_in_time
    if not points:
        return None
    counts = [(p.landed, p.accepted, p.quarantined, p.duplicates, p.scored, p.mature) for p in points]
    overlap = any(one.window.end > after.window.start for one, after in pairwise(points))
    totals = () if overlap else ("All windows", *_counts([sum(of) for of in zip(*counts, strict=True)]))
    return Table(
        "Numbers of rows; quarantined also as a share of those that landed",
        ("Window", "Landed", "Accepted", "Quarantined", "Duplicates", "Scored", "Labels known"),
        [(window_name(point.window), *_counts(of)) for point, of in zip(points, counts, strict=True)],
        total=totals,
    )


def _counts(counts: Sequence[int]) -> list[str]:
    landed_rows, accepted_rows, quarantined_rows, *others = counts
    of_landed = f" ({share(quarantined_rows / landed_rows)})" if landed_rows else ""
    return [
        f"{landed_rows:,}",
        f"{accepted_rows:,}",
        f"{quarantined_rows:,}{of_landed}",
        *(f"{count:,}" for count in others),
    ]
