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


def passed_verdict(found: RegisteredVersion) -> GateVerdict:
    """Read the verdict that a version carries.

    Raises:
        RegistryError: It carries none, one that cannot be read, or one that did not pass.
    """
    about = f"version {found.version} of {found.name}"
    if VERDICT not in found.tags:
        raise RegistryError(
            f"{about} carries no verdict of the gate: only what `training` refitted, or `levelfive registry copy` "
            "brought, can go live"
        )
    try:
        verdict = GateVerdict.from_json(found.tags[VERDICT])
    except DataError as err:
        raise RegistryError(f"{about} carries a verdict that cannot be read: {err}. {_judge_again(found)}") from err
    if not verdict.passed:
        raise RegistryError(f"{about} did not pass the gate ({verdict.kind}): {'; '.join(verdict.reasons)}")
    return verdict


def was_compared_with_newest(found: RegisteredVersion, made: Sequence[Promotion]) -> bool:
    """Tell whether a version's verdict is against the newest champion, or against none where there is none."""
    return found.tags.get(JUDGED_AGAINST) == _rival(made[-1] if made else None)


def check_rival(found: RegisteredVersion, made: Sequence[Promotion]) -> None:
    """Refuse a verdict that compares the version with another champion than the newest one.

    Raises:
        RegistryError: It does.
    """
    if not was_compared_with_newest(found, made):
        newest, rival = _rival(made[-1] if made else None), found.tags.get(JUDGED_AGAINST, "an unknown one")
        raise RegistryError(
            f"the gate compared version {found.version} of {found.name} with another champion ({rival}) than the "
            f"newest one ({newest}). {_judge_again(found)}{_later(made)}, so that it is compared with that one"
        )


def check_approver(found: RegisteredVersion, by: str, *, trainer_may_approve: bool) -> None:
    """Refuse an approval by nobody who is known, and where it takes a second person, by whoever trained the version.

    A service principal is no person: it trains by a schedule, and approves what a pipeline's own approvers let through.

    Raises:
        RegistryError: The approval is refused.
    """
    about = f"version {found.version} of {found.name}"
    if not by:
        raise RegistryError(
            f"{about} is approved by nobody who is known: a run that was repaired does not say who repaired it. Start "
            "a run of its own for the approval"
        )
    if trainer_may_approve:
        return
    trainer = found.tags.get(TRAINED_BY)
    if not trainer:
        raise RegistryError(
            f"{about} does not say who trained it, so that nobody can be told apart from them. Train again in a run "
            "that is not repaired, or set approval_by_trainer to allowed"
        )
    if trainer.casefold() == by.casefold() and not is_service_principal(by):
        raise RegistryError(f"{about} was trained by {trainer}, who may not approve it too: ask somebody else to")


def approval_tags(
    found: RegisteredVersion, made: Sequence[Promotion], *, as_of: datetime, by: str, reason: str
) -> dict[str, str]:
    """Write as tags that a person lets a version go live: who, when, why, and on which grounds.

    The grounds are the verdict, and the promotions up to then: the approval counts until the version is judged anew,
    or anything is promoted or rolled back. Their hash is of the whole approval: half of one is none.
    """
    said = {APPROVED_AT: iso(as_of), APPROVED_BECAUSE: reason, APPROVED_BY: by}
    return {**said, APPROVED_FOR: _seal(said, found, made)}


def approved(found: RegisteredVersion, made: Sequence[Promotion], as_of: datetime) -> str:
    """Tell who lets a version go live, when and why, as a part of the promotion's reason.

    Raises:
        RegistryError: Nobody does, or on grounds that have changed since.
    """
    tags = found.tags
    again = f"levelfive registry approve {found.version} --as-of {iso(as_of)} --reason WHY"
    if APPROVED_BY not in tags:
        raise RegistryError(f"version {found.version} waits for an approval: {again}")
    if tags.get(APPROVED_FOR) != _seal(tags, found, made):
        raise RegistryError(
            f"version {found.version} waits for an approval: the one that it carries, by {tags[APPROVED_BY]}, is of "
            "before it was judged anew or something was promoted or rolled back, or was not written to its end. "
            f"Approve it again: {again}"
        )
    return f"approved by {tags[APPROVED_BY]} as of {tags[APPROVED_AT]}: {tags[APPROVED_BECAUSE]}"


def _rival(live: Promotion | None) -> str:
    return NO_CHAMPION if live is None else live.version


def _seal(said: Mapping[str, str], found: RegisteredVersion, made: Sequence[Promotion]) -> str:
    approval = [said[name] for name in (APPROVED_AT, APPROVED_BECAUSE, APPROVED_BY)]
    grounds = [found.tags.get(VERDICT), found.tags.get(JUDGED_AGAINST), len(made)]
    return hashlib.sha256(json.dumps([*approval, *grounds]).encode()).hexdigest()


def _later(made: Sequence[Promotion]) -> str:
    return f" as of a time after {iso(made[-1].promoted_at)}" if made else ""


def _judge_again(found: RegisteredVersion) -> str:
    return "Copy it again" if SOURCE_MODEL in found.tags else "Train again"
