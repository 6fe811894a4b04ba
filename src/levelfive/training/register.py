"""Registers what the gate passed: the candidate, and the model that was refitted on all labels."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from levelfive.core.windows import iso
from levelfive.models.package import Model, check_repeats, save
from levelfive.registry import tags
from levelfive.registry.aliases import nominate
from levelfive.registry.store import CentralRegistry
from levelfive.storage.runs import JobContext
from levelfive.training.session import Session

EXAMPLES = 100
"""Rows that a package keeps, to show that it repeats its scores."""


def register(
    session: Session,
    registry: CentralRegistry,
    models: tuple[Model, Model],
    rows: pd.DataFrame,
    *,
    verdict: Mapping[str, str],
    folder: Path,
) -> tuple[str, str]:
    """Register a candidate and its refit, or find the versions of an earlier training that led to the same ones.

    Args:
        session: The training.
        registry: The central registry.
        models: The candidate, and what it was refitted as.
        rows: The training set, whose last rows are kept as examples.
        verdict: The gate's, as tags; see `eligibility.verdict_tags`.
        folder: Where the packages are written.

    Returns:
        The versions of the candidate and of the refit.

    Raises:
        RegistryError: The registry refused, or did not answer, or a model cannot repeat its own scores.
    """
    candidate, refit = models
    for model, name in ((candidate, "candidate"), (refit, "model")):
        save(model, rows.tail(EXAMPLES), folder / name)
        check_repeats(folder / name)
    session.tracked_run.log_folder(folder / "model", "model")
    lineage = _lineage(session, candidate)
    of_refit = {**lineage, tags.ROLE: tags.REFIT, tags.SAME_MODEL: refit.card.identity, **verdict}
    earlier = registry.tagged({name: of_refit[name] for name in (tags.SAME_MODEL, tags.DECISION, tags.JUDGED_AGAINST)})
    if earlier is None or not registry.is_whole(earlier):
        first = registry.register(folder / "candidate", {**lineage, tags.ROLE: tags.CANDIDATE})
        second = registry.register(folder / "model", {**of_refit, tags.REFIT_OF: first})
    else:
        first, second = earlier.tags[tags.REFIT_OF], earlier.version
    link_refit(session.context, registry, first, second)
    session.tracked_run.set_tags({"candidate_version": first, "version": second})
    return first, second


def link_refit(context: JobContext, registry: CentralRegistry, candidate: str, version: str) -> None:
    """Link a candidate with the version that it was refitted as, and nominate that one.

    Raises:
        RegistryError: The registry refused, or did not answer.
    """
    registry.tag(candidate, {tags.REFITTED_AS: version})
    nominate(context, registry, version)


def _lineage(session: Session, candidate: Model) -> dict[str, str]:
    code = session.code
    return {
        tags.AS_OF: iso(session.as_of),
        tags.TRACKING_RUN: session.tracked_run.run_id,
        tags.CODE_REVISION: session.code_revision,
        tags.CODE_SHA256: code.sha256,
        tags.CODE_DISTRIBUTION: f"{code.distribution} {code.version}".strip(),
        tags.TRAINED_BY: session.trained_by,
        tags.DECISION: session.decision,
        tags.TRAINING_SET_SHA256: candidate.card.training_set_sha256,
    }
