"""Which version scores a window, in what role, beside which reference, and whether what it needs was computed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from levelfive.core.windows import Window, iso
from levelfive.errors import AsOfError, RegistryError
from levelfive.features.watermarks import common_watermark
from levelfive.models.card import ModelCard
from levelfive.models.package import Model
from levelfive.registry.promotions import Promotion
from levelfive.registry.store import CentralRegistry
from levelfive.storage.predictions import Role
from levelfive.storage.runs import JobContext
from levelfive.telemetry.tracing import event
from levelfive.usecase.features import owner_of
from levelfive.usecase.use_case import UseCase


def choose_version(live: Promotion | None, version: str | None, as_of: datetime) -> tuple[str, Role]:
    """Choose the champion, or the version that was asked for, which is a backfill where another one is live.

    Raises:
        RegistryError: No version was asked for, and there is no champion.
    """
    if version is not None and (live is None or version != live.version):
        return version, Role.BACKFILL
    if live is None:
        raise RegistryError(
            f"no champion as of {iso(as_of)}: run `levelfive training --as-of {iso(as_of)}`, then the command that it "
            "prints, or name a version with --version"
        )
    return live.version, Role.CHAMPION


def reference_of(promotions: Sequence[Promotion], registry: CentralRegistry, version: str) -> Model | None:
    """Load the first champion, to see what it would have said; None where it is the one that scores, or is gone."""
    if not promotions or promotions[0].version == version:
        return None
    try:
        return registry.load(promotions[0].version)
    except RegistryError as err:
        event("nothing to compare with", reason=str(err))
        return None


def check_watermarks(context: JobContext, card: ModelCard, window: Window) -> None:
    """Refuse to score by what was not computed yet: a prediction that is there is never changed.

    Raises:
        AsOfError: The window reaches beyond what the features were computed for.
    """
    tables_with_times = {table.name for table in context.use_case.feature_tables if table.timestamped}
    tables_with_times |= {one.table for one in card.lookups if owner_of(one.table) and (one.max_age or one.grid)}
    tables = sorted({lookup.table for lookup in card.lookups} & tables_with_times)
    end = common_watermark(context.tables, tables, until=window.end) if tables else None
    if end is not None and end < window.end:
        raise AsOfError(
            f"features reach to {iso(end)}, and the window {window} beyond that: run `levelfive features --as-of "
            f"{iso(window.end)}` first{_of_others(tables)}, or end the window there"
        )


def sources_of(use_case: UseCase, card: ModelCard) -> set[str]:
    """List the sources that a model's predictions rest on."""
    looked_up = {lookup.table for lookup in card.lookups}
    tables = (table for table in use_case.feature_tables if table.name in looked_up)
    return {*use_case.spine_sources, *(name for table in tables for name in table.sources)}


def _of_others(tables: Sequence[str]) -> str:
    owners = sorted({owner_of(table) for table in tables} - {""})
    return f" (also of use case {', '.join(owners)}, whose tables are looked up)" if owners else ""
