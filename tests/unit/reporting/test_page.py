"""The report: one page by itself, honest about what is not known, and harmless whatever the data are called."""

import math
import re
from dataclasses import replace
from datetime import date

import pytest
from in_memory.release import a_model
from markupsafe import Markup
from reports import Page, a_column_window, a_decision, a_point, a_report, a_verdict, an_estimate

from levelfive import BINARY, REGRESSION
from levelfive.core.windows import Window, utc
from levelfive.models.card import SliceMetrics
from levelfive.monitoring.consistency import FeatureDay
from levelfive.monitoring.drift_statistics import PSI
from levelfive.reporting.alarmed import moved_chart
from levelfive.reporting.charts import importance_chart, metric_chart, rate_chart, reliability_chart
from levelfive.reporting.data import (
    AlertLine,
    ChampionLine,
    DriftLine,
    GateLine,
    LiveModel,
    MissingLine,
    Moved,
    PromotionLine,
    Reliability,
    ReportData,
)
from levelfive.reporting.heatmap import furthest, moves_chart
from levelfive.reporting.models import holdout_table
from levelfive.reporting.page import render
from levelfive.reporting.segment_lines import SegmentLine, SegmentsFound
from levelfive.reporting.words import Health, estimate, headline
from levelfive.statistics.calibration import Calibration, ReliabilityGroup
from levelfive.statistics.metrics import Estimate


@pytest.fixture(scope="module")
def page():
    return Page(render(a_report()))


@pytest.fixture
def no_drawing(monkeypatch):
    """Leave the figures empty: drawing them takes nearly all of a page's time."""
    for module in ("charts", "heatmap", "alarmed"):
        monkeypatch.setattr(
            f"levelfive.reporting.{module}.svg", lambda figure, name, alternative: Markup("<svg></svg>")
        )


# About the words of a page alone.
undrawn = pytest.mark.usefixtures("no_drawing")


def test_a_page_needs_neither_network_nor_script():
    html = render(a_report())

    assert "http://" not in html
    assert "https://" not in html
    assert {"script", "link", "iframe", "img"}.isdisjoint(tag for tag, _ in Page(html).elements)
    assert "@import" not in html
    assert all(address.startswith("#") for address in re.findall(r"url\(([^)]*)\)", html))


def test_every_reference_inside_the_page_has_its_one_target(page):
    ids = page.attributes("id")
    references = [value.removeprefix("#") for value in page.attributes("xlink:href")]

    assert len(ids) == len(set(ids))
    assert references
    assert set(references) <= set(ids)


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", '"><b id="x">', "$\\frac{a}$", "a--><!-- url(#b)", "延误"]
)
def test_what_a_column_is_called_is_text_and_nothing_else(name):
    data = a_report(
        use_case=name,
        points=(a_point(7, model_version=name, live={name: an_estimate()}, reference={}),),
        verdicts=(a_verdict(outside=(name,), unusual=(name,), harmful=(name,), broken=(name,)),),
        columns=(a_column_window(name),),
        decisions=(a_decision(action=name, reasons=(name,), counterfactuals=(name,)),),
        promotions=(PromotionLine(utc(2024, 7, 22), name, name, name, name, name),),
        gates=(GateLine(utc(2024, 7, 21), name, True, (name,)),),
    )

    page = Page(render(data))

    assert {"script", "b"}.isdisjoint(tag for tag, _ in page.elements)
    assert page.texts.count(name) >= 6


def test_the_same_data_give_the_same_bytes_in_whatever_order_they_come():
    points = (a_point(5), a_point(6), a_point(7))

    first, second = render(a_report(points=points)), render(a_report(points=points[::-1]))

    assert first == second


def test_a_first_deploy_says_that_nothing_is_measured_yet():
    page = Page(
        render(ReportData("flight_delay", utc(2024, 7, 1), BINARY, champion="1", champion_since=utc(2024, 7, 1)))
    )

    assert "… nothing measured yet" in page.texts
    assert "Nothing is measured yet: a model is deployed, and its first labels are still to come." in page.texts
    assert "svg" not in [tag for tag, _ in page.elements]


