"""The gate: every verdict by its interval, and no verdict on rows that a model has seen."""

import math
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from levelfive.core.windows import utc
from levelfive.errors import DataError, EvidenceError
from levelfive.registry.gate import GateEvidence, GateVerdict, VerdictKind, judge_candidate, without_lost_champion
from levelfive.statistics.metrics import LossDifference
from levelfive.usecase.policies import GatePolicy, NoEvidence

HOLDOUT_START = utc(2013, 7, 1)
POLICY = GatePolicy(min_days=7, min_rows=500, margin=0.002, confidence=0.9, min_skill=0.02)
PROMOTE = replace(POLICY, no_evidence=NoEvidence.PROMOTE)


def evidence(*, worse_by=0.0, noise=0.001, days=14, rows_a_day=50, loss=0.45, **changes):
    """Build losses whose mean difference is exactly `worse_by`, with daily noise of a known size."""
    day = np.repeat(np.arange(days), rows_a_day)
    champion = np.full(day.size, loss - worse_by)
    swing = noise * np.where(np.arange(days) % 2, 1.0, -1.0)[day]
    found = GateEvidence(
        candidate_loss=champion + worse_by + swing,
        constant_loss=np.full(day.size, 0.54),
        days=day,
        evaluated_from=HOLDOUT_START,
        candidate_trained_until=HOLDOUT_START,
        champion_loss=champion,
        champion_trained_until=HOLDOUT_START - timedelta(days=30),
    )
    return replace(found, **changes)


def first(**changes):
    """Build evidence without champion."""
    return evidence(champion_loss=None, champion_trained_until=None, **changes)


# With 14 days the interval reaches noise * sqrt(1/13) * t(13 df, .95) = noise * 0.491 to both sides.
@pytest.mark.parametrize(
    ("worse_by", "noise", "kind", "passed"),
    [
        (-0.0010, 0.001, VerdictKind.BETTER, True),
        (-0.0004, 0.001, VerdictKind.NOT_WORSE, True),
        (0.0, 0.0, VerdictKind.NOT_WORSE, True),
        (0.0004, 0.001, VerdictKind.NOT_WORSE, True),
        (0.0010, 0.001, VerdictKind.NOT_WORSE, True),
        (0.0018, 0.001, VerdictKind.WORSE, False),
        (0.0030, 0.001, VerdictKind.WORSE, False),
        (0.0004, 0.010, VerdictKind.NOT_ENOUGH_EVIDENCE, False),
        (-0.0040, 0.020, VerdictKind.NOT_ENOUGH_EVIDENCE, False),
    ],
)
def test_the_interval_of_the_difference_decides(worse_by, noise, kind, passed):
    verdict = judge_candidate(evidence(worse_by=worse_by, noise=noise), POLICY)

    assert (kind, passed) == (verdict.kind, verdict.passed)
    assert pytest.approx(worse_by, abs=1e-12) == verdict.difference.value


def test_the_confidence_is_that_of_the_policy():
    slightly_better = evidence(worse_by=-0.0004, noise=0.001)

    kinds = [judge_candidate(slightly_better, replace(POLICY, confidence=confidence)).kind for confidence in (0.5, 0.9)]

    assert kinds == [VerdictKind.BETTER, VerdictKind.NOT_WORSE]


def test_measurably_worse_within_the_margin_passes_and_says_so():
    verdict = judge_candidate(evidence(worse_by=0.001, noise=0.001), POLICY)

    assert verdict.difference.low > 0
    assert verdict.passed
    assert verdict.reasons[0].startswith("worse, by less than the margin")


@pytest.mark.parametrize(
    ("size", "reason"),
    [
        (
            {"worse_by": 0.0004},
            "not worse than the champion: loss minus champion's +0.00040, 90% interval [-0.00009, +0.00089] over "
            "14 days, margin 0.002",
        ),
        (
            {"noise": 0.0},
            "not worse than the champion: loss minus champion's +0.00000, 90% interval [+0.00000, +0.00000] over "
            "14 days, margin 0.002",
        ),
        (
            {"worse_by": 0.0004, "noise": 0.01},
            "the interval holds 0 and reaches the margin: loss minus champion's +0.00040, 90% interval "
            "[-0.00451, +0.00531] over 14 days, margin 0.002",
        ),
        (
            {"worse_by": 0.001, "days": 2, "rows_a_day": 300},
            "the interval holds 0 and reaches the margin: loss minus champion's +0.00100, 90% interval "
            "[-0.00531, +0.00731] over 2 days, margin 0.002",
        ),
    ],
)
def test_a_comparison_says_its_numbers(size, reason):
    verdict = judge_candidate(evidence(**size), replace(POLICY, min_days=1))

    assert reason == verdict.reasons[0]


