"""Goes back to the champion before the present one, whatever became of the version that is taken out of service."""

from __future__ import annotations

from datetime import datetime

from levelfive.errors import RegistryError
from levelfive.registry.aliases import sync_aliases
from levelfive.registry.go_live import RegistryResult, check_order, go_live
from levelfive.registry.promotions import ROLLBACK, Promotion, history
from levelfive.registry.store import CentralRegistry
from levelfive.storage.runs import JobContext


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
        promotions = history(context.tables, registry.name)
        if promotions and not _is_to_take_back(promotions[-1], as_of, version, since):
            run.model_version = promotions[-1].version
            return RegistryResult(run.run_id, sync_aliases(run.tables, registry), has_promoted=False)
        earlier = promotions[-1].previous_version if promotions else None
        if earlier is None:
            raise RegistryError(
                f"{registry.name} has no champion before the present one: there is nothing to go back to"
            )
        back_to = next(p for p in reversed(promotions) if p.version == earlier)
        check_order(promotions, as_of, earlier)
        run.model_version = earlier
        promotion = Promotion(
            seq=len(promotions) + 1,
            model_name=registry.name,
            version=earlier,
            previous_version=back_to.previous_version,
            promoted_at=as_of,
            kind=ROLLBACK,
            promoted_by=by,
            reason=f"back from version {promotions[-1].version}: {reason}",
            verdict=back_to.verdict,
            run_id=run.run_id,
        )
        return go_live(run, registry, promotion)


def _is_to_take_back(newest: Promotion, as_of: datetime, version: str | None, since: datetime | None) -> bool:
    if newest.kind == ROLLBACK:  # a plain rollback may go further back, but not when it is run again
        return version is None and since is None and newest.promoted_at != as_of
    return version in (None, newest.version) and (since is None or newest.promoted_at >= since)