def test_without_any_champion_the_page_says_so():
    page = Page(render(ReportData("flight_delay", utc(2024, 7, 1), BINARY, champion=None, champion_since=None)))

    assert "Nothing is measured yet: no model is deployed." in page.texts


@undrawn
def test_scored_rows_without_labels_are_shown_without_metrics():
    point = a_point(live={}, reference={}, label_rate=None, mature=0, share_known=0.0, provisional=True)

    page = Page(render(a_report(points=(point,))))

    assert "… not enough measured yet" in page.texts
    assert "Nothing measured yet: no label is known." in page.texts
    assert "20.7%" in page.texts


@undrawn
def test_metrics_without_a_verdict_are_no_reason_to_call_a_model_fine():
    page = Page(render(a_report(points=(a_point(provisional=True),), verdicts=(), columns=())))

    assert "… not enough measured yet" in page.texts
    assert (
        "No window has been judged yet. The performance is provisional: no window has enough known labels."
        in page.texts
    )


@undrawn
def test_a_fine_model_is_called_fine_with_its_latest_mature_performance():
    page = Page(render(a_report(points=(a_point(6), a_point(7, provisional=True)))))

    assert "✓ fine" in page.texts
    assert (
        "The model is fine: neither harm nor broken data in Jul 2024. In Jun 2024, the latest window whose labels are "
        "known, its AUC was 0.712 (0.701 to 0.723), against 0.694 never retrained." in page.texts
    )


@undrawn
def test_what_moved_is_said_in_one_line_with_how_often_that_is_so_without_a_change():
    page = Page(
        render(a_report(columns=(), verdicts=(a_verdict(drift="3 of the 20 columns moved, since 2024-07-01"),)))
    )

    assert "3 of the 20 columns moved, since 2024-07-01" in page.texts
    assert any("Without a change" in text for text in page.texts)


@undrawn
def test_columns_whose_alarm_is_open_come_first_then_those_that_the_model_rests_on():
    lines = [
        DriftLine(a_verdict().window, "4", name, {PSI: psi}, {PSI: 0.25}, importance, since)
        for name, psi, importance, since in (
            ("calm", 0.9, 0.1, None),
            ("unknown", 0.8, None, None),
            ("moved", 0.5, 0.05, utc(2024, 7, 8)),
        )
    ]

    text = Page(render(a_report(columns=(), drift=tuple(lines)))).text

    assert text.index("moved") < text.index("calm") < text.index("unknown")
    assert "8 Jul 2024" in text
    assert "5.0%" in text


@undrawn
def test_unusual_columns_alone_call_for_no_one():
    verdict = a_verdict(unusual=("dep_delay", "month"), outside=("temperature",))

    page = Page(render(a_report(columns=(), verdicts=(verdict,))))

    assert "✓ fine" in page.texts
    assert "2 columns: dep_delay, month" in page.texts
    assert "1 column: temperature" in page.texts
    assert "Unusual is not harmful: a season is unusual, too." in page.texts


@undrawn
def test_an_alert_is_told_with_what_to_do_about_it_and_drift_not_twice():
    moved = "3 of the 20 columns moved, since 2024-07-01"
    alert = an_alert(moved, what_to_do="Look at the performance.")

    page = Page(render(a_report(columns=(), alerts=(alert,), verdicts=(a_verdict(drift=moved),))))

    assert "What to do: Look at the performance." in page.texts
    assert "the alert above is open" in page.texts
    assert moved not in page.texts


@pytest.mark.parametrize(
    ("verdict", "alert", "said"),
    [
        (a_verdict(skill=(0.1, 0.2)), {}, "The labels known show no harm to the model."),
        (a_verdict(), {}, "Whether that harms the model is not known yet: few labels of the window are."),
        (a_verdict(skill=(0.0, 0.01), harmful=("no skill",)), {}, ""),
        (a_verdict(skill=(0.1, 0.2)), {"is_of_harm": True}, ""),
    ],
    ids=["no harm", "not known", "harm", "harm of an earlier window"],
)
def test_what_calls_for_a_person_is_told_with_whether_it_harms(verdict, alert, said):
    sentence = headline(a_report(verdicts=(verdict,), alerts=(an_alert("5 columns moved", **alert),))).sentence

    assert said in sentence
    assert ("no harm to" in sentence or "Whether that harms" in sentence) == bool(said)


