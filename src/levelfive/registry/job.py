"""The registry stage's job: makes a version that passed the gate the champion."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from levelfive.config import Approval
from levelfive.core.windows import iso
from levelfive.errors import RegistryError
from levelfive.models.package import smoke_check
from levelfive.registry.aliases import sync_aliases
from levelfive.registry.eligibility import approval as approval_of
from levelfive.registry.eligibility import approved, check_approver, check_rival, passed_verdict
from levelfive.registry.promotions import PROMOTIONS, Promotion, append, champion_as_of, history
from levelfive.registry.store import CentralRegistry
from levelfive.storage.runs import JobContext, Run

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
        RegistryError: The gate did not pass it or compared it with an earlier champion, nobody approved it as it is
            now, its smoke check failed, or there is a later promotion.
        PromotionConflict: Another writer promoted at the same time.
        TableError: The promotions cannot be written.
    """
    with context.run("registry", as_of=as_of, parameters={"version": version, "by": by}) as run:
        run.model_version = version
        made = history(context.tables, registry.name)
        if made and made[-1].version == version:
            return RegistryResult(run.run_id, sync_aliases(run.tables, registry), promoted=False)
        found = registry.find(version)
        verdict = passed_verdict(found)
        _check_order(made, as_of, version)
        check_rival(found, made)
        said = (approved(found, made, as_of),) if approval is Approval.MANUAL else ()
        promotion = Promotion(
            seq=len(made) + 1,
            model_name=registry.name,
            version=version,
            previous_version=made[-1].version if made else None,
            promoted_at=as_of,
            kind=PROMOTE,
            promoted_by=by,
            reason="; ".join((*verdict.reasons, *said)),
            verdict=verdict.to_json(),
            run_id=run.run_id,
        )
        return _made(run, registry, promotion)


def approve(
    context: JobContext,
    registry: CentralRegistry,
    *,
    version: str,
    as_of: datetime,
    by: str,
    reason: str,
    on_behalf_of: str = "",
    trainer_may_approve: bool = True,
) -> bool:
    """Record on a version that passed the gate that a person lets it go live: who, when and why.

    Args:
        context: Tables and use case.
        registry: The central registry.
        version: What may go live.
        as_of: The logical now.
        by: Who says so, as the platform knows them; empty where it does not.
        reason: Why.
        on_behalf_of: What they say of who decided; a note beside their name.
        trainer_may_approve: Whether whoever trained the version may.

    Returns:
        Whether it was recorded; the newest champion needs no approval any more, and keeps the one that it has.

    Raises:
        ModelNotFound: There is no such version.
        RegistryError: The gate did not pass it or compared it with an earlier champion, the one who says so may not,
            or the registry refused.
    """
    said_by = f"{by} (for {on_behalf_of})" if on_behalf_of else by
    parameters = {"approve": version, "by": said_by, "reason": reason}
    with context.run("registry", as_of=as_of, parameters=parameters) as run:
        run.model_version = version
        made = history(context.tables, registry.name)
        if made and made[-1].version == version:
            return False
        found = registry.find(version)
        passed_verdict(found)
        check_rival(found, made)
        check_approver(found, by, trainer_may_approve=trainer_may_approve)
        registry.tag(version, approval_of(found, made, as_of=as_of, by=said_by, reason=reason))
        return True


def rollback(
    context: JobContext,
    registry: CentralRegistry,
    *,
    as_of: datetime,
    by: str,
    reason: str,
    version: str | None = None,
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
        version: Take back only this version; if another one is champion, nothing is done.
        since: Take back only what was promoted at this time or later; if nothing was, nothing is done.

    Raises:
        RegistryError: There is no earlier champion, its smoke check failed, or a later promotion exists.
        PromotionConflict: Another writer promoted at the same time.
        TableError: The promotions cannot be written.
    """
    parameters = {"rollback": True, "version": version, "by": by, "reason": reason, "since": since}
    with context.run("registry", as_of=as_of, parameters=parameters) as run:
        made = history(context.tables, registry.name)
        if made and not _is_to_take_back(made[-1], as_of, version, since):
            run.model_version = made[-1].version
            return RegistryResult(run.run_id, sync_aliases(run.tables, registry), promoted=False)
        earlier = made[-1].previous_version if made else None
        if earlier is None:
            raise RegistryError(
                f"{registry.name} has no champion before the present one: there is nothing to go back to"
            )
        back_to = next(p for p in reversed(made) if p.version == earlier)
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


def champion(context: JobContext, registry: CentralRegistry, as_of: datetime) -> Promotion | None:
    """Find the champion as of a time; None only where `promotions` says that there was none."""
    return champion_as_of(history(context.tables, registry.name), as_of)


def _made(run: Run, registry: CentralRegistry, promotion: Promotion) -> RegistryResult:
    """Make a promotion: smoke check of its version, its row, then the aliases."""
    with run.timed("smoke_check"), tempfile.TemporaryDirectory() as folder:
        smoke_check(registry.download(promotion.version, Path(folder)))
    run.wrote(append(run.tables, promotion))
    sync_aliases(run.tables, registry)
    return RegistryResult(run.run_id, promotion, promoted=True)


def _is_to_take_back(newest: Promotion, as_of: datetime, version: str | None, since: datetime | None) -> bool:
    if newest.kind == ROLLBACK:  # a plain rollback may go further back, but not when it is run again
        return version is None and since is None and newest.promoted_at != as_of
    return version in (None, newest.version) and (since is None or newest.promoted_at >= since)


def _check_order(made: tuple[Promotion, ...], as_of: datetime, version: str) -> None:
    if made and made[-1].promoted_at >= as_of:
        raise RegistryError(
            f"version {version} cannot be promoted as of {iso(as_of)}: version {made[-1].version} was promoted as of "
            f"{iso(made[-1].promoted_at)}. Give a later --as-of."
        )
