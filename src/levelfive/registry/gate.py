"""The gate: from losses of candidate and champion on the same rows, a verdict with reasons."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from levelfive.core.windows import is_utc, iso
from levelfive.errors import DataError, EvidenceError, require
from levelfive.statistics.day_blocks import DayBlocks
from levelfive.statistics.metrics import LossDifference, paired_difference
from levelfive.usecase.policies import GatePolicy, NoEvidence


class VerdictKind(StrEnum):
    """What the evidence says of the candidate."""

    BETTER = "better"
    NOT_WORSE = "not_worse"
    WORSE = "worse"
    NOT_ENOUGH_EVIDENCE = "not_enough_evidence"


@dataclass(frozen=True)
class GateVerdict:
    """The gate's answer.

    Args:
        kind: What the evidence says.
        passed: Whether the candidate may go live: better, not worse, or unknown where the policy promotes.
        reasons: Sentences for people, each with its numbers.
        difference: Candidate's minus champion's loss, or None without champion or rows.
    """

    kind: VerdictKind
    passed: bool
    reasons: tuple[str, ...]
    difference: LossDifference | None = None

    def to_json(self) -> str:
        """Write the verdict as JSON; numbers that are not defined become null."""
        record = asdict(self)
        if self.difference is not None:
            numbers = asdict(self.difference).items()
            record["difference"] = {name: value if math.isfinite(value) else None for name, value in numbers}
        return json.dumps(record, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> GateVerdict:
        """Read a verdict that `to_json` wrote.

        Raises:
            DataError: The text is not such a verdict.
        """
        try:
            record = json.loads(text)
            return cls(
                kind=VerdictKind(record["kind"]),
                passed=bool(record["passed"]),
                reasons=tuple(str(reason) for reason in record["reasons"]),
                difference=_read_difference(record["difference"]),
            )
        except (AttributeError, KeyError, TypeError, ValueError) as err:
            raise DataError(f"expected a verdict as GateVerdict.to_json writes it, got {text[:200]!r}") from err


@dataclass(frozen=True, eq=False)
class GateEvidence:
    """What the gate judges by: losses on the same rows, that neither model was trained on.

    Args:
        candidate_loss: The candidate's loss of each row, shape (rows,).
        constant_loss: The loss of a constant prediction made from the training labels, shape (rows,).
        days: The day of each row, shape (rows,).
        evaluated_from: No row is predicted before this time.
        candidate_trained_until: The end, itself not included, of the candidate's training window.
        champion_loss: The champion's loss of each row, shape (rows,), or None without champion.
        champion_trained_until: The end of the champion's training window, or None without champion.

    Raises:
        EvidenceError: A value is missing or not finite, lengths differ, a time is not in UTC, or a model
            was trained on some of the rows.
    """

    candidate_loss: NDArray[Any]
    constant_loss: NDArray[Any]
    days: NDArray[Any]
    evaluated_from: datetime
    candidate_trained_until: datetime
    champion_loss: NDArray[Any] | None = None
    champion_trained_until: datetime | None = None

    def __post_init__(self) -> None:
        """Refuse days and losses that cannot be compared, and rows that a model may have been trained on."""
        DayBlocks.of(self.days, self.rows)
        self._require_unseen_rows("candidate", self.candidate_trained_until)
        if (self.champion_loss is None) != (self.champion_trained_until is None):
            raise EvidenceError(
                "a champion needs both champion_loss and champion_trained_until, got one of them; "
                "give both, or neither for the first model"
            )
        if self.champion_loss is not None and self.champion_trained_until is not None:
            self._require_unseen_rows("champion", self.champion_trained_until)
            _require_losses("champion_loss", self.champion_loss, self.rows)
        _require_losses("candidate_loss", self.candidate_loss, self.rows)
        _require_losses("constant_loss", self.constant_loss, self.rows)

    @property
    def rows(self) -> int:
        """The number of rows."""
        return int(np.size(self.days))

    def _require_unseen_rows(self, model: str, trained_until: datetime) -> None:
        for moment in (self.evaluated_from, trained_until):
            demand = "evidence takes times in UTC"
            require(is_utc(moment), demand, got=moment, remedy="set its time zone", error=EvidenceError)
        if self.evaluated_from < trained_until:
            raise EvidenceError(
                f"the {model} was trained until {iso(trained_until)} and has seen rows of the evaluation, "
                f"which starts at {iso(self.evaluated_from)}; judge by rows from the end of both trainings on"
            )


def judge_candidate(evidence: GateEvidence, policy: GatePolicy) -> GateVerdict:
    """Decide whether the candidate may replace the champion, or become the first one.

    In this order:

    1. Fewer days or rows than the policy asks for: `not_enough_evidence`.
    2. The loss is not `min_skill` below that of a constant prediction: `worse`, whatever the champion does.
    3. No champion: `better`.
    4. The interval of the difference, candidate minus champion, lies below 0: `better`; below the margin:
       `not_worse`, also if it lies wholly above 0 (measurably worse, by less than matters); above 0 and
       reaching over the margin: `worse`; otherwise the data cannot tell: `not_enough_evidence`.

    `not_enough_evidence` passes if the policy promotes without evidence; only `better` and `not_worse` do
    otherwise.
    """
    difference = _difference(evidence, policy)
    shortfalls = _shortfalls(evidence, policy)
    if shortfalls:
        return _undecided(shortfalls, difference, policy)
    skill = _skill(evidence)
    measurement = f"loss {skill:.2%} below a constant prediction's, at least {policy.min_skill:.2%} is asked for"
    if not skill >= policy.min_skill:
        return GateVerdict(VerdictKind.WORSE, False, (f"too little skill: {measurement}",), difference)
    if difference is None:
        return GateVerdict(VerdictKind.BETTER, True, ("no champion to compare with", f"enough skill: {measurement}"))
    return _compared(difference, policy)


def without_lost_champion(verdict: GateVerdict, version: str) -> GateVerdict:
    """Say of a verdict that there is a champion, which could not be compared with."""
    reason = f"the files of the champion, version {version}, are gone or damaged: nothing is compared with it"
    return replace(verdict, reasons=(reason, *verdict.reasons))


def _compared(difference: LossDifference, policy: GatePolicy) -> GateVerdict:
    measurement = (
        f"loss minus champion's {difference.value:+.5f}, {policy.confidence:.0%} interval "
        f"[{difference.low:+.5f}, {difference.high:+.5f}] over {difference.days} days, "
        f"margin {policy.margin:g}"
    )
    if difference.high < 0:
        return GateVerdict(VerdictKind.BETTER, True, (f"better than the champion: {measurement}",), difference)
    if difference.high < policy.margin:
        outcome = "worse, by less than the margin" if difference.low > 0 else "not worse than the champion"
        return GateVerdict(VerdictKind.NOT_WORSE, True, (f"{outcome}: {measurement}",), difference)
    if difference.low > 0:
        return GateVerdict(VerdictKind.WORSE, False, (f"worse than the champion: {measurement}",), difference)
    unknown = "the interval holds 0 and reaches the margin" if difference.days > 1 else "one day has no interval"
    return _undecided((f"{unknown}: {measurement}",), difference, policy)


def _undecided(reasons: tuple[str, ...], difference: LossDifference | None, policy: GatePolicy) -> GateVerdict:
    may_pass = policy.no_evidence == NoEvidence.PROMOTE
    reason = f"the policy without evidence: {policy.no_evidence}"
    return GateVerdict(VerdictKind.NOT_ENOUGH_EVIDENCE, may_pass, (*reasons, reason), difference)


def _shortfalls(evidence: GateEvidence, policy: GatePolicy) -> tuple[str, ...]:
    days, rows = np.unique(evidence.days).size, evidence.rows
    demands = (("days", days, policy.min_days), ("rows", rows, policy.min_rows))
    shortfalls = tuple(
        f"{have} labelled {what}, at least {need} are asked for" for what, have, need in demands if have < need
    )
    return shortfalls or (() if rows else ("no labelled rows",))


def _difference(evidence: GateEvidence, policy: GatePolicy) -> LossDifference | None:
    if evidence.champion_loss is None or evidence.rows == 0:
        return None
    return paired_difference(
        evidence.candidate_loss, evidence.champion_loss, evidence.days, confidence=policy.confidence
    )


def _skill(evidence: GateEvidence) -> float:
    """Compute 1 - loss / loss of a constant prediction; a constant without loss cannot be improved on."""
    loss, constant = float(np.mean(evidence.candidate_loss)), float(np.mean(evidence.constant_loss))
    if constant > 0:
        return 1 - loss / constant
    return 0.0 if loss <= constant else -math.inf


def _require_losses(name: str, losses: NDArray[Any], rows: int) -> None:
    if np.shape(losses) != (rows,) or not np.isfinite(losses).all():
        raise EvidenceError(
            f"{name} must be {rows} finite numbers, one a row of days, got shape {np.shape(losses)} with "
            f"{int((~np.isfinite(losses)).sum())} not finite; compute it on the same labelled rows"
        )


def _read_difference(record: dict[str, float | None] | None) -> LossDifference | None:
    if record is None:
        return None
    number = {name: math.nan if value is None else value for name, value in record.items()}
    return LossDifference(
        value=number["value"],
        standard_error=number["standard_error"],
        low=number["low"],
        high=number["high"],
        days=int(number["days"]),
        rows=int(number["rows"]),
    )