def test_a_long_reason_is_cut_between_words_at_the_top():
    sentence = headline(a_report(alerts=(an_alert("column_one " * 40),))).sentence

    assert "column_one …" in sentence
    assert len(sentence) < 500


@undrawn
def test_harm_is_not_called_none_where_labels_are_too_few_to_tell():
    early, known = (Page(render(a_report(verdicts=(a_verdict(skill=of),)))).texts for of in (None, (0.1, 0.2)))

    assert "none found yet: few labels of the window are known" in early
    assert "none found yet: few labels of the window are known" not in known


@undrawn
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"harmful": ("log loss grew by 0.03",)}, "in Jul 2024, harm: log loss grew by 0.03."),
        ({"broken": ("origin is null in 40%",)}, "in Jul 2024, broken data: origin is null in 40%."),
    ],
)
def test_harm_and_broken_data_call_for_a_person(change, said):
    page = Page(render(a_report(columns=(), verdicts=(a_verdict(**change),))))

    assert "! needs a person" in page.texts
    assert any(text.startswith(f"The model needs a person: {said}") for text in page.texts)


@undrawn
def test_harm_that_a_person_acknowledged_calls_nobody_and_is_not_called_fine():
    word = "acknowledged by ada as of 2024-08-02T00:00:00Z: the strike"

    shown = Page(render(a_report(verdicts=(a_verdict(harmful=("no skill",), acknowledgement=word),))))

    assert f"A person knows: in Jul 2024, harm: no skill; {word}." in shown.text
    assert shown.texts.count(word) == 2  # beside the verdict, and in the table
    assert "… acknowledged" in shown.text
    assert "needs a person" not in shown.text
    assert "is fine" not in shown.text


def an_alert(message="skill 1.0%, wholly below 9.6%", **changes):
    text = f"critical: skill_is_lost since 2024-07-01T00:00:00Z: {message}"
    return replace(AlertLine(text, "Skill is lost", utc(2024, 7, 1), message, is_urgent=True), **changes)


@undrawn
def test_an_open_alert_of_an_earlier_window_calls_for_a_person():
    page = Page(render(a_report(columns=(), alerts=(an_alert(),))))

    assert "! needs a person" in page.texts
    assert an_alert().text in page.texts
    called = (
        'The model needs a person: the alert "skill is lost" is open since 1 Jul 2024: skill 1.0%, wholly below 9.6%'
    )
    assert called in page.text


@pytest.mark.parametrize(
    ("changes", "health"),
    [({"is_urgent": False}, Health.FINE), ({"word": "muted by ada: known"}, Health.ACKNOWLEDGED)],
    ids=["information", "muted"],
)
def test_an_open_alert_that_informs_or_that_a_person_knows_calls_nobody(changes, health):
    top = headline(a_report(alerts=(an_alert(**changes),)))

    assert top.health == health
    assert changes.get("word", "") in top.sentence


def test_what_the_verdict_says_is_not_said_again_as_an_alert():
    top = headline(a_report(verdicts=(a_verdict(harmful=("no skill",)),), alerts=(an_alert("no skill"),)))

    assert top.sentence.count("no skill") == 1


def test_of_many_open_alerts_three_are_said_at_the_top():
    top = headline(a_report(alerts=tuple(an_alert(f"fault {place}") for place in range(5))))

    assert [f"fault {place}" in top.sentence for place in range(5)] == [True, True, True, False, False]
    assert "; and 2 more, below." in top.sentence


def test_of_windows_that_end_together_the_one_that_calls_counts_and_then_the_one_that_did():
    week = a_verdict(window=Window(utc(2024, 7, 25), utc(2024, 8, 1)))
    harm, word = a_verdict(harmful=("no skill",)), "acknowledged by ada"

    called, known = (
        headline(a_report(verdicts=(month, week))) for month in (harm, replace(harm, acknowledgement=word))
    )

    assert (called.health, known.health) == (Health.NEEDS_A_PERSON, Health.ACKNOWLEDGED)


