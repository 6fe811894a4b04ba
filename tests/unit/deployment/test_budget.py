"""What sample requests led to is held against the budget."""

from datetime import timedelta

import pytest

from levelfive.deployment.budget import ProbeAnswer, ProbeMeasurement, over_budget
from levelfive.deployment.rollout import RolloutPolicy

POLICY = RolloutPolicy(max_failed=2.0, max_p95=timedelta(milliseconds=100))


def test_the_slowest_answers_are_told_by_the_nearest_rank():
    measured = ProbeMeasurement.of(10, [ProbeAnswer(seconds / 1000) for seconds in range(100, 0, -1)])

    assert measured.p95 == timedelta(milliseconds=95)


def test_one_answer_is_the_slowest_too():
    measured = ProbeMeasurement.of(0, [ProbeAnswer(0.25)])

    assert measured.p95 == timedelta(milliseconds=250)


@pytest.mark.parametrize(
    ("answers", "says"),
    [
        ([ProbeAnswer(0.1)] * 50, ""),
        ([ProbeAnswer(0.1)] * 49 + [ProbeAnswer(0.1, "500")], ""),
        ([ProbeAnswer(0.1)] * 48 + [ProbeAnswer(0.1, "500")] * 2, "2 of 50 requests failed at 10 %, 2 % may: 500"),
        ([ProbeAnswer(0.1)] * 47 + [ProbeAnswer(9.0)] * 3, "took 9,000 ms or more at 10 %, 100 ms are allowed"),
        ([ProbeAnswer(0.1)] * 48 + [ProbeAnswer(9.0)] * 2, ""),
    ],
)
def test_what_is_beyond_the_budget_is_said(answers, says):
    said = over_budget(ProbeMeasurement.of(10, answers), POLICY)

    assert said == "" if not says else says in said


def test_the_most_frequent_fault_is_told():
    measured = ProbeMeasurement.of(0, [ProbeAnswer(0.1, "rare"), *[ProbeAnswer(0.1, "frequent")] * 3])

    assert (measured.failures, measured.fault) == (4, "frequent")
