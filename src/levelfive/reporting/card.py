"""The model card of a version: one page of HTML for people, from what its package and the registry tell."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

from levelfive.models.card import ModelCard
from levelfive.registry.description import NOT_SAID, People, lineage, rests_on
from levelfive.registry.promotions import Promotion
from levelfive.registry.store import CentralRegistry
from levelfive.reporting.models import holdout_table
from levelfive.reporting.page import templates
from levelfive.reporting.table import Table
from levelfive.reporting.words import day_name, share


def render_card(registry: CentralRegistry, version: str, promotions: Sequence[Promotion] = ()) -> str:
    """Write the model card of a version as one HTML page that needs no network and no script.

    Args:
        registry: Where the version is.
        version: Which one.
        promotions: All changes of champion, in the order of time.

    Raises:
        DamagedModel: Its artefacts are gone, or not those that were registered.
        ModelNotFound: There is no such version.
        RegistryError: The registry refused, or did not answer.
    """
    tags, card = registry.find(version).tags, registry.load(version).card
    page = templates().get_template("card.html")
    return page.render(
        title=f"Model card: {registry.name}, version {version}",
        summary=f"{card.use_case}: {card.task.title}. All times in UTC.",
        purpose=card.purpose or NOT_SAID,
        limits=card.limits,
        data=_lineage(card),
        holdout=holdout_table(card),
        rests_on=_rests_on(card),
        people=People.of(tags),
        promotions=_promotions(version, promotions),
        recipe=_recipe(card),
    )


def _lineage(card: ModelCard) -> Table:
    return Table("What it was made of", ("Fact", "Value"), [(what, [text]) for what, text in lineage(card)])


def _rests_on(card: ModelCard) -> Table | None:
    features = rests_on(card, most=len(card.importances))
    if not features:
        return None
    return Table("Features by their share of what the scores rest on", ("Feature", "Share"), [
        (name, share(value)) for name, value in features
    ])  # fmt: skip


def _promotions(version: str, promotions: Sequence[Promotion]) -> list[str]:
    lines = []
    for one, after in zip_longest(promotions, promotions[1:]):
        if one.version == version:
            until = "" if after is None else f" until {day_name(after.promoted_at)}"
            lines.append(f"champion from {day_name(one.promoted_at)}{until}, by {one.promoted_by}: {one.reason}")
    return lines


def _recipe(card: ModelCard) -> Table:
    rows = [
        ("features", ", ".join(card.features)),
        ("categories among them", ", ".join(card.categorical) or "none"),
        *((f"parameter {name}", str(value)) for name, value in sorted(card.parameters.items())),
        ("seed", str(card.seed)),
    ]
    return Table("How it was made", ("Fact", "Value"), [(name, [value]) for name, value in rows])