def test_after_the_end_of_a_season_the_model_is_not_called_fine():
    empty = a_point(8, scored=0, mature=0, live={}, reference={}, label_rate=None, mean_score=None, model_version="")

    top = headline(a_report(points=(a_point(7), empty)))

    assert top.health == Health.NOTHING
    assert top.sentence.startswith("There is nothing to monitor: nothing was scored in Aug 2024. In Jul 2024")


def test_a_model_whose_labels_do_not_come_any_more_is_not_called_fine():
    unlabelled = a_point(8, mature=0, live={}, reference={}, label_rate=None, share_known=0.0)
    judged = (a_verdict(7), a_verdict(8))

    old, young = (
        headline(a_report(points=(a_point(7), replace(unlabelled, provisional=young)), verdicts=judged))
        for young in (False, True)
    )

    assert (old.health, young.health) == (Health.INCOMPLETE, Health.FINE)
    assert "neither harm nor broken data in Aug 2024, but no label is known of Aug 2024. In Jul" in old.sentence


def test_a_model_that_nobody_monitors_any_more_is_not_called_fine():
    soon, late = (headline(a_report(as_of=utc(2024, 10, day))) for day in (1, 3))

    assert (soon.health, late.health) == (Health.FINE, Health.INCOMPLETE)
    assert "neither harm nor broken data in Jul 2024, but no window was judged since." in late.sentence


def test_a_call_is_not_over_because_nothing_was_scored_since():
    empty = a_point(8, scored=0, mature=0, live={}, reference={})

    top = headline(a_report(points=(a_point(7), empty), verdicts=(a_verdict(harmful=("no skill",)),)))

    assert top.health == Health.NEEDS_A_PERSON


@undrawn
def test_the_latest_verdict_is_the_one_that_counts():
    page = Page(render(a_report(verdicts=(a_verdict(7), a_verdict(6, harmful=("it was bad in June",))))))

    assert "✓ fine" in page.texts
    assert "it was bad in June" in page.texts


def test_a_provisional_point_is_marked_in_the_chart_and_in_the_table():
    page = Page(render(a_report(points=(a_point(6), a_point(7, provisional=True, share_known=0.63)))))

    assert page.texts.count("63%") == 3  # AUC, log loss and the label rate
    assert "63.0%, provisional" in page.texts


def test_charts_say_in_words_what_they_show(page):
    charts = [attributes for tag, attributes in page.elements if tag == "svg"]

    assert [chart["role"] for chart in charts] == ["img"] * 4
    assert charts[0]["aria-label"] == (
        "AUC by window. Jun 2024: 0.712 (0.701 to 0.723) live, 0.694 (0.683 to 0.705) never retrained; "
        "Jul 2024: 0.712 (0.701 to 0.723) live, 0.694 (0.683 to 0.705) never retrained."
    )
    assert "Jul 2024: 0.213 observed, 0.207 predicted" in charts[2]["aria-label"]
    assert "1 of 1 columns over 3 windows. Furthest: dep_delay 1.800" in charts[3]["aria-label"]


def test_labels_stand_beside_those_of_the_training_with_a_band():
    usual = Estimate(0.251, 0.19, 0.31, 90, 80_000)
    data = a_report(points=(a_point(7, usual_label_mean=usual, label_drift={PSI: 0.0349}),))

    page = Page(render(data))

    assert {"25.1% (19.0% to 31.0%)", "0.035"} <= set(page.texts)
    assert "0.213 observed, 0.207 predicted, 0.251 (0.190 to 0.310) at training" in rate_chart(data)
    assert "at training, band of such windows" in page.texts


def test_a_legend_names_what_is_drawn_alone():
    calm, young = (metric_chart(a_report(points=(a_point(7, provisional=is_young),)), "auc") for is_young in (0, 1))

    assert "promotion of a version" in calm
    assert "provisional, share" not in calm
    assert "provisional, share" in young


