"""Builders of reports, as the stages' tables would fill them, and a reader of pages."""

from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser

from levelfive import BINARY
from levelfive.core.windows import Window, utc
from levelfive.monitoring.verdict import KnownVerdict
from levelfive.reporting.data import (
    ColumnWindow,
    DecisionLine,
    GateLine,
    Point,
    PromotionLine,
    ReportData,
)
from levelfive.statistics.metrics import Estimate

VOID = {"meta", "br"}


class Page(HTMLParser):
    """Collect a page's texts, elements and attributes, and fail where elements are not nested."""

    def __init__(self, html):
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(html)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.texts.append(data)

    @property
    def text(self):
        return " ".join(self.texts)

    def attributes(self, name):
        return [value for _, attributes in self.elements for key, value in attributes.items() if key == name]


def a_window(month=7):
    return Window(utc(2024, month, 1), utc(2024, month + 1, 1))


def an_estimate(value=0.712, reach=0.011):
    return Estimate(value, value - reach, value + reach, days=31, rows=480_000)


def a_point(month=7, **changes):
    return replace(
        Point(
            window=a_window(month),
            live={"auc": an_estimate(0.712), "log_loss": an_estimate(0.461), "brier": an_estimate(0.148)},
            reference={"auc": an_estimate(0.694), "log_loss": an_estimate(0.478), "brier": an_estimate(0.153)},
            label_rate=0.213,
            mean_score=0.207,
            scored=498_321,
            mature=497_654,
            share_known=0.998,
            provisional=False,
            landed=501_234,
            accepted=500_123,
            quarantined=1_111,
            duplicates=42,
            model_version="3",
        ),
        **changes,
    )


def a_verdict(month=7, **changes):
    window = a_window(month)
    calm = KnownVerdict(
        model_name="m", model_version="4", window=window, as_of=window.end,
        days=31, rows=480_000, drifted_share=0.0, calibration=None, skill=None,
        outside=(), unusual=(), harmful=(), broken=(),
    )  # fmt: skip
    return replace(calm, **changes)


def a_column_window(column="dep_delay", week=0, psi: float | None = 0.18, **changes):
    start = utc(2024, 7, 1) + timedelta(weeks=week)
    window = Window(start, start + timedelta(weeks=1))
    told = {"mean": 12.75, "null_share": 0.031, "outside_share": 0.004, "deviations": psi and 10 * psi}
    one = ColumnWindow(column, window, psi, **told)
    return replace(one, **changes)


def a_decision(**changes):
    line = DecisionLine(utc(2024, 7, 20), "retrain", ("loss grew by 0.02 nats",), ("fewer than 14 days of labels",))
    return replace(line, **changes)


def a_report(**changes):
    data = ReportData(
        use_case="flight_delay",
        task=BINARY,
        as_of=utc(2024, 9, 1),
        champion="4",
        champion_since=utc(2024, 7, 22),
        points=(a_point(6), a_point(7)),
        verdicts=(a_verdict(),),
        columns=tuple(a_column_window(week=week) for week in range(3)),
        decisions=(a_decision(),),
        promotions=(PromotionLine(utc(2024, 7, 22), "4", "3", "retraining", "gate", "better by 0.01 nats"),),
        gates=(GateLine(utc(2024, 7, 21), "promote", True, ("the interval lies below 0",)),),
    )
    return replace(data, **changes)
