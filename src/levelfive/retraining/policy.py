"""The retraining policy: from what the last windows show of the live model, an action with reasons."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum

from levelfive.core.texts import counted
from levelfive.core.windows import iso
from levelfive.errors import DataError
from levelfive.monitoring.verdict import KnownVerdict
from levelfive.retraining import triggers
from levelfive.retraining.situation import Foreseen, Situation
from levelfive.retraining.triggers import TriggerFinding
from levelfive.usecase.policies import RetrainingPolicy


class Action(StrEnum):
    """What to do about the live model."""

    KEEP = "keep"
    RETRAIN = "retrain"
    MANUAL_REVIEW = "manual_review"


@dataclass(frozen=True)
class Decision:
    """The policy's answer.

    Args:
        action: What to do.
        reasons: Sentences for people, each with its numbers.
        counterfactuals: What would have changed the action, or could have; each by itself, never empty.
    """

    action: Action
    reasons: tuple[str, ...]
    counterfactuals: tuple[str, ...]

    def to_json(self) -> str:
        """Write the decision as JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Decision:
        """Read a decision that `to_json` wrote.

        Raises:
            DataError: The text is not such a decision.
        """
        try:
            record = json.loads(text)
            return cls(Action(record["action"]), _sentences(record["reasons"]), _sentences(record["counterfactuals"]))
        except (KeyError, TypeError, ValueError) as err:
            raise DataError(f"expected a decision as Decision.to_json writes it, got {text[:200]!r}") from err


def decide(situation: Situation, policy: RetrainingPolicy) -> Decision:
    """Decide whether to keep the live model, train it again or call a person.

    In this order:

    1. The latest window's data is broken or its model harmful, however few its labels, and no person has
       acknowledged it: `manual_review`. Nothing is trained, as a training on such data would teach it. Where several
       windows end last, each of them is looked at.
    2. No trigger holds: `keep`.
    3. The last decision to retrain is younger than the cooldown: `keep`, and the trigger waits.
    4. The gate could not judge what would be trained, for want of days or rows: `keep`, and the trigger waits.
    5. Otherwise: `retrain`.

    The triggers of windows look at the last windows with enough mature labels; one that has too few is passed
    over.
    """
    decision = _by_triggers(situation, policy)
    recent = situation.windows[-policy.windows :]
    words = tuple(_acknowledged(verdict) for verdict in recent if verdict.acknowledgement)
    latest = [verdict for verdict in situation.windows if verdict.window.end == situation.windows[-1].window.end]
    alarms = [
        (what, cure, verdict.window, sentences)
        for verdict in latest
        if not verdict.acknowledgement
        for what, cure, sentences in (
            ("broken data", "data that is not broken", verdict.broken),
            ("a harmful model", "a model that is not harmful", verdict.harmful),
        )
        if sentences
    ]
    if not alarms:
        return replace(decision, reasons=(*decision.reasons, *words))
    reasons = tuple(
        f"{what} in the latest window {window}, no training before a person has looked: {', '.join(sentences)}"
        for what, _, window, sentences in alarms
    )
    cures = " and ".join(dict.fromkeys(cure for _, cure, _, _ in alarms))
    then = f"then {decision.action}, as {'; '.join(decision.reasons)}"
    commands = dict.fromkeys(
        f"`levelfive monitoring acknowledge --from {iso(window.start)} --to {iso(window.end)} --reason WHY`"
        for _, _, window, _ in alarms
    )
    acknowledgement = f"an acknowledgement of that window by {' and '.join(commands)}: then the same"
    return Decision(Action.MANUAL_REVIEW, (*reasons, *words), (f"{cures}: {then}", acknowledgement))


def _acknowledged(verdict: KnownVerdict) -> str:
    return (
        f"the window {verdict.window} is {verdict.acknowledgement} ({'; '.join((*verdict.harmful, *verdict.broken))})"
    )


def _by_triggers(situation: Situation, policy: RetrainingPolicy) -> Decision:
    findings = triggers.findings(situation, policy)
    holding = [finding for finding in findings if finding.holds]
    waits, shortfall = _cooldown(situation, policy), triggers.shortfall(situation, policy)
    if not holding:
        return _kept(findings, shortfall, waits)
    if waits is not None:
        reasons = tuple(f"waits for the cooldown: {finding.message}" for finding in holding)
        return Decision(Action.KEEP, reasons, (waits,))
    if situation.foreseen is not None and not situation.foreseen.is_enough:
        reasons = tuple(f"waits for evidence: {finding.message}" for finding in holding)
        return Decision(Action.KEEP, (_too_little(situation.foreseen), *reasons), (_lacking(situation.foreseen),))
    undone = [", and ".join(finding.missing for finding in holding)]
    if shortfall is not None and all(finding.of_windows for finding in holding):
        undone.append(shortfall)
    return Decision(Action.RETRAIN, tuple(finding.message for finding in holding), tuple(undone))


def _kept(findings: Sequence[TriggerFinding], shortfall: str | None, waits: str | None) -> Decision:
    if not findings:
        return Decision(Action.KEEP, ("no trigger is switched on",), ("a policy with a trigger",))
    missing = [finding.missing for finding in findings]
    if shortfall is not None and any(finding.of_windows for finding in findings):
        missing.append(shortfall)
    later = "" if waits is None else f", and {waits}"
    reasons = ("no trigger holds", *(finding.message for finding in findings))
    return Decision(Action.KEEP, reasons, tuple(f"{lacking}{later}" for lacking in missing))


def _cooldown(situation: Situation, policy: RetrainingPolicy) -> str | None:
    """Say when the cooldown ends; None if there is none at this time."""
    if situation.last_retraining is None or situation.as_of >= situation.last_retraining + policy.cooldown:
        return None
    return f"after the cooldown, from {iso(situation.last_retraining + policy.cooldown)} on"


def _too_little(foreseen: Foreseen) -> str:
    sentence = (
        f"not enough evidence for the gate: a training would be judged by {foreseen.days:,} days and {foreseen.rows:,} "
        f"rows with mature labels that the live model was not trained on, at least {foreseen.min_days:,} days and "
        f"{foreseen.min_rows:,} rows are asked for"
    )
    return f"{sentence}; {foreseen.because}" if foreseen.because else sentence


def _lacking(foreseen: Foreseen) -> str:
    short = (("day", foreseen.min_days - foreseen.days), ("row", foreseen.min_rows - foreseen.rows))
    lacking = " and ".join(counted(count, f"more {what}") for what, count in short if count > 0)
    return f"{lacking} with mature labels that the live model was not trained on"


def _sentences(record: object) -> tuple[str, ...]:
    if not isinstance(record, list) or not all(isinstance(sentence, str) for sentence in record):
        raise TypeError(f"expected a list of sentences, got {record!r}")
    return tuple(record)