def test_every_section_is_there_with_its_numbers(page):
    sections = [attributes["id"] for tag, attributes in page.elements if tag == "section"]

    assert sections == ["summary", "performance", "rates", "segments", "columns", "verdicts", "history", "quality"]
    assert {"0.461 (0.450 to 0.472)", "21.3%", "20.7%"} <= set(page.texts)
    assert {"12.8", "3.1%", "0.4%", "0.180"} <= set(page.texts)
    assert {"501,234", "1,111 (0.2%)", "1,002,468", "84", "995,308"} <= set(page.texts)


@undrawn
def test_rows_of_windows_that_overlap_are_not_added_up():
    week = a_point(window=Window(utc(2024, 7, 8), utc(2024, 7, 15)))

    apart, overlapping = (Page(render(a_report(points=points))) for points in ((a_point(6), week), (a_point(7), week)))

    assert {"All windows", "1,002,468"} <= set(apart.texts)
    assert {"All windows", "1,002,468"}.isdisjoint(overlapping.texts)


def test_lines_and_bands_join_windows_of_one_length_alone():
    weeks = [a_point(window=Window(utc(2024, 6, day), utc(2024, 6, day + 7))) for day in (3, 10, 17)]
    data = a_report(points=(*map(a_point, range(4, 8)), *weeks))

    rates, metric = rate_chart(data), metric_chart(data, "auc")

    for drawn in (rates, metric):
        points_by_line = [path.count("L ") + 1 for path in re.findall(r'<path d="([^"]*)"[^>]*fill: none', drawn)]
        assert max(points_by_line) < len(data.points)
    assert metric.count("fill-opacity: 0.15") == 4  # two models, two lengths


def test_the_latest_window_is_the_one_that_ends_last():
    week = a_point(window=Window(utc(2024, 7, 8), utc(2024, 7, 15)), live={"auc": an_estimate(0.5)})

    assert a_report(points=(week, a_point(7))).latest_mature == a_point(7)


def test_what_happened_is_told_in_the_order_of_time_with_reasons_and_what_would_have_changed_it(page):
    told = [page.text.index(what) for what in (
        "Decision: retrain", "loss grew by 0.02 nats", "Would have changed it:", "fewer than 14 days of labels",
        "Gate passed: promote", "the interval lies below 0",
        "Promotion: version 4, after version 3 (retraining, by gate)", "better by 0.01 nats",
    )]  # fmt: skip

    assert sorted(told) == told


def test_the_heat_map_draws_thirty_columns_and_counts_the_others():
    columns = tuple(a_column_window(f"column_{i:02}", psi=i / 100) for i in range(45))

    page = Page(render(a_report(columns=columns)))

    assert any("15 columns that moved less not drawn." in text for text in page.texts)
    assert page.texts.count("column_44") == 2
    assert page.texts.count("column_14") == 1


@undrawn
def test_a_column_without_any_psi_comes_last_and_shows_no_number():
    page = Page(render(a_report(columns=(a_column_window("unknown", psi=None), a_column_window("known", psi=0.0)))))

    assert page.text.rindex("unknown") > page.text.rindex("known", 0, page.text.rindex("unknown"))
    assert "–" in page.texts  # noqa: RUF001 (the dash of the tables)


def test_a_regression_is_shown_with_its_own_metrics_and_no_per_cent():
    metrics = {"rmse": an_estimate(23.4, 1.2), "mae": an_estimate(14.1, 0.6)}

    point = a_point(7, live=metrics, reference={}, label_rate=9.8, mean_score=10.2)
    page = Page(render(a_report(task=REGRESSION, points=(point,))))

    assert "RMSE (in the label's unit, lower is better)" in page.texts
    assert "23.4 (22.2 to 24.6)" in page.texts
    assert "9.800" in page.texts


@undrawn
def test_estimates_that_the_data_cannot_tell_are_left_blank():
    one_day = Estimate(0.7, math.nan, math.nan, days=1, rows=900)
    none = Estimate(math.nan, math.nan, math.nan, days=1, rows=900)

    page = Page(render(a_report(points=(a_point(live={"auc": one_day, "log_loss": none}),))))

    assert "0.700" in page.texts
    assert "nan" not in page.text


