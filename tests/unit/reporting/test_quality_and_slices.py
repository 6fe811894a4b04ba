"""What a report says of slices and of the data that came: what is wrong in a small table, else one sentence."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from in_memory.release import Environment
from markupsafe import Markup
from reports import Page, a_point, a_report, a_window, an_estimate

from levelfive.core.windows import utc
from levelfive.monitoring.consistency import FeatureDay
from levelfive.monitoring.drift_statistics import PSI
from levelfive.monitoring.evidence import Newest
from levelfive.monitoring.feature_skew import write_skew
from levelfive.monitoring.freshness import write_freshness
from levelfive.monitoring.performance import Performance
from levelfive.monitoring.slice_performance import SliceOutcome
from levelfive.monitoring.slice_records import write_slice_performance
from levelfive.monitoring.verdict import Subject
from levelfive.reporting import charts
from levelfive.reporting.charts import Section
from levelfive.reporting.collect import collect
from levelfive.reporting.page import render
from levelfive.reporting.quality_lines import Freshness
from levelfive.reporting.segment_lines import SliceLine, SlicesMeasured
from levelfive.statistics.metrics import Evaluation
from levelfive.statistics.sliced_counts import Slice
from levelfive.storage.runs import Run

HOUR = timedelta(hours=1)
JULY = a_window(7)


@pytest.fixture(autouse=True)
def no_charts(monkeypatch):
    monkeypatch.setattr(charts, "_DRAWINGS", {section: [] for section in Section})


def section(data, name):
    """Read one section of a report, as a page by itself."""
    html = render(data)
    begin = html.index(f'<section id="{name}">')
    return Page(Markup(html[begin : html.index("</section>", begin) + len("</section>")]))


def newest(source, behind, limit):
    return Newest(source, JULY.end - behind * HOUR, behind * HOUR, None if limit is None else limit * HOUR)


def quality(**changes):
    return section(a_report(**changes), "quality")


def captions(page):
    return [text for text in page.texts if text.startswith(("Sources whose", "Features that are not", "Slices of"))]


def a_day(feature="mean_delay", day=3, **changes):
    one = FeatureDay(date(2024, 7, day), feature, 240, 0, 0, 0, 0, 0.5, 0.1, utc(2024, 7, day))
    return replace(one, **changes)


def a_slice(name="origin = JFK", skill=0.2, **changes):
    metrics = {"auc": an_estimate(0.65), "log_loss": an_estimate(0.52), "skill": an_estimate(skill)}
    return replace(SliceLine(name, 9_120, 9_001, metrics, 0.31, 0.28, 0.123, 0.045), **changes)


def test_sources_that_are_in_time_are_told_in_one_sentence():
    page = quality(freshness=Freshness(JULY, (newest("weather", 5, 24), newest("flights", 1, None))))

    assert "No source is late. Age of the newest row at the end of Jul 2024: flights 1.0 h, weather 5.0 h." in page.text
    assert captions(page) == []


def test_sources_that_are_late_are_listed_the_one_that_is_most_overdue_first():
    sources = (newest("flights", 30, 24), newest("<b>", 90, 12), newest("airports", 1, 24))

    page = quality(freshness=Freshness(JULY, sources))

    assert captions(page) == ["Sources whose newest row is older than it may be"]
    late = page.texts[page.texts.index(captions(page)[0]) :]
    assert late.index("<b>") < late.index("flights")
    assert "airports" not in late
    assert {"2024-07-28 06:00", "90.0 h", "12.0 h"} <= {*late}
    assert "Late: <b>, flights. Age of the newest row at the end of Jul 2024: <b> 90.0 h" in page.text


def test_what_was_not_measured_is_said_in_a_sentence_each():
    page = quality()

    assert "How old the newest rows of sources are was not measured yet." in page.text
    assert "No value was looked up again, to compare it with what rows were scored with." in page.text


@pytest.mark.parametrize(
    ("days", "sentence"),
    [
        ((a_day(), a_day(day=4)), "of 480 values looked up again, none differs."),
        (
            (a_day(mismatches=9, computed_anew=True),),
            "Of 240 values looked up again, 9 are not what rows were scored with, as rows were corrected since.",
        ),
    ],
    ids=["equal", "corrected"],
)
def test_features_that_are_as_scored_or_honestly_corrected_are_told_in_one_sentence(days, sentence):
    page = quality(skew=days)

    assert sentence in page.text
    assert captions(page) == []


def test_features_that_were_rewritten_are_listed_with_their_days_the_worst_first():
    days = (
        a_day(mismatches=3),
        a_day(day=5, missing=4, max_difference=2.5),
        a_day("temp", mismatches=200),
        a_day("wind", extra=2, computed_anew=True),
    )

    page = quality(skew=days)

    assert (
        "Of 960 values looked up again, 209 are not what rows were scored with; no correction is why of 207,"
        in page.text
    )
    (caption,) = captions(page)
    rows = page.texts[page.texts.index(caption) :]
    assert rows.index("temp") < rows.index("mean_delay")
    assert "wind" not in rows
    row = [text for text in rows[rows.index("mean_delay") :] if text.strip()][:9]
    assert row == ["mean_delay", "3 Jul 2024", "5 Jul 2024", "2", "480", "3", "4", "0", "2.500"]


def test_slices_are_told_by_name_the_least_skilled_first_and_all_rows_last():
    lines = (a_slice("origin = LGA", 0.3), a_slice("<b>", 0.1), a_slice("none", metrics={}, label_mean=None))

    page = section(a_report(points=(a_point(7),), slices=SlicesMeasured(JULY, False, lines)), "segments")

    (caption,) = captions(page)
    assert caption.startswith("Slices of Jul 2024, the least skilled first")
    rows = [page.texts.index(name) for name in ("<b>", "origin = LGA", "none", "all rows")]
    assert sorted(rows) == rows
    assert {"9,120", "9,001", "31.0%", "28.0%", "0.045", "0.123", "0.520 (0.509 to 0.531)"} <= set(page.texts)
    assert "498,321" in page.texts[rows[-1] :]


def test_slices_whose_labels_are_young_are_called_provisional():
    page = section(a_report(slices=SlicesMeasured(JULY, True, (a_slice(),))), "segments")

    assert captions(page)[0].startswith("Slices of Jul 2024, provisional, the least skilled first")


def test_without_slices_there_is_no_table_of_them():
    assert captions(section(a_report(), "segments")) == []


def collected(production: Environment):
    return collect(production.context, production.registry, as_of=JULY.end + timedelta(days=40))


def measured(window, *, provisional=False, mature=40, skill=0.2):
    metrics = {"skill": an_estimate(skill)}
    outcome = SliceOutcome(
        Slice("origin", "JFK"), 50, mature, 0.3, Evaluation(metrics, mature, 31, 0.31, 0.29), (), {PSI: 0.4}, {PSI: 0.1}
    )
    return Performance(window, ("4",), 90, 90, 80, provisional, {}, None, None, None, slices=(outcome,))


def test_slices_are_those_of_the_latest_window_whose_labels_are_known_as_it_was_measured_last(production):
    run, name, august = Run(production.tables, "monitoring"), production.registry.name, a_window(8)
    first, again = JULY.end, JULY.end + timedelta(days=30)
    for as_of, performances in (
        (first, [measured(JULY, provisional=True, mature=9)]),
        (again, [measured(JULY, skill=0.3), measured(august, provisional=True)]),
    ):
        write_slice_performance(run, name, performances, as_of=as_of)

    slices = collected(production).slices

    assert slices.window == JULY
    (line,) = slices.lines
    assert (line.slice, line.scored, line.mature) == ("origin = JFK", 50, 40)
    assert (line.score_psi, line.label_psi, line.label_mean, line.score_mean) == (0.4, 0.1, 0.31, 0.3)
    assert line.metrics["skill"] == replace(an_estimate(0.3), rows=40)


def test_freshness_is_that_of_the_latest_window_and_skew_of_the_one_with_most_rows(production):
    run, name = Run(production.tables, "monitoring"), production.registry.name
    june, july = (Subject(name, "4", window) for window in (a_window(6), JULY))
    late = newest("weather", 30, 24)
    write_freshness(run, june, [newest("weather", 9, 24)])
    write_freshness(run, july, [late, Newest("airports", None, None, None)])
    write_skew(run, june, [(june, a_day(mismatches=2))])
    write_skew(run, july, [(july, a_day(answers=30, mismatches=7)), (july, a_day(day=4))])

    data = collected(production)

    assert data.freshness == Freshness(JULY, (late, Newest("airports", None, None, None)))
    assert set(data.skew) == {a_day(mismatches=2), a_day(day=4)}


def test_before_anything_is_measured_nothing_is_collected(production):
    data = collected(production)

    assert (data.slices, data.freshness, data.skew) == (None, None, ())
