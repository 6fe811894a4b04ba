"""Records that a person lets a version go live, where promotion waits for one."""

from __future__ import annotations

from datetime import datetime

from levelfive.core.texts import in_the_name_of
from levelfive.registry.eligibility import approval_tags, check_approver, check_rival, passed_verdict
from levelfive.registry.promotions import history
from levelfive.registry.store import CentralRegistry
from levelfive.storage.runs import JobContext


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
    said_by = in_the_name_of(by, on_behalf_of)
    parameters = {"approve": version, "by": said_by, "reason": reason}
    with context.run("registry", as_of=as_of, parameters=parameters) as run:
        run.model_version = version
        promotions = history(context.tables, registry.name)
        if promotions and promotions[-1].version == version:
            return False
        candidate = registry.find(version)
        passed_verdict(candidate)
        check_rival(candidate, promotions)
        check_approver(candidate, by, trainer_may_approve=trainer_may_approve)
        registry.tag(version, approval_tags(candidate, promotions, as_of=as_of, by=said_by, reason=reason))
        return True