@pytest.mark.parametrize(
    ("start", "end", "name"),
    [
        (utc(2024, 7, 1), utc(2024, 7, 8), "1 Jul to 7 Jul 2024"),
        (utc(2024, 12, 30), utc(2025, 1, 6), "30 Dec 2024 to 5 Jan 2025"),
        (utc(2024, 12, 1), utc(2025, 1, 1), "Dec 2024"),
        (utc(2024, 7, 1), utc(2024, 7, 2), "1 Jul 2024"),
        (utc(2024, 7, 1, 5), utc(2024, 8, 1, 5), "Jul 2024, from 05:00"),
        (utc(2024, 7, 1, 5), utc(2024, 7, 8, 5), "1 Jul to 7 Jul 2024, from 05:00"),
        (utc(2024, 7, 1, 5), utc(2024, 8, 1, 6), "2024-07-01 05:00 to 2024-08-01 06:00 UTC"),
    ],
)
def test_windows_are_called_as_a_person_would_call_them(start, end, name):
    point = a_point(window=Window(start, end), live={}, reference={}, label_rate=None, mean_score=None)

    page = Page(render(a_report(points=(point,), columns=())))

    assert name in page.texts


@undrawn
def test_answers_to_single_requests_stand_beside_the_batch():
    served = {"auc": an_estimate(0.655), "log_loss": an_estimate(0.522)}
    skewed = FeatureDay(date(2024, 7, 3), "visib", 240, 200, 12, 0, 2, 6.09, 5.5, utc(2024, 7, 3))
    sound = replace(skewed, feature="dew_point", mismatches=0, missing=0, behind=0)
    report = a_report(
        points=(a_point(6), a_point(7, answer_metrics=served, answers=1_234)), consistency=(sound, skewed)
    )

    text = Page(render(report)).text

    assert all(told in text for told in ("1,234", "0.655", "visib", "2024-07-03", "6.09"))
    assert "Of 480 values that answers rest on, 212 are not what the batch join gives" in text
    assert "of 210, the age of the online store is not why" in text
    assert "dew_point" not in text
    assert 'id="real-time"' not in render(a_report())


@undrawn
def test_missing_rows_call_for_a_person_whatever_was_judged():
    may = MissingLine("flights", date(2024, 5, 1), date(2024, 5, 31))

    for verdicts in ((a_verdict(),), ()):
        page = Page(render(a_report(verdicts=verdicts, missing=(may, replace(may, first=may.last)))))

        assert "The model needs a person: rows are missing: flights from 1 May 2024 to 31 May 2024" in page.text
        assert "flights of 31 May 2024" in page.text
        assert "missing" in page.attributes("id")
    assert "missing" not in Page(render(a_report())).attributes("id")


def test_an_estimate_is_drawn_where_labels_are_young():
    said = {"auc": an_estimate(0.66)}

    young = metric_chart(a_report(points=(a_point(7), a_point(8, provisional=True, estimates=said))), "auc")
    known = metric_chart(a_report(points=(a_point(7), a_point(8, provisional=False, estimates=said))), "auc")

    assert "estimated from the scores alone" in young
    assert young.count(f"{estimate(said['auc'])} estimated") == 1
    assert "estimated" not in known


@undrawn
def test_an_estimate_says_what_it_assumes_and_that_its_band_is_of_its_own_errors():
    said = {"auc": an_estimate(0.66)}

    young, known = (
        Page(render(a_report(points=(a_point(7), a_point(8, provisional=young, estimates=said))))).text
        for young in (True, False)
    )

    assert "assumes that scores come true as often as they did in training" in young
    assert "Its band is no interval by days: 80% of such estimates' errors in earlier windows lay within." in young
    assert "assumes" not in known


def test_how_often_scores_came_true_is_drawn_and_said_in_words():
    groups = (ReliabilityGroup(0.1, 0.08, 0.05, 0.11, 900), ReliabilityGroup(0.6, 0.7, 0.62, 0.78, 880))
    shown = Reliability(a_point(7).window, groups, Calibration((0.0, 1.0), (0.05, 0.9)))

    with_training = reliability_chart(a_report(), shown)
    without = reliability_chart(a_report(), replace(shown, training=None))

    assert "Observed label rate by mean score in Jul 2024. 0.100: 0.080 (0.050 to 0.110); 0.600" in with_training
    assert "unseen rows at training" in with_training
    assert "unseen rows at training" not in without


