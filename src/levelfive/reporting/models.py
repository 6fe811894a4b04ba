"""What a report tells of the versions that were champions: what scores rest on, and where the live one comes from."""

from __future__ import annotations

from collections.abc import Sequence

from levelfive.models.card import ModelCard
from levelfive.registry.description import People, interval, lineage, metrics_of, slices_of
from levelfive.registry.promotions import Promotion
from levelfive.registry.store import CentralRegistry
from levelfive.reporting.data import ChampionLine, LiveModel
from levelfive.reporting.table import Table

SHOWN_CHAMPIONS = 4


def champions(registry: CentralRegistry, promotions: Sequence[Promotion]) -> tuple[ChampionLine, ...]:
    """List the last champions, the oldest first; those that are gone, or whose files are, are left out.

    Raises:
        RegistryError: The registry refused, or did not answer.
    """
    since = {promotion.version: promotion.promoted_at for promotion in promotions}
    last = sorted(since, key=lambda version: since[version])[-SHOWN_CHAMPIONS:]
    models = ((version, registry.load_if_there(version)) for version in last)
    return tuple(
        ChampionLine(version, since[version], model.card.importances) for version, model in models if model is not None
    )


def live_model(registry: CentralRegistry, version: str | None) -> LiveModel | None:
    """Tell where the live version comes from; None where there is none, or it is gone.

    Raises:
        RegistryError: The registry refused, or did not answer.
    """
    model = None if version is None else registry.load_if_there(version)
    if version is None or model is None:
        return None
    people = People.of(registry.find(version).tags)
    texts = {"trained by": people.trained_by, "gate": people.verdict, "approved by": people.approval}
    facts = (*lineage(model.card), *((what, text) for what, text in texts.items() if text))
    return LiveModel(version, model.card.purpose, facts, model.card.limits, holdout_table(model.card))


def holdout_table(card: ModelCard) -> Table | None:
    """Tell how a version did on the newest days, by slice with intervals; None where that was not kept."""
    if not card.holdout:
        return None
    metrics = metrics_of(card)
    return Table(
        "The newest days, which the candidate had not seen: all rows, then slices, the least skilled first",
        ("Rows", "Number", "Days", *(metric.title for metric in metrics)),
        [
            (
                one.slice or "all rows",
                f"{one.rows:,}",
                f"{one.days:,}",
                *(interval(one, metric.name) for metric in metrics),
            )
            for one in slices_of(card, most=len(card.holdout))
        ],
    )
