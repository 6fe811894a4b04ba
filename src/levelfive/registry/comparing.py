"""What is known of a version, and in what two versions differ, as people read it."""

from __future__ import annotations

from collections.abc import Mapping

from levelfive.core.windows import iso
from levelfive.registry.description import People
from levelfive.registry.store import CentralRegistry
from levelfive.registry.tags import VERDICT

ABSENT = ""


def facts(registry: CentralRegistry, version: str) -> dict[str, str]:
    """List what a version's card and tags say.

    Raises:
        ModelNotFound: There is no such version.
        RegistryError: Its artefacts cannot be read, or are not those that were registered.
    """
    tags, card = registry.find(version).tags, registry.load(version).card
    skill = "" if card.holdout_skill is None else f"{card.holdout_skill:.4f}"
    return {
        "trained from": iso(card.trained_from),
        "trained until": iso(card.trained_until),
        "rows": f"{card.training_rows:,}",
        "skill on the holdout": skill,
        "features": ", ".join(card.features),
        "code revision": card.code_revision,
        "code": f"{card.code.distribution} {card.code.version} sha256 {card.code.sha256[:12]}".strip(),
        "seed": str(card.seed),
        **{f"parameter {name}": str(value) for name, value in sorted(card.parameters.items())},
        **{f"table {name}": f"version {read}" for name, read in sorted(card.table_versions.items())},
        **_facts_of_tags(tags),
    }


def differences(registry: CentralRegistry, one: str, other: str) -> dict[str, tuple[str, str]]:
    """List the facts in which two versions differ; of features, those that only one of them has.

    Raises:
        ModelNotFound: There is no such version.
        RegistryError: Artefacts cannot be read, or are not those that were registered.
    """
    mine, theirs = facts(registry, one), facts(registry, other)
    pairs = {name: (mine.get(name, ABSENT), theirs.get(name, ABSENT)) for name in {**mine, **theirs}}
    if mine["features"] != theirs["features"]:
        ours, others = (list(registry.load(version).card.features) for version in (one, other))
        pairs["features"] = (
            "only here: " + ", ".join(name for name in ours if name not in others),
            "only here: " + ", ".join(name for name in others if name not in ours),
        )
    return {name: (left, right) for name, (left, right) in pairs.items() if left != right}


def _facts_of_tags(tags: Mapping[str, str]) -> dict[str, str]:
    values = {name.removeprefix("levelfive_").replace("_", " "): value for name, value in sorted(tags.items())}
    return {**values, "verdict": People.of(tags).verdict} if VERDICT in tags else values