def champions(*shares: dict[str, float]) -> tuple[ChampionLine, ...]:
    """Champions of which each rests on other features, the oldest first."""
    since = (utc(2024, month, 1) for month in range(1, 1 + len(shares)))
    return tuple(ChampionLine(str(place), at, of) for place, (at, of) in enumerate(zip(since, shares, strict=True), 1))


@undrawn
def test_what_the_last_champions_rest_on_stands_side_by_side_by_what_the_last_one_rests_on():
    last_ones = champions({"gust": 0.7, "tail": 0.3}, {"gust": 0.2, "hour": 0.8, "tail": 0.0})

    page = Page(render(a_report(champions=last_ones, live_model=LiveModel("2", "", (("seed", "7"),)))))

    assert "Version 1, since 1 Jan 2024" in page.texts
    assert page.text.index("hour") < page.text.index("gust")
    assert {"80.0%", "20.0%", "70.0%"} <= set(page.texts)
    assert "tail" not in page.texts


def test_what_a_champion_rests_on_is_drawn_beside_the_one_before():
    first, last = champions({"gust": 0.7}, {"hour": 0.8, "gust": 0.2})

    both, alone = importance_chart((first, last)), importance_chart((last,))

    assert "What version 2 rests on. hour: 80.0%; gust: 20.0%." in both
    assert "version 1, champion before" in both
    assert "champion before" not in alone


@undrawn
def test_the_live_model_tells_where_it_comes_from_and_what_it_is_for():
    live = LiveModel("4", "To warn <b>crews</b>.", (("known at", "2024-07-21T06:00Z"), ("approved by", "eve")))

    page = Page(render(a_report(live_model=live)))

    assert "model" in page.attributes("id")
    assert {"To warn <b>crews</b>.", "known at", "2024-07-21T06:00Z", "eve"} <= set(page.texts)


@undrawn
def test_the_live_model_tells_how_it_did_and_what_it_is_not_for():
    slices = (SliceMetrics("", 9_120, 14, {"auc": 0.701}, {"auc": 0.69}, {"auc": 0.712}),)
    holdout = holdout_table(a_model(utc(2013, 2, 1), holdout=slices).card)
    live = LiveModel("4", "", (("known at", "2024-07-21"),), ("Not for <b>cargo</b>.",), holdout)

    page = Page(render(a_report(live_model=live)))

    assert {"0.701 (0.690 to 0.712)", "Not for <b>cargo</b>."} <= set(page.texts)


@undrawn
def test_of_a_live_model_that_is_gone_nothing_is_told():
    assert "model" not in Page(render(a_report(champions=champions({"wind": 1.0})))).attributes("id")


def a_moved(column: str = "visib", bins: int = 3) -> Moved:
    names = tuple(f"bin {place}" for place in range(bins))
    return Moved(column, utc(2024, 7, 8), names, (10,) * bins, (0, *(10 for _ in range(bins - 2)), 20))


def test_a_column_whose_alarm_is_open_is_drawn_beside_its_training_with_the_first_day():
    page = Page(render(a_report(drifted_columns=(a_moved("<b>visib</b>"),))))

    assert "moved" in page.attributes("id")
    (words,) = [words for words in page.attributes("aria-label") if words.startswith("Shares of the values of <b>vi")]
    assert words.endswith(
        "bin 0: 0.0%, 33.3% at training; bin 1: 33.3%, 33.3% at training; bin 2: 66.7%, 33.3% at training."
    )
    assert any("alarm since 8 Jul 2024" in text for text in page.texts)
    assert "b" not in [tag for tag, _ in page.elements]


def test_of_many_bins_those_that_moved_most_are_drawn_and_the_others_are_one():
    drawn = moved_chart(a_moved(bins=60), name="many")

    assert "bin 0: 0.0%, 1.7% at training" in drawn
    assert "bin 59: 3.3%, 1.7% at training" in drawn
    assert "37 more: 61.7%, 61.7% at training" in drawn