def test_without_a_margin_the_same_candidate_is_worse_and_an_equal_one_unknown():
    strict = replace(POLICY, margin=0.0)

    assert judge_candidate(evidence(worse_by=0.001, noise=0.001), strict).kind == VerdictKind.WORSE
    assert judge_candidate(evidence(noise=0.0), strict).kind == VerdictKind.NOT_ENOUGH_EVIDENCE


def test_a_policy_may_promote_what_the_data_cannot_tell_apart():
    undecided = evidence(worse_by=0.0004, noise=0.01)

    assert (
        judge_candidate(undecided, PROMOTE).kind,
        judge_candidate(undecided, PROMOTE).passed,
    ) == (VerdictKind.NOT_ENOUGH_EVIDENCE, True)
    assert "promote" in judge_candidate(undecided, PROMOTE).reasons[-1]
    assert "keep_champion" in judge_candidate(undecided, POLICY).reasons[-1]


def test_a_policy_that_promotes_without_evidence_does_not_promote_a_worse_candidate():
    assert not judge_candidate(evidence(worse_by=0.003), PROMOTE).passed


@pytest.mark.parametrize("make", [evidence, first])
@pytest.mark.parametrize(
    ("size", "reason"),
    [
        ({"days": 6, "rows_a_day": 100}, "6 labelled days, at least 7"),
        ({"rows_a_day": 30}, "420 labelled rows"),
    ],
)
def test_few_days_or_rows_are_not_enough_evidence(make, size, reason):
    shown = make(worse_by=-0.1, loss=0.3, **size)

    kept, promoted = judge_candidate(shown, POLICY), judge_candidate(shown, PROMOTE)

    assert VerdictKind.NOT_ENOUGH_EVIDENCE == kept.kind == promoted.kind
    assert (kept.passed, promoted.passed) == (False, True)
    assert reason in kept.reasons[0]


def test_the_difference_is_told_also_where_it_is_too_little_evidence():
    verdict = judge_candidate(evidence(worse_by=-0.1, days=6, rows_a_day=100), POLICY)

    assert verdict.difference.value == pytest.approx(-0.1)


def test_exactly_the_asked_for_days_and_rows_are_enough():
    asked = replace(POLICY, min_days=7, min_rows=700)

    assert judge_candidate(evidence(days=7, rows_a_day=100, worse_by=-0.1, loss=0.3), asked).kind == VerdictKind.BETTER


def test_no_rows_at_all_are_not_enough_evidence_even_if_none_are_asked_for():
    empty = evidence(days=0)

    for policy in (POLICY, replace(POLICY, min_days=0, min_rows=0)):
        verdict = judge_candidate(empty, policy)
        assert verdict == GateVerdict(VerdictKind.NOT_ENOUGH_EVIDENCE, False, verdict.reasons)


def test_a_single_day_cannot_tell_even_if_one_is_asked_for():
    verdict = judge_candidate(evidence(days=1, rows_a_day=600, worse_by=-0.1), replace(POLICY, min_days=1))

    assert verdict.kind == VerdictKind.NOT_ENOUGH_EVIDENCE
    assert verdict.reasons[0].startswith("one day has no interval")


@pytest.mark.parametrize(
    ("loss", "kind"),
    [(0.45, VerdictKind.BETTER), (0.54 * 0.9799, VerdictKind.BETTER), (0.54 * 0.9801, VerdictKind.WORSE)],
)
def test_the_first_model_needs_skill_against_a_constant(loss, kind):
    verdict = judge_candidate(first(loss=loss), POLICY)

    assert (kind, kind == VerdictKind.BETTER) == (verdict.kind, verdict.passed)
    assert verdict.difference is None
    assert "at least 2.00% is asked for" in verdict.reasons[-1]


def test_a_candidate_better_than_a_decayed_champion_still_needs_skill():
    verdict = judge_candidate(evidence(worse_by=-0.1, loss=0.539), PROMOTE)

    assert (verdict.kind, verdict.passed) == (VerdictKind.WORSE, False)
    assert "too little skill" in verdict.reasons[0]
    assert verdict.difference.high < 0


@pytest.mark.parametrize("loss", [0.0, 0.1])
def test_a_constant_without_loss_leaves_nothing_to_gain(loss):
    perfect = first(loss=loss, noise=0.0, constant_loss=np.zeros(700))

    assert judge_candidate(perfect, POLICY).kind == VerdictKind.WORSE


