"""The report's answers to single requests, and the features that they saw, beside those of batches."""

from __future__ import annotations

from levelfive.monitoring.consistency import worst_first
from levelfive.reporting.data import ReportData
from levelfive.reporting.table import Table
from levelfive.reporting.words import estimate, metric_name, number, window_name

SHOWN_DIFFERENCES = 30


def served(data: ReportData) -> Table | None:
    """List how answers did beside the batch, by window; None where none is known."""
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


def consistency(data: ReportData) -> Table | None:
    """List the features and days that differ, the worst first; None where none does."""
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


def consistency_note(data: ReportData) -> str:
    """Say how many values differ; empty where none was compared."""
    value_count = sum(one.answers for one in data.consistency)
    if not value_count:
        return ""
    different = sum(one.different for one in data.consistency)
    wrong = sum(one.unexplained for one in data.consistency)
    return (
        f"Of {value_count:,} values that answers rest on, {different:,} are not what the batch join gives as of the "
        f"prediction time; of {wrong:,}, the age of the online store is not why."
    )