@undrawn
def test_of_many_alarms_the_page_says_how_many_are_not_drawn():
    text = Page(render(a_report(drifted_columns=tuple(a_moved(f"column {place}") for place in range(8))))).text

    assert "2 columns that the model rests on less not drawn" in text


@undrawn
def test_of_a_column_that_moved_it_is_said_in_which_slices():
    in_slices = replace(a_moved("temp"), slices=("origin = JFK", "origin = <EWR>"))

    text = Page(render(a_report(drifted_columns=(in_slices, a_moved("wind"))))).text

    assert "temp moved most at origin = JFK, origin = <EWR>" in text
    assert "wind moved" not in text


def test_cells_outside_the_training_s_range_are_hatched_and_a_column_moves_in_its_own_units():
    calm = a_column_window("calm", psi=0.9, deviations=0.2, outside_share=0.02)
    moved = a_column_window("moved", psi=0.1, deviations=4.0, outside_share=0.02, is_outside=True)

    drawn = moves_chart(a_report(columns=(calm, moved)), ["moved", "calm"])
    without = moves_chart(a_report(columns=(calm, replace(moved, is_outside=False))), ["moved", "calm"])

    assert list(furthest(a_report(columns=(calm, moved)))) == ["moved", "calm"]
    assert "Furthest: moved 4.000, calm 0.200." in drawn
    assert drawn.count("<path") > without.count("<path")


def test_a_cell_that_is_not_measured_looks_unlike_one_that_is_as_usual():
    known, unknown = a_column_window("x", deviations=0.2), a_column_window("x", week=1, psi=None)

    def patterned(*columns):
        return len(re.findall(r"fill: url\(#moves-h", moves_chart(a_report(columns=columns), ["x"])))

    # The legend has two: of what is not measured, and of what is outside.
    assert (patterned(known), patterned(known, unknown)) == (2, 3)


def a_segment(name, value, reach, **changes):
    line = SegmentLine(name, 4_321, 0.31, 0.31 + value, an_estimate(value, reach), worse=value > reach)
    return replace(line, **changes)


def segments_of(*lines, **changes):
    weeks = Window(utc(2024, 6, 3), utc(2024, 7, 29))
    whole = a_segment("", 0.01, 0.02, rows=98_765)
    return a_report(
        segments=replace(SegmentsFound("4", weeks, segments_compared=214, lines=(whole, *lines)), **changes)
    )


def test_segments_that_are_worse_are_told_with_intervals_the_worst_first_and_all_rows_beside(no_drawing):
    data = segments_of(
        a_segment("wind below 5 <b>", 0.05, 0.02),
        a_segment("rain from 2", 0.02, 0.05),
        a_segment("origin = JFK", 0.2, 0.1),
    )

    page = Page(render(data))

    rows = [page.texts.index(name) for name in ("origin = JFK", "wind below 5 <b>", "all rows")]
    assert sorted(rows) == rows
    assert {"0.200 (0.100 to 0.300)", "0.010 (-0.010 to 0.030)", "98,765", "0.510"} <= set(page.texts)
    assert "rain from 2" not in page.text
    assert "Of 214 segments, these rose in the even weeks of 3 Jun to 28 Jul 2024" in page.text
    assert "Without a change, at most one look in twenty names such a segment." in page.text


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (segments_of(a_segment("rain from 2", 0.02, 0.05)), "of 214 segments, 1 rose in the even weeks"),
        (segments_of(segments_compared=0), "no segment has rows enough in the weeks of 3 Jun to 28 Jul 2024."),
        (
            segments_of(note="version 4 has scored too little"),
            "Nothing is compared yet: version 4 has scored too little.",
        ),
        (segments_of(note="it began today", weeks=None), "Nothing is compared yet: it began today."),
    ],
    ids=["none is worse", "few rows", "too little", "no week"],
)
def test_where_no_segment_is_worse_one_sentence_says_so(no_drawing, data, sentence):
    page = Page(render(data))

    assert sentence in page.text
    assert "all rows" not in page.texts
