"""What all steps of one training share: tables and use case, its records, the recipe, and who trains by which code."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from levelfive.models.card import UseCaseCode
from levelfive.storage.runs import JobContext, Run
from levelfive.training.tracking import TrackedRun
from levelfive.usecase.model import ModelSpec


@dataclass(frozen=True)
class Session:
    """One training.

    Args:
        context: Tables and use case.
        run: Its row of `runs`, which notes the versions of the tables that are read.
        tracked_run: Its run in the tracking store.
        spec: The recipe, without the feature groups that are left out.
        as_of: The logical now.
        code: The use case's code.
        code_revision: Which code trains, for the record.
        trained_by: Who started it, as the platform knows them; empty where it does not.
        decision: The decision that asked for it, if one did.
    """

    context: JobContext
    run: Run
    tracked_run: TrackedRun
    spec: ModelSpec
    as_of: datetime
    code: UseCaseCode
    code_revision: str
    trained_by: str
    decision: str