@pytest.mark.parametrize(("loss", "kind"), [(0.0, VerdictKind.BETTER), (0.1, VerdictKind.WORSE)])
def test_a_constant_without_loss_is_reached_by_a_model_without_loss_alone(loss, kind):
    unreached = first(loss=loss, noise=0.0, constant_loss=np.zeros(700))

    assert kind == judge_candidate(unreached, replace(POLICY, min_skill=0.0)).kind


@pytest.mark.parametrize("model", ["candidate", "champion"])
def test_rows_that_a_model_has_seen_are_refused(model):
    seen_until = {f"{model}_trained_until": HOLDOUT_START + timedelta(minutes=1)}

    with pytest.raises(EvidenceError, match=f"the {model} was trained until 2013-07-01T00:01:00Z"):
        evidence(**seen_until)


def test_rows_from_the_very_end_of_training_on_are_unseen():
    assert judge_candidate(evidence(champion_trained_until=HOLDOUT_START), POLICY).passed


def test_times_without_a_zone_are_refused():
    with pytest.raises(EvidenceError, match="UTC"):
        evidence(evaluated_from=datetime(2013, 7, 1))


@pytest.mark.parametrize("losses", ["candidate_loss", "champion_loss", "constant_loss"])
@pytest.mark.parametrize("wrong", [np.full(700, math.nan), np.full(700, math.inf), np.full(699, 0.1)])
def test_losses_that_cannot_be_compared_are_refused(losses, wrong):
    with pytest.raises(EvidenceError, match=f"{losses} must be 700 finite numbers"):
        evidence(**{losses: wrong})


@pytest.mark.parametrize("make", [evidence, first])
def test_a_missing_day_is_refused(make):
    days = np.repeat(np.arange(14.0), 50)
    days[3] = math.nan

    with pytest.raises(EvidenceError, match="must belong to a day"):
        replace(make(), days=days)


def test_half_a_champion_is_refused():
    with pytest.raises(EvidenceError, match="give both, or neither"):
        evidence(champion_loss=None)
    with pytest.raises(EvidenceError, match="give both, or neither"):
        evidence(champion_trained_until=None)


@settings(max_examples=100, deadline=None)
@given(st.floats(-0.01, 0.01), st.floats(0, 0.02), st.floats(0, 0.005), st.sampled_from(NoEvidence))
def test_only_better_not_worse_or_a_promoting_policy_pass(worse_by, noise, margin, no_evidence):
    policy = replace(POLICY, margin=margin, no_evidence=no_evidence)

    verdict = judge_candidate(evidence(worse_by=worse_by, noise=noise), policy)

    promoted = verdict.kind == VerdictKind.NOT_ENOUGH_EVIDENCE and no_evidence == NoEvidence.PROMOTE
    assert verdict.passed == (verdict.kind in {VerdictKind.BETTER, VerdictKind.NOT_WORSE} or promoted)
    assert (verdict.kind == VerdictKind.BETTER) == (verdict.difference.high < 0)
    assert verdict.reasons


def test_a_verdict_beside_a_lost_champion_says_so_first_and_stays_as_it_is():
    verdict = judge_candidate(first(), POLICY)

    found = without_lost_champion(verdict, "7")

    said = "the files of the champion, version 7, are gone or damaged: nothing is compared with it"
    assert replace(verdict, reasons=(said, *verdict.reasons)) == found


def test_a_verdict_survives_json():
    for verdict in (
        judge_candidate(evidence(), POLICY),
        judge_candidate(first(), POLICY),
        judge_candidate(evidence(rows_a_day=1), PROMOTE),
    ):
        assert verdict == GateVerdict.from_json(verdict.to_json())
        assert len(verdict.to_json()) < 1000  # what Unity Catalog takes as a tag


def test_an_interval_that_is_not_defined_survives_json_as_null():
    unknown = LossDifference(0.1, math.nan, math.nan, math.nan, days=1, rows=5)

    text = GateVerdict(VerdictKind.NOT_ENOUGH_EVIDENCE, False, ("one day",), unknown).to_json()

    assert "NaN" not in text
    assert math.isnan(GateVerdict.from_json(text).difference.low)
    assert GateVerdict.from_json(text).difference.rows == 5


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"kind": "best", "passed": true, "reasons": [], "difference": null}']
)
def test_other_json_is_no_verdict(text):
    with pytest.raises(DataError, match="expected a verdict"):
        GateVerdict.from_json(text)
