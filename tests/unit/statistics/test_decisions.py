"""What acting on scores costs, and whom a short list hits: beside the formulas, and as metrics of a use case's task."""

from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from in_memory.release import a_use_case
from reports import a_point, a_report, an_estimate
from sklearn.metrics import confusion_matrix

from levelfive import BINARY, cost_at, precision_at
from levelfive.errors import ConfigError
from levelfive.reporting.page import render
from levelfive.statistics.metrics import evaluate
from levelfive.usecase.check import check

COST = cost_at(0.25, false_positive=10.0, false_negative=30.0, unit="EUR")
ROWS = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 3), st.integers(0, 2)), min_size=1, max_size=7)


def value(metric, labels, scores, days):
    return evaluate(BINARY.with_metrics(metric), labels, scores, days).estimates[metric.name].value


def test_a_cost_is_what_the_errors_at_the_threshold_cost_a_row():
    random = np.random.default_rng(0)
    scores = random.random(500).round(2)
    labels = (random.random(500) < scores).astype(float)

    _, wrongly_acted, missed, _ = confusion_matrix(labels, scores >= 0.25).ravel()

    assert 0.25 in scores
    assert value(COST, labels, scores, np.arange(500) % 20) == pytest.approx((10 * wrongly_acted + 30 * missed) / 500)


@settings(max_examples=60, deadline=None)
@given(ROWS, st.integers(1, 4))
def test_a_precision_is_the_mean_over_all_orders_of_equal_scores(rows, at):
    labels, quarters, days = (np.array(column) for column in zip(*rows, strict=True))
    scores = quarters / 4

    hits, taken = 0.0, 0
    for day in np.unique(days):
        of_day = list(zip(scores[days == day], labels[days == day], strict=True))
        orders = [sorted(order, key=lambda row: -row[0])[:at] for order in permutations(of_day)]
        hits += np.mean([sum(label for _, label in order) for order in orders])
        taken += min(at, len(of_day))

    assert value(precision_at(at), labels.astype(float), scores, days) == pytest.approx(hits / taken)


def test_a_short_list_that_is_right_most_of_the_days_has_an_interval_by_days():
    labels, scores, days = np.tile([1.0, 0.0], 60), np.tile([0.9, 0.1], 60), np.repeat(np.arange(60), 2)
    labels[:30] = labels[:30][::-1]  # of fifteen days

    of = evaluate(BINARY.with_metrics(precision_at(1)), labels, scores, days).estimates["precision_at_1"]

    assert of.value == 0.75
    assert 0.5 < of.low < 0.75 < of.high < 1


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: cost_at(1.5, false_positive=1, false_negative=1, unit="EUR"), "threshold of a cost"),
        (lambda: cost_at(float("nan"), false_positive=1, false_negative=1, unit="EUR"), "threshold of a cost"),
        (lambda: cost_at(0.5, false_positive=-1, false_negative=1, unit="EUR"), "false_positive of a cost"),
        (lambda: cost_at(0.5, false_positive=1, false_negative=float("inf"), unit="EUR"), "false_negative of a cost"),
        (lambda: precision_at(0), "precision_at takes"),
        (lambda: precision_at(2.5), "a whole number of rows, at least 1, got 2.5"),
        (lambda: BINARY.with_metrics(COST, COST), "metrics of one name: cost"),
    ],
)
def test_what_makes_no_sense_is_refused(make, said):
    with pytest.raises(ConfigError, match=said):
        make()


def test_a_use_case_adds_them_to_its_task_and_the_report_shows_them():
    task = BINARY.with_metrics(COST, precision_at(50))
    point = a_point(live={"auc": an_estimate(), "log_loss": an_estimate(), "cost": an_estimate(3.25, 0.5)})

    page = render(a_report(task=task, points=(point,)))

    assert "3.250 (2.750 to 3.750)" in page
    assert "EUR a row, acting from a score of 0.25 on, lower is better" in page
    assert [metric.name for metric in task.metrics[-2:]] == ["cost", "precision_at_50"]
    assert BINARY.metric("cost") is None
    check(a_use_case(model=replace(a_use_case().model, task=task)))
