"""What is live, since when, why, and how it does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from levelfive.core.windows import Window
from levelfive.data import landed
from levelfive.deployment.records import DeploymentRecord, answering, deployments
from levelfive.monitoring.acknowledged import Acknowledgements, acknowledgements, in_words, known_verdicts
from levelfive.monitoring.alert_history import alert_history
from levelfive.monitoring.alert_states import AlertRecord, current, open_alerts
from levelfive.monitoring.alert_words import line_of, title_of
from levelfive.monitoring.alerts import ALERTS
from levelfive.monitoring.evidence import HARMFUL
from levelfive.monitoring.muted import muted_by, mutes
from levelfive.monitoring.noted import noted_of, notes
from levelfive.monitoring.performance import Performance, performance
from levelfive.monitoring.performance_records import SERVED, last_measured
from levelfive.monitoring.records import verdicts
from levelfive.monitoring.verdict import KnownVerdict
from levelfive.online.publications import behind
from levelfive.online.staleness import Behind
from levelfive.registry.promotions import Promotion, champion_as_of, history
from levelfive.registry.store import CHAMPION, CentralRegistry
from levelfive.reporting.data import AlertLine
from levelfive.storage.predictions import PREDICTIONS
from levelfive.storage.runs import JobContext, Run
from levelfive.usecase.alert_rules import Severity


@dataclass(frozen=True)
class Status:
    """The champion of a time, and the performance of live predictions since its promotion.

    `newest` is the newest champion, `alias` what the registry's alias points at now: the same where all is well, and
    where the registry has no aliases. `verdict` is that on the latest window of the champion. `corrections` are the
    rows that were corrected since the promotion, and of them those that were deleted, by source. `online` is how far
    behind the online store is, None where nothing was published. `answering` is by endpoint what was deployed there
    last. `served` is the latest monitored window in which single requests were answered, wherever the service runs,
    with the versions that answered. `alerts` are a line for each alert that is open, the most urgent first.
    """

    live: Promotion | None
    newest: str | None
    alias: str | None
    performance: Performance | None
    verdict: KnownVerdict | None = None
    corrections: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    online: Behind | None = None
    answering: Mapping[str, DeploymentRecord] = field(default_factory=dict)
    alerts: tuple[str, ...] = ()
    served: tuple[Window, str] | None = None


def status_of(context: JobContext, registry: CentralRegistry, as_of: datetime) -> Status:
    """Collect the status as of a time.

    Raises:
        RegistryError: The registry did not answer.
    """
    promotions = history(context.tables, registry.name)
    live = champion_as_of(promotions, as_of)
    newest = promotions[-1].version if promotions else None
    alias = registry.alias(CHAMPION) if promotions and registry.has_aliases else newest
    endpoint_versions = answering(deployments(context.tables, registry.name), as_of=as_of)
    run, since_promotion = Run(context.tables, "status"), None
    online = behind(run, as_of)
    alerts = tuple(one.text for one in alert_lines(run, registry.name, as_of=as_of))
    served = _served(run, registry.name, as_of)
    if live is None:
        return Status(
            None, newest, alias, None, online=online, answering=endpoint_versions, alerts=alerts, served=served
        )
    if context.tables.exists(PREDICTIONS):
        windows = [Window(live.promoted_at, as_of)]
        (whole,) = performance(context, run, windows, model_name=registry.name, as_of=as_of)
        since_promotion = whole if whole.scored else None
    of_champion = [one for one in verdicts(run, registry.name, as_of=as_of) if one.model_version == live.version]
    words = acknowledgements(run, registry.name, as_of=as_of)
    (verdict,) = known_verdicts(of_champion[-1:], words) or (None,)
    corrections = _corrections(context, run, live.promoted_at, as_of)
    return Status(live, newest, alias, since_promotion, verdict, corrections, online, endpoint_versions, alerts, served)


def _served(run: Run, model_name: str, as_of: datetime) -> tuple[Window, str] | None:
    rows = last_measured(run, model_name, as_of, ("model_version", "scored"))
    answers = [
        (window, str(row["model_version"]))
        for (window, model), row in rows.items()
        if model == SERVED and row["scored"]
    ]
    return max(answers, key=lambda answer: answer[0].end, default=None)


def alert_lines(run: Run, model_name: str, *, as_of: datetime) -> tuple[AlertLine, ...]:
    """Say of each alert that is open what it is, the most urgent first, and what people say of it."""
    words, events = mutes(run, model_name, as_of=as_of), notes(run, model_name, as_of=as_of)
    rows = alert_history(run, model_name, as_of=as_of)
    by_alert = _acknowledgements_by_alert(rows, acknowledgements(run, model_name, as_of=as_of))
    lines = []
    for one in open_alerts(rows):
        word = "; ".join(filter(None, (muted_by(words, one), by_alert.get(one.alert_id))))
        text = line_of(one, word, noted_of(events, one))
        lines.append(
            AlertLine(
                text,
                title_of(one),
                one.since,
                one.message,
                one.severity != Severity.INFO,
                word,
                one.what_to_do,
                is_of_harm=_statement_name(one) == HARMFUL.name,
            )
        )
    return tuple(lines)


def _acknowledgements_by_alert(rows: Sequence[AlertRecord], words: Acknowledgements) -> dict[str, str]:
    """Find by alert who acknowledged the window that raised it last, as far as somebody did."""
    newest = {(one.alert_id, one.window): one for one in sorted(rows, key=lambda one: one.as_of)}
    raising = current(one for one in newest.values() if one.raised)
    return {
        alert_id: in_words(word)
        for alert_id, one in raising.items()
        if (word := words.get(one.window)) is not None and _statement_name(one) in word.covers
    }


def _statement_name(alert: AlertRecord) -> str:
    definition = ALERTS.get(alert.alert)
    return "" if definition is None or definition.statement is None else definition.statement.name


def _corrections(context: JobContext, run: Run, after: datetime, until: datetime) -> dict[str, tuple[int, int]]:
    sources = {source.name for source in context.use_case.sources if source.has_corrections}
    counts: dict[str, tuple[int, int]] = {}
    for file in landed.corrections(run, sources, after=after, until=until):
        rows, deletions = counts.get(file.source, (0, 0))
        counts[file.source] = (rows + file.corrections + file.deletions, deletions + file.deletions)
    return counts
