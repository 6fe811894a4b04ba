"""What is live, since when, why, and how it does."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from levelfive.core.windows import Window
from levelfive.monitoring.acknowledged import acknowledgements, covering
from levelfive.monitoring.performance import Performance, performance
from levelfive.monitoring.records import VerdictRecord, verdicts
from levelfive.registry.promotions import Promotion, champion_as_of, history
from levelfive.registry.store import CHAMPION, CentralRegistry
from levelfive.storage.annotations import Annotation
from levelfive.storage.predictions import PREDICTIONS
from levelfive.storage.runs import JobContext, Run


@dataclass(frozen=True)
class Status:
    """The champion of a time, and the performance of live predictions since its promotion.

    `newest` is the newest champion, `alias` what the registry's alias points at now: the same where all is well, and
    where the registry has no aliases. `judged` is the verdict on the latest window of the champion, `acknowledged` who
    acknowledged it.
    """

    live: Promotion | None
    newest: str | None
    alias: str | None
    performance: Performance | None
    judged: VerdictRecord | None = None
    acknowledged: Annotation | None = None


def status_of(context: JobContext, registry: CentralRegistry, as_of: datetime) -> Status:
    """Collect the status as of a time.

    Raises:
        RegistryError: The registry did not answer.
    """
    made = history(context.tables, registry.name)
    live = champion_as_of(made, as_of)
    newest = made[-1].version if made else None
    alias = registry.alias(CHAMPION) if made and registry.has_aliases else newest
    if live is None:
        return Status(None, newest, alias, None)
    found = None
    run = Run(context.tables, "status")
    if context.tables.exists(PREDICTIONS):
        since = Window(live.promoted_at, as_of)
        found = performance(context, run, [since], model_name=registry.name, as_of=as_of)[0]
    told = [one for one in verdicts(run, registry.name, as_of=as_of) if one.model_version == live.version]
    judged = told[-1] if told else None
    known = acknowledgements(run, registry.name, as_of=as_of)
    acknowledged = None if judged is None else covering(known, judged)
    return Status(live, newest, alias, found if found and found.scored else None, judged, acknowledged)
