"""The monitoring report: one page of HTML that stands by itself, from what was measured and decided."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from importlib import resources

from levelfive.core.windows import iso
from levelfive.monitoring.drift_statistics import DRIFT_STATISTICS, PSI
from levelfive.reporting.charts import metric_chart, rate_chart
from levelfive.reporting.data import (
    ColumnWeek,
    Point,
    ReportData,
    WindowJudgement,
)
from levelfive.reporting.heatmap import SHOWN_COLUMNS, greatest_psi, psi_chart
from levelfive.reporting.html import Html, bullets, element, joined, section, table
from levelfive.reporting.timeline import history
from levelfive.reporting.words import (
    Health,
    counted,
    day_name,
    estimate,
    headline,
    listed,
    metric_name,
    metric_unit,
    missing_days,
    number,
    share,
    window_name,
)

_CLASSES = {Health.FINE: "fine", Health.NEEDS_A_PERSON: "needs"}
_SIGNS = {Health.FINE: "✓", Health.NEEDS_A_PERSON: "!"}
# The browser itself then keeps the page from loading or running anything.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def render(data: ReportData) -> str:
    """Write the report as one HTML page that needs no network and no script.

    Args:
        data: What was measured and decided. The same data give the same page.

    Returns:
        The page, with everything that came from the data escaped.
    """
    title = f"{data.use_case}: monitoring report of {day_name(data.as_of)}"
    style = resources.files(__package__).joinpath("report.css").read_text(encoding="utf-8")
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("title", title),
        element("style", Html(style)),
    )
    sections = (_summary, _performance, _rates, _columns, history, _rows)
    body = element("main", element("h1", title), _champion(data), *(build(data) for build in sections))
    return f"<!DOCTYPE html>\n{element('html', head, element('body', body), lang='en')}\n"


def _champion(data: ReportData) -> Html:
    since = f", champion since {day_name(data.champion_since)}" if data.champion_since else ""
    champion = f"Model version {data.champion}{since}" if data.champion else "No model is deployed"
    return element("p", f"{champion}. As of {iso(data.as_of)}; all times in UTC.", class_="quiet")


def _summary(data: ReportData) -> Html:
    top = headline(data)
    word = f"{_SIGNS.get(top.health, '…')} {top.health}"
    verdict = element(
        "div",
        element("span", word, class_="word"),
        element("p", top.sentence),
        class_=f"verdict {_CLASSES.get(top.health, 'unmeasured')}",
    )
    return element("section", verdict, _missing(data), _statements(data.latest_judgement), id="summary")


def _missing(data: ReportData) -> Html:
    if not data.missing:
        return joined(())
    said = (
        f"Rows are missing: {missing_days(data.missing, shown=len(data.missing))}. What was computed and predicted "
        "over these days rests on less than usual. Deliver the files, or acknowledge the days (levelfive data "
        "acknowledge)."
    )
    return element("p", said, id="missing")


def _statements(judgement: WindowJudgement | None) -> Html:
    if judgement is None:
        return element("p", "No window has been judged yet.")
    return joined(
        (
            element("p", f"Four separate statements on {window_name(judgement.window)}:"),
            element(
                "dl",
                _statement(
                    "Outside the training's range", _names(judgement.outside), "New to the model, not yet a harm."
                ),
                _statement("Unusual", _names(judgement.unusual), "Unusual is not harmful: a season is unusual, too."),
                _statement("Harmful", _reasons(judgement.harmful), "Harm calls for a person."),
                _statement("Broken data", _reasons(judgement.broken), "Broken data call for a person."),
                *_acknowledgement(judgement),
                class_="statements",
            ),
        )
    )


def _acknowledgement(judgement: WindowJudgement) -> list[Html]:
    if not judgement.acknowledged:
        return []
    return [_statement("A person's word", judgement.acknowledged, "What is acknowledged calls nobody any more.")]


def _statement(what: str, said: str, note: str) -> Html:
    return element("div", element("dt", what), element("dd", said), element("dd", note, class_="quiet"))


def _names(columns: Sequence[str]) -> str:
    return f"{counted(len(columns), 'column')}: {listed(columns)}" if columns else "none"


def _reasons(reasons: Sequence[str]) -> str:
    return bullets(reasons) if reasons else "none"


def _performance(data: ReportData) -> Html:
    if not data.metric_names:
        return section("performance", "Performance", element("p", "Nothing measured yet: no label is known."))
    charts = element("div", *(_figure(metric_chart(data, name)) for name in data.chart_metrics), class_="charts")
    note = (
        "Bands and bars are intervals by days: rows of one day are not independent. Provisional points are hollow and "
        "labelled with the share of labels known. Marks below the chart are decisions; dotted lines are promotions."
    )
    heads = [f"{metric_name(name)}, {who}" for name in data.chart_metrics for who in ("live", "never retrained")]
    by_window = table(
        "Performance by window, with intervals by days",
        ("Window", "Model version", *heads, "Labels known"),
        (
            (window_name(p.window), p.model_version, *_estimates(p, data.chart_metrics), _known(p))
            for p in data.points_in_time
        ),
    )
    return section("performance", "Performance", charts, element("p", note, class_="quiet"), by_window, _latest(data))


def _estimates(point: Point, names: Iterable[str]) -> list[str]:
    return [estimate(side.get(name)) for name in names for side in (point.live, point.reference)]


def _known(point: Point) -> str:
    return f"{share(point.share_known)}{', provisional' if point.provisional else ''}"


def _latest(data: ReportData) -> Html:
    point = data.latest_mature
    if point is None:
        return element("p", "No window has enough known labels yet: all values are provisional.")
    return table(
        f"All metrics of {window_name(point.window)}, the latest window whose labels are known",
        ("Metric", "Live", "Never retrained", "Unit", "Days"),
        (
            (metric_name(name), *_estimates(point, [name]), metric_unit(name), f"{point.live[name].days:,}")
            for name in point.live
        ),
    )


def _rates(data: ReportData) -> Html:
    label = "label rate" if data.labels_are_shares else "mean label"
    title = f"Observed {label} and mean predicted score"
    points = [p for p in data.points_in_time if p.label_rate is not None or p.mean_score is not None]
    if not points:
        return section("rates", title, element("p", "Nothing measured yet."))
    write: Callable[[float | None], str] = share if data.labels_are_shares else number
    values = table(
        "By window" if data.labels_are_shares else "By window, in the label's unit",
        ("Window", f"Observed {label}", "Mean score", "Labels known"),
        ((window_name(p.window), write(p.label_rate), write(p.mean_score), _known(p)) for p in points),
    )
    return section("rates", title, element("div", _figure(rate_chart(data)), values, class_="charts"))


def _columns(data: ReportData) -> Html:
    greatest = greatest_psi(data)
    if not greatest:
        return section("columns", "Columns by week", element("p", "Nothing measured yet."), _verdicts(data))
    shown = list(greatest)[:SHOWN_COLUMNS]
    rest = len(greatest) - len(shown)
    note = (
        "PSI compares a week with the training's data and has no unit. A season moves columns as well: "
        "a dark cell is a reason to look at the performance, not an alarm. "
        + (f"{counted(rest, 'column')} with smaller values not drawn." if rest else "All columns are drawn.")
    )
    chart = element(
        "div", psi_chart(data, shown), class_="scroll wide", tabindex="0", role="region", aria_label="PSI by week"
    )
    latest: dict[str, ColumnWeek] = {cell.column: cell for cell in sorted(data.columns, key=lambda cell: cell.week)}
    values = table(
        f"{counted(len(greatest), 'column')}, each in its latest week; means in the column's own unit",
        ("Column", "Week from", "PSI", "Greatest PSI", "Mean", "Nulls", "Outside the training's range"),
        (
            (
                name,
                day_name(cell.week),
                number(cell.psi),
                number(greatest[name]),
                number(cell.mean),
                share(cell.null_share),
                share(cell.outside_share),
            )
            for name in greatest
            for cell in (latest[name],)
        ),
    )
    return section(
        "columns",
        "Columns by week",
        element("p", note, class_="quiet"),
        element("figure", chart),
        values,
        _drift(data),
        _verdicts(data),
    )


def _drift(data: ReportData) -> Html:
    if not data.drift:
        return joined(())
    there = {name for line in data.drift for name in line.statistics}
    shown = [one for one in DRIFT_STATISTICS.values() if one.name in there]
    values = table(
        f"Drift statistics of {window_name(data.drift[0].window)}, against the training data",
        ("Column", "Model version", *(one.title for one in shown)),
        (
            (line.column, line.model_version, *(number(line.statistics.get(one.name)) for one in shown))
            for line in sorted(data.drift, key=lambda line: (-line.statistics.get(PSI, -math.inf), line.column))
        ),
    )
    meanings = element("ul", *(element("li", f"{one.title}: {one.meaning}.") for one in shown), class_="quiet")
    return joined((values, meanings))


def _verdicts(data: ReportData) -> Html:
    if not data.judgements:
        return element("p", "No window has been judged yet.")
    return table(
        "Judgements by window; only harm or broken data call for a person",
        ("Window", "Outside the range", "Unusual", "Harmful", "Broken data", "A person's word"),
        (
            (
                window_name(of.window),
                counted(len(of.outside), "column"),
                counted(len(of.unusual), "column"),
                _reasons(of.harmful),
                _reasons(of.broken),
                of.acknowledged or "none",
            )
            for of in sorted(data.judgements, key=lambda judgement: judgement.window)
        ),
    )


def _rows(data: ReportData) -> Html:
    points = data.points_in_time
    if not points:
        return section("rows", "Rows by window", element("p", "No rows yet."))
    counts = [(p.landed, p.accepted, p.quarantined, p.duplicates, p.scored, p.mature) for p in points]
    rows = table(
        "Numbers of rows; quarantined also as a share of those that landed",
        ("Window", "Landed", "Accepted", "Quarantined", "Duplicates", "Scored", "Labels known"),
        ((window_name(point.window), *_counts(of)) for point, of in zip(points, counts, strict=True)),
        total=("All windows", *_counts([sum(of) for of in zip(*counts, strict=True)])),
    )
    return section("rows", "Rows by window", rows)


def _counts(counts: Sequence[int]) -> list[str]:
    landed, accepted, quarantined, *others = counts
    of_landed = f" ({share(quarantined / landed)})" if landed else ""
    return [f"{landed:,}", f"{accepted:,}", f"{quarantined:,}{of_landed}", *(f"{count:,}" for count in others)]


def _figure(chart: Html) -> Html:
    return element("figure", chart)
