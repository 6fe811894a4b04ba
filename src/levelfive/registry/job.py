"""The registry stage's job: makes a version that passed the gate the champion."""

from __future__ import annotations

from datetime import datetime

from levelfive.config import Approval
from levelfive.registry.aliases import sync_aliases
from levelfive.registry.eligibility import approved, check_rival, passed_verdict
from levelfive.registry.go_live import RegistryResult, check_order, go_live
from levelfive.registry.promotions import PROMOTE, PROMOTIONS, Promotion, history
from levelfive.registry.store import CentralRegistry
from levelfive.storage.runs import JobContext

READS = (PROMOTIONS,)
WRITES = (PROMOTIONS,)


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
        promotions = history(context.tables, registry.name)
        if promotions and promotions[-1].version == version:
            return RegistryResult(run.run_id, sync_aliases(run.tables, registry), has_promoted=False)
        candidate = registry.find(version)
        verdict = passed_verdict(candidate)
        check_order(promotions, as_of, version)
        check_rival(candidate, promotions)
        approvals = (approved(candidate, promotions, as_of),) if approval is Approval.MANUAL else ()
        promotion = Promotion(
            seq=len(promotions) + 1,
            model_name=registry.name,
            version=version,
            previous_version=promotions[-1].version if promotions else None,
            promoted_at=as_of,
            kind=PROMOTE,
            promoted_by=by,
            reason="; ".join((*verdict.reasons, *approvals)),
            verdict=verdict.to_json(),
            run_id=run.run_id,
        )
        return go_live(run, registry, promotion)
