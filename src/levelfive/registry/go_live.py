"""Makes a promotion: smoke check of the version, one row in `promotions`, then the aliases."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from levelfive.core.windows import iso
from levelfive.errors import RegistryError
from levelfive.models.package import smoke_check
from levelfive.registry.aliases import sync_aliases
from levelfive.registry.promotions import Promotion, append
from levelfive.registry.store import CentralRegistry
from levelfive.storage.runs import Run


@dataclass(frozen=True)
class RegistryResult:
    """The promotion that is in force after the run, and whether this run made it."""

    run_id: str
    promotion: Promotion
    has_promoted: bool


def go_live(run: Run, registry: CentralRegistry, promotion: Promotion) -> RegistryResult:
    """Make a promotion.

    Raises:
        RegistryError: The smoke check of its version failed.
        PromotionConflict: Another writer promoted at the same time.
        TableError: The promotions cannot be written.
    """
    with run.timed("smoke_check"), tempfile.TemporaryDirectory() as folder:
        smoke_check(registry.download(promotion.version, Path(folder)))
    run.wrote(append(run.tables, promotion))
    sync_aliases(run.tables, registry)
    return RegistryResult(run.run_id, promotion, has_promoted=True)


def check_order(promotions: Sequence[Promotion], as_of: datetime, version: str) -> None:
    """Refuse a promotion as of a time at which another one is known already.

    Raises:
        RegistryError: It is.
    """
    if promotions and promotions[-1].promoted_at >= as_of:
        raise RegistryError(
            f"version {version} cannot be promoted as of {iso(as_of)}: version {promotions[-1].version} was promoted "
            f"as of {iso(promotions[-1].promoted_at)}. Give a later --as-of."
        )
