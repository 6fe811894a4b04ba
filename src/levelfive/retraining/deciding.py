"""Takes a decision: what is known of the live model at a time, and what the policy says of it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from levelfive.core.windows import iso
from levelfive.errors import RegistryError
from levelfive.features.labels import labelled_days
from levelfive.monitoring.acknowledged import acknowledgements, excluded, known_verdicts
from levelfive.monitoring.performance_records import LIVE, last_measured
from levelfive.monitoring.records import verdicts
from levelfive.monitoring.verdict import KnownVerdict
from levelfive.registry.promotions import champion
from levelfive.registry.store import CentralRegistry
from levelfive.retraining.policy import decide
from levelfive.retraining.records import DecisionRecord, retrainings
from levelfive.retraining.situation import Situation
from levelfive.retraining.tried import foreseen, tried
from levelfive.retraining.triggers import counts
from levelfive.storage.runs import JobContext, Run
from levelfive.usecase.use_case import UseCase


def decision_id(model_name: str, as_of: datetime) -> str:
    """Derive the id of the decision about a model at a time: 16 hexadecimal digits."""
    return hashlib.sha256(f"{model_name}|{iso(as_of)}".encode()).hexdigest()[:16]


def take_decision(
    context: JobContext, run: Run, registry: CentralRegistry, earlier: Sequence[DecisionRecord], *, as_of: datetime
) -> DecisionRecord:
    """Decide on the live model; nothing is written.

    Args:
        context: Tables and use case.
        run: Notes the versions of the tables that are read.
        registry: The central registry.
        earlier: The decisions so far.
        as_of: The logical now.

    Raises:
        RegistryError: There is no live model.
    """
    live = champion(context.tables, registry.name, as_of=as_of)
    if live is None:
        raise RegistryError(
            f"no champion of {registry.name} as of {iso(as_of)}, so there is nothing to retrain: run "
            f"`levelfive training --as-of {iso(as_of)}`"
        )
    card, use_case = registry.load(live.version).card, context.use_case
    records = verdicts(run, registry.name, as_of=as_of)
    words = acknowledgements(run, registry.name, as_of=as_of)
    out = excluded(records, words, day_starts_at=use_case.day_starts_at)
    days = labelled_days(context, run, as_of, exclusions=out, since=card.trained_until)
    # A training that the gate refused has seen its labels too: the next one waits for more.
    trainings = retrainings(context.tables, registry.name, until=as_of)
    attempts = tried(use_case, days, earlier, trainings, live_version=live.version)
    of_live = known_verdicts((one for one in records if one.model_version == live.version), words)
    newest = last_measured(run, registry.name, as_of, ("model_version", "days", "mature", "low", "high"))
    situation = Situation(
        as_of=as_of,
        windows=tuple(_by_later_labels(use_case, one, newest.get((one.window, LIVE))) for one in of_live),
        skill_at_training=card.holdout_skill,
        labels_at_training=max([card.training_rows, *attempts.labels]),
        labels_now=sum(day.rows for day in days),
        trained_at=card.as_of,
        task=use_case.model.task,
        last_retraining=max(attempts.decision_times, default=None),
        foreseen=foreseen(use_case, days, as_of=as_of, unsettled_at=attempts.unsettled_at),
    )
    decision = decide(situation, use_case.retraining)
    return DecisionRecord(decision_id(registry.name, as_of), registry.name, live.version, as_of, **vars(decision))


def _by_later_labels(use_case: UseCase, verdict: KnownVerdict, row: Mapping[str, Any] | None) -> KnownVerdict:
    """Put in a verdict that had too few labels what was measured of its window last, if its version alone scored it.

    Of what another version did nothing follows.
    """
    if counts(verdict, use_case.retraining) or row is None or row["model_version"] != verdict.model_version:
        return verdict
    task = use_case.model.task
    offset, skill = (_interval(row, metric) for metric in (task.offset, task.skill))
    return replace(verdict, days=row["days"], rows=row["mature"], calibration=offset, skill=skill)


def _interval(row: Mapping[str, Any], metric: str | None) -> tuple[float, float] | None:
    low, high = row["low"].get(metric), row["high"].get(metric)
    return None if low is None or high is None else (low, high)
