"""What a version must carry to go live: the gate's verdict, and where promotion is manual, an approval of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime

from levelfive.core.job_runs import is_service_principal
from levelfive.core.windows import iso
from levelfive.errors import DataError, RegistryError
from levelfive.registry.gate import GateVerdict
from levelfive.registry.promotions import Promotion
from levelfive.registry.store import RegisteredVersion
from levelfive.registry.tags import (
    APPROVED_AT,
    APPROVED_BECAUSE,
    APPROVED_BY,
    APPROVED_FOR,
    JUDGED_AGAINST,
    NO_CHAMPION,
    SOURCE_MODEL,
    TRAINED_BY,
    VERDICT,
)


def verdict_tags(verdict: GateVerdict, live: Promotion | None) -> dict[str, str]:
    """Write as tags what the gate said of a version, and with which champion it was compared."""
    return {VERDICT: verdict.to_json(), JUDGED_AGAINST: _rival(live)}


def passed_verdict(candidate: RegisteredVersion) -> GateVerdict:
    """Read the verdict that a version carries.

    Raises:
        RegistryError: It carries none, one that cannot be read, or one that did not pass.
    """
    about = f"version {candidate.version} of {candidate.name}"
    if VERDICT not in candidate.tags:
        raise RegistryError(
            f"{about} carries no verdict of the gate: only what `training` refitted, or `levelfive registry copy "
            "VERSION --from-model MODEL --as-of TIME` brought, can go live"
        )
    try:
        verdict = GateVerdict.from_json(candidate.tags[VERDICT])
    except DataError as err:
        raise RegistryError(f"{about} carries a verdict that cannot be read: {err}. {_judge_again(candidate)}") from err
    if not verdict.passed:
        raise RegistryError(f"{about} did not pass the gate ({verdict.kind}): {'; '.join(verdict.reasons)}")
    return verdict


def was_compared_with_newest(candidate: RegisteredVersion, promotions: Sequence[Promotion]) -> bool:
    """Tell whether a version's verdict is against the newest champion, or against none where there is none."""
    return candidate.tags.get(JUDGED_AGAINST) == _rival(promotions[-1] if promotions else None)


def check_rival(candidate: RegisteredVersion, promotions: Sequence[Promotion]) -> None:
    """Refuse a verdict that compares the version with another champion than the newest one.

    Raises:
        RegistryError: It does.
    """
    if not was_compared_with_newest(candidate, promotions):
        newest = _rival(promotions[-1] if promotions else None)
        rival = candidate.tags.get(JUDGED_AGAINST, "an unknown one")
        raise RegistryError(
            f"the gate compared version {candidate.version} of {candidate.name} with another champion ({rival}) than "
            f"the newest one ({newest}). {_judge_again(candidate)}{_later(promotions)}, so that it is compared with "
            "that one"
        )


def check_approver(candidate: RegisteredVersion, by: str, *, trainer_may_approve: bool) -> None:
    """Refuse an approval by nobody who is known, and where it takes a second person, by whoever trained the version.

    A service principal is no person: it trains by a schedule, and approves what a pipeline's own approvers let through.

    Raises:
        RegistryError: The approval is refused.
    """
    about = f"version {candidate.version} of {candidate.name}"
    if not by:
        raise RegistryError(
            f"{about} is approved by nobody who is known: a run that was repaired does not say who repaired it. Start "
            "a run of its own for the approval"
        )
    if trainer_may_approve:
        return
    trainer = candidate.tags.get(TRAINED_BY)
    if not trainer:
        raise RegistryError(
            f"{about} does not say who trained it, so that nobody can be told apart from them. Train again in a run "
            "that is not repaired, or set approval_by_trainer to allowed"
        )
    if trainer.casefold() == by.casefold() and not is_service_principal(by):
        raise RegistryError(f"{about} was trained by {trainer}, who may not approve it too: ask somebody else to")


def approval_tags(
    candidate: RegisteredVersion, promotions: Sequence[Promotion], *, as_of: datetime, by: str, reason: str
) -> dict[str, str]:
    """Write as tags that a person lets a version go live: who, when, why, and on which grounds.

    The grounds are the verdict, and the promotions up to then: the approval counts until the version is judged anew,
    or anything is promoted or rolled back. Their hash is of the whole approval: half of one is none.
    """
    words = {APPROVED_AT: iso(as_of), APPROVED_BECAUSE: reason, APPROVED_BY: by}
    return {**words, APPROVED_FOR: _seal(words, candidate, promotions)}


def approved(candidate: RegisteredVersion, promotions: Sequence[Promotion], as_of: datetime) -> str:
    """Tell who lets a version go live, when and why, as a part of the promotion's reason.

    Raises:
        RegistryError: Nobody does, or on grounds that have changed since.
    """
    tags = candidate.tags
    again = f"`levelfive registry approve {candidate.version} --as-of {iso(as_of)} --reason WHY`"
    if APPROVED_BY not in tags:
        raise RegistryError(f"version {candidate.version} waits for an approval: {again}")
    if tags.get(APPROVED_FOR) != _seal(tags, candidate, promotions):
        raise RegistryError(
            f"version {candidate.version} waits for an approval: the one that it carries, by {tags[APPROVED_BY]}, is "
            "of before it was judged anew or something was promoted or rolled back, or was not written to its end. "
            f"Approve it again: {again}"
        )
    return f"approved by {tags[APPROVED_BY]} as of {tags[APPROVED_AT]}: {tags[APPROVED_BECAUSE]}"


def _rival(live: Promotion | None) -> str:
    return NO_CHAMPION if live is None else live.version


def _seal(words: Mapping[str, str], candidate: RegisteredVersion, promotions: Sequence[Promotion]) -> str:
    approval = [words[name] for name in (APPROVED_AT, APPROVED_BECAUSE, APPROVED_BY)]
    grounds = [candidate.tags.get(VERDICT), candidate.tags.get(JUDGED_AGAINST), len(promotions)]
    return hashlib.sha256(json.dumps([*approval, *grounds]).encode()).hexdigest()


def _later(promotions: Sequence[Promotion]) -> str:
    return f" as of a time after {iso(promotions[-1].promoted_at)}" if promotions else ""


def _judge_again(candidate: RegisteredVersion) -> str:
    return "Copy it again" if SOURCE_MODEL in candidate.tags else "Train again"
