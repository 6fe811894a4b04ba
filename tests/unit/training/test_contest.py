"""A candidate against the champion: by rows that neither has seen, wherever they come from."""

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pytest
from in_memory.release import AS_OF, LATER, a_model, flights

from levelfive import BINARY
from levelfive.core.windows import Window, utc
from levelfive.errors import EvidenceError
from levelfive.models.package import Model
from levelfive.registry.gate import VerdictKind
from levelfive.registry.promotions import Promotion
from levelfive.statistics.metrics import row_loss
from levelfive.training.contest import Contest, Losses, losses
from levelfive.usecase.columns import LABEL
from levelfive.usecase.policies import GatePolicy

POLICY = GatePolicy(holdout_days=3, min_days=1, min_rows=1, margin=1.0)
HOLDOUT = Window(AS_OF, LATER)
LIVE = Promotion(1, "m", "7", None, utc(2013, 1, 1), "promote", "ada", "", "", "a-run")
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def candidate() -> Model:
    return a_model(AS_OF)


def trained_until(model: Model, end: datetime) -> Model:
    return Model(model.estimator, replace(model.card, trained_until=end))


def test_without_champion_the_whole_holdout_is_unseen(candidate: Model) -> None:
    assert Contest(candidate, None, None, HOLDOUT).unseen == HOLDOUT


@pytest.mark.parametrize(
    ("end", "unseen"),
    [(AS_OF - DAY, HOLDOUT), (AS_OF + DAY, Window(AS_OF + DAY, LATER)), (LATER, None), (LATER + DAY, None)],
)
def test_what_a_champion_was_trained_on_judges_nobody(candidate: Model, end: datetime, unseen: Window | None) -> None:
    contest = Contest(candidate, LIVE, trained_until(candidate, end), HOLDOUT)

    assert (contest.unseen, contest.evaluated_from) == (unseen, max(AS_OF, end))


def test_a_copied_candidate_that_saw_some_of_the_holdout_is_judged_by_the_rest(candidate: Model) -> None:
    assert Contest(trained_until(candidate, AS_OF + DAY), None, None, HOLDOUT).unseen == Window(AS_OF + DAY, LATER)


def test_losses_are_those_of_what_the_model_says_or_is_known_to_say(candidate: Model) -> None:
    rows = flights(HOLDOUT)
    labels = rows[LABEL].to_numpy()
    halves = np.full(len(rows), 0.5)

    own, given = losses(candidate, rows), losses(candidate, rows, halves)

    assert own.loss.tolist() == row_loss(BINARY, labels, candidate.score(rows)).tolist()
    assert given.loss.tolist() == row_loss(BINARY, labels, halves).tolist()
    assert (own.labels.tolist(), own.days.size) == (labels.tolist(), len(rows))


def test_without_rows_there_is_not_enough_evidence(candidate: Model) -> None:
    contest = Contest(candidate, LIVE, trained_until(candidate, LATER), HOLDOUT)
    nothing = losses(candidate, None)

    verdict = contest.judge(nothing, losses(candidate, flights(HOLDOUT).head(0)), POLICY, constant=(0.5,))

    assert verdict.kind is VerdictKind.NOT_ENOUGH_EVIDENCE


@pytest.mark.parametrize(("label_mean", "kind"), [(0.5, VerdictKind.BETTER), (0.001, VerdictKind.WORSE)])
def test_a_candidate_is_compared_with_the_constant_of_its_own_training(
    candidate: Model, label_mean: float, kind: VerdictKind
) -> None:
    labels = np.zeros(100)  # of which a constant near 0 is nearly all that can be said
    ours = Losses(row_loss(BINARY, labels, np.full(100, 0.01)), labels, np.repeat([1, 2], 50))

    verdict = Contest(candidate, None, None, HOLDOUT).judge(ours, None, POLICY, constant=(label_mean,))

    assert verdict.kind is kind


def test_a_lost_champion_is_told_first_and_a_holdout_that_was_moved_back_last(candidate: Model) -> None:
    earlier = Window(AS_OF - 2 * DAY, LATER)
    contest = Contest(trained_until(candidate, earlier.start), LIVE, None, earlier)

    verdict = contest.judge(losses(candidate, flights(earlier)), None, POLICY, constant=(0.5,))

    assert verdict.reasons[0].startswith("the files of the champion, version 7, are gone or damaged")
    assert verdict.reasons[-1].startswith("the holdout begins 2 days earlier, at 2013-02-13T06:00:00Z")
    assert verdict.passed


def test_losses_of_other_rows_than_the_candidates_are_refused(candidate: Model) -> None:
    contest = Contest(candidate, LIVE, candidate, HOLDOUT)
    rows = flights(HOLDOUT)

    with pytest.raises(EvidenceError, match="champion_loss must be"):
        contest.judge(losses(candidate, rows), losses(candidate, rows.head(9)), POLICY, constant=(0.5,))
