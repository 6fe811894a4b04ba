"""The `promotions` table: which version was champion since when, and why. It is the truth; aliases follow it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from levelfive.errors import PromotionConflict, TableConflict
from levelfive.storage.commits import Write
from levelfive.storage.records import from_row, record_of
from levelfive.storage.tables import Tables

PROMOTIONS = "promotions"
PROMOTE, ROLLBACK = "promote", "rollback"


@record_of(PROMOTIONS)
@dataclass(frozen=True)
class Promotion:
    """One row: from `promoted_at` on (not included), `version` is the champion."""

    seq: int
    model_name: str
    version: str
    previous_version: str | None
    promoted_at: datetime
    kind: str
    promoted_by: str
    reason: str
    verdict: str
    run_id: str


def history(tables: Tables, model_name: str) -> tuple[Promotion, ...]:
    """List all promotions of a model in their order."""
    rows = tables.control_tables.rows(PROMOTIONS, where={"model_name": model_name})
    return tuple(sorted((from_row(Promotion, row) for row in rows), key=lambda promotion: promotion.seq))


def first_version(promotions: Sequence[Promotion]) -> str | None:
    """Tell which version was the first champion; None where there was none yet."""
    return promotions[0].version if promotions else None


def champion_as_of(promotions: Sequence[Promotion], as_of: datetime) -> Promotion | None:
    """Find the promotion in force: the last one made before `as_of`.

    A promotion at `as_of` itself is not in force yet, so that a job of that time repeated later finds the same one.
    """
    earlier = [promotion for promotion in promotions if promotion.promoted_at < as_of]
    return earlier[-1] if earlier else None


def champion(tables: Tables, model_name: str, *, as_of: datetime) -> Promotion | None:
    """Find the champion as of a time; None only where `promotions` says that there was none."""
    return champion_as_of(history(tables, model_name), as_of)


def append(tables: Tables, promotion: Promotion) -> Write:
    """Append a promotion, if its sequence number is still free.

    Raises:
        PromotionConflict: Another writer took the number.
        TableError: The table cannot be written.
    """
    try:
        write = tables.control_tables.add(PROMOTIONS, [promotion], ("model_name", "seq"))
    except TableConflict as err:
        raise _conflict(promotion) from err
    if write.rows == 0:
        raise _conflict(promotion)
    return write


def _conflict(promotion: Promotion) -> PromotionConflict:
    return PromotionConflict(
        f"promotion {promotion.seq} of {promotion.model_name} was made by another writer at the same time; "
        f"version {promotion.version} was not promoted. See `levelfive registry history`, then decide again."
    )
