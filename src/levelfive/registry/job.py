"""The registry room's job: makes a version that passed the gate the champion."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from levelfive.config import Approval
from levelfive.errors import RegistryError
from levelfive.model_package import smoke_check
from levelfive.registry.gate import Verdict
from levelfive.registry.promotions import PROMOTIONS, Promotion, append, champion_as_of, history
from levelfive.registry.store import CHALLENGER, CHAMPION, CentralRegistry
from levelfive.registry.tags import (
    APPROVED_AT,
    APPROVED_BECAUSE,
    APPROVED_BY,
    JUDGED_AGAINST,
    NO_CHAMPION,
    SOURCE_MODEL,
    VERDICT,
)
from levelfive.runs import JobContext, Run
from levelfive.windows import iso

READS = (PROMOTIONS,)
WRITES = (PROMOTIONS,)

PROMOTE, ROLLBACK = "promote", "rollback"


@dataclass(frozen=True)
class RegistryResult:
    """The promotion that is in force after the run, and whether this run made it."""

    run_id: str
    promotion: Promotion
    promoted: bool


def run(
    context: JobContext,
    registry: CentralRegistry,
    *,
    version: str,
    as_of: datetime,
    by: str,
    approval: Approval = Approval.AUTO,
) -> RegistryResult:
    """Promote a version: smoke check, one row in `promotions`, then the alias.

    A version that is the newest champion already is not promoted again; its alias is repaired. A verdict counts as
    long as the champion that the gate compared the version with is the newest one.

    Args:
        context: Tables and use case.
        registry: The central registry.
        version: What to promote; it must carry a verdict that passed.
        as_of: The logical now; the version is champion for all jobs of later times.
        by: Who asked for it.
        approval: Whether the version must carry a person's approval, as `approve` writes it.

    Raises:
        ModelNotFound: There is no such version.
        RegistryError: The gate did not pass it or compared it with an earlier champion, nobody approved it, its smoke
            check failed, or there is a later promotion.
        PromotionConflict: Another writer promoted at the same time.
    """
    with context.run("registry", as_of=as_of, parameters={"version": version, "by": by}) as run:
        run.model_version = version
        made = history(context.tables, registry.name)
        if made and made[-1].version == version:
            _point_aliases(registry, version)
            return RegistryResult(run.run_id, made[-1], promoted=False)
        verdict = passed_verdict(registry, version)
        approved = _approved(registry, version, as_of) if approval is Approval.MANUAL else ()
        _check_order(made, as_of, version)
        _check_rival(registry, made, version)
        promotion = Promotion(
            seq=len(made) + 1,
            model_name=registry.name,
            version=version,
            previous_version=made[-1].version if made else None,
            promoted_at=as_of,
            kind=PROMOTE,
            promoted_by=by,
            reason="; ".join((*verdict.reasons, *approved)),
            verdict=verdict.to_json(),
            run_id=run.run_id,
        )
        return _made(run, registry, promotion)


def approve(
    context: JobContext, registry: CentralRegistry, *, version: str, as_of: datetime, by: str, reason: str
) -> None:
    """Record on a version that passed the gate that a person lets it go live: who, when and why.

    Raises:
        ModelNotFound: There is no such version.
        RegistryError: The gate did not pass it, or the registry refused.
    """
    parameters = {"approve": version, "by": by, "reason": reason}
    with context.run("registry", as_of=as_of, parameters=parameters) as run:
        run.model_version = version
        passed_verdict(registry, version)
        registry.tag(version, {APPROVED_AT: iso(as_of), APPROVED_BECAUSE: reason, APPROVED_BY: by})


def rollback(
    context: JobContext,
    registry: CentralRegistry,
    *,
    as_of: datetime,
    by: str,
    reason: str,
    since: datetime | None = None,
) -> RegistryResult:
    """Make the champion before the present one the champion again: one row in `promotions`, then the alias.

    It needs nothing of the version that it takes out of service, whose artefacts may be gone; a rollback of a
    rollback goes one champion further back. Run again as of the same time, it only repairs the alias.

    Args:
        context: Tables and use case.
        registry: The central registry.
        as_of: The logical now; the version is champion for all jobs of later times.
        by: Who asked for it.
        reason: Why.
        since: Take back only what was promoted at this time or later; if nothing was, nothing is done.

    Raises:
        RegistryError: There is no earlier champion, its smoke check failed, or a later promotion exists.
        PromotionConflict: Another writer promoted at the same time.
    """
    parameters = {"rollback": True, "by": by, "reason": reason, "since": since}
    with context.run("registry", as_of=as_of, parameters=parameters) as run:
        made = history(context.tables, registry.name)
        if made and _is_taken_back(made[-1], as_of, since):
            run.model_version = made[-1].version
            _point_aliases(registry, made[-1].version)
            return RegistryResult(run.run_id, made[-1], promoted=False)
        earlier = made[-1].previous_version if made else None
        if earlier is None:
            raise RegistryError(
                f"{registry.name} has no champion before the present one: there is nothing to go back to"
            )
        back_to = next(p for p in made if p.version == earlier)
        _check_order(made, as_of, earlier)
        run.model_version = earlier
        promotion = Promotion(
            seq=len(made) + 1,
            model_name=registry.name,
            version=earlier,
            previous_version=back_to.previous_version,
            promoted_at=as_of,
            kind=ROLLBACK,
            promoted_by=by,
            reason=f"back from version {made[-1].version}: {reason}",
            verdict=back_to.verdict,
            run_id=run.run_id,
        )
        return _made(run, registry, promotion)


def nominate(context: JobContext, registry: CentralRegistry, version: str) -> None:
    """Let the alias `challenger` show a version that passed the gate and waits; the newest champion does not wait.

    Raises:
        RegistryError: The registry refused.
    """
    made = history(context.tables, registry.name)
    if not made or made[-1].version != version:
        registry.set_alias(CHALLENGER, version)


def champion(context: JobContext, registry: CentralRegistry, as_of: datetime) -> Promotion | None:
    """Find the champion as of a time; None only where `promotions` says that there was none."""
    return champion_as_of(history(context.tables, registry.name), as_of)


def judged(verdict: Verdict, live: Promotion | None) -> dict[str, str]:
    """Write as tags what the gate said of a version, and with which champion it was compared."""
    return {VERDICT: verdict.to_json(), JUDGED_AGAINST: NO_CHAMPION if live is None else live.version}


def passed_verdict(registry: CentralRegistry, version: str) -> Verdict:
    """Read the verdict that a version carries.

    Raises:
        ModelNotFound: There is no such version.
        RegistryError: It carries none, or one that did not pass.
    """
    text = registry.find(version).tags.get(VERDICT)
    if text is None:
        raise RegistryError(
            f"version {version} of {registry.name} carries no verdict of the gate: only what `training` refitted, or "
            "`levelfive registry copy` brought, can go live"
        )
    verdict = Verdict.from_json(text)
    if not verdict.passed:
        raise RegistryError(
            f"version {version} of {registry.name} did not pass the gate ({verdict.kind}): {'; '.join(verdict.reasons)}"
        )
    return verdict


def _made(run: Run, registry: CentralRegistry, promotion: Promotion) -> RegistryResult:
    """Make a promotion: smoke check of its version, its row, then the aliases."""
    with run.timed("smoke_check"), tempfile.TemporaryDirectory() as folder:
        smoke_check(registry.download(promotion.version, Path(folder)))
    run.wrote(append(run.tables, promotion))
    _point_aliases(registry, promotion.version)
    return RegistryResult(run.run_id, promotion, promoted=True)


def _approved(registry: CentralRegistry, version: str, as_of: datetime) -> tuple[str, ...]:
    tags = registry.find(version).tags
    if APPROVED_BY not in tags:
        raise RegistryError(
            f"version {version} waits for an approval: levelfive registry approve {version} --as-of {iso(as_of)} "
            "--by WHO --reason WHY"
        )
    return (f"approved by {tags[APPROVED_BY]} as of {tags[APPROVED_AT]}: {tags[APPROVED_BECAUSE]}",)


def _point_aliases(registry: CentralRegistry, version: str) -> None:
    """Point `champion` at a version, which then no longer waits as `challenger`."""
    registry.set_alias(CHAMPION, version)
    if registry.alias(CHALLENGER) == version:
        registry.drop_alias(CHALLENGER)


def _is_taken_back(newest: Promotion, as_of: datetime, since: datetime | None) -> bool:
    if newest.kind == ROLLBACK and (since is not None or newest.promoted_at == as_of):
        return True
    return since is not None and newest.promoted_at < since


def _check_rival(registry: CentralRegistry, made: tuple[Promotion, ...], version: str) -> None:
    """Refuse a verdict that compares the version with another champion than the newest one."""
    found, newest = registry.find(version).tags, made[-1].version if made else NO_CHAMPION
    rival = found.get(JUDGED_AGAINST, "an unknown one")
    if rival != newest:
        again = "copy it again" if SOURCE_MODEL in found else "train again"
        raise RegistryError(
            f"the gate compared version {version} of {registry.name} with another champion ({rival}) than the newest "
            f"one ({newest}): {again}, so that it is compared with that one"
        )


def _check_order(made: tuple[Promotion, ...], as_of: datetime, version: str) -> None:
    if made and made[-1].promoted_at >= as_of:
        raise RegistryError(
            f"version {version} cannot be promoted as of {iso(as_of)}: version {made[-1].version} was promoted as of "
            f"{iso(made[-1].promoted_at)}. Give a later --as-of."
        )
