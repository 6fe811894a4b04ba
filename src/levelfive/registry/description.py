"""What a version says of itself to people: its model card in words, which the registry shows beside the version."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from levelfive.core.texts import counted
from levelfive.core.windows import iso
from levelfive.errors import DataError
from levelfive.models.card import ModelCard, SliceMetrics
from levelfive.registry import tags as names
from levelfive.registry.gate import GateVerdict
from levelfive.statistics.tasks.task import Metric

NOT_SAID = "The use case does not say (`purpose`)."
SHOWN_FEATURES = 10
SHOWN_SLICES = 12
LONGEST = 4000
"""Characters of a description; a registry may refuse longer ones."""


@dataclass(frozen=True)
class People:
    """Who trained a version, what the gate said, and who let it go live; texts are empty where that is not known."""

    trained_by: str
    verdict: str
    approval: str

    @classmethod
    def of(cls, tags: Mapping[str, str]) -> People:
        """Read it from a version's tags."""
        approval = tags.get(names.APPROVED_BY, "")
        if approval:
            approval += f", {tags.get(names.APPROVED_AT, '')}: {tags.get(names.APPROVED_BECAUSE, '')}"
        return cls(tags.get(names.TRAINED_BY, ""), _verdict(tags), approval)


def text_of(card: ModelCard, tags: Mapping[str, str]) -> str:
    """Write the model card of a version in Markdown, of at most `LONGEST` characters."""
    text = "\n\n".join(part for part in _parts(card, People.of(tags)) if part)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def rests_on(card: ModelCard, most: int = SHOWN_FEATURES) -> tuple[tuple[str, float], ...]:
    """List the features that a version's scores rest on most, with their shares; none where that is not known."""
    shares = sorted(card.importances.items(), key=lambda one: (-one[1], one[0]))
    return tuple((name, share) for name, share in shares[:most] if share > 0)


def lineage(card: ModelCard) -> tuple[tuple[str, str], ...]:
    """List what a version was made of: facts and their values, the data first, then the code."""
    tables = sorted(card.table_versions.items())
    code = f"{card.code.distribution} {card.code.version}".strip()
    return (
        ("prediction times", f"{iso(card.trained_from)} to {iso(card.trained_until)}"),
        ("known at", iso(card.as_of)),
        ("labelled rows", f"{card.training_rows:,}"),
        ("hash of the training set", card.training_set_sha256),
        *((f"table {name}", f"version {number}") for name, number in tables),
        ("code", code or "not installed from a distribution"),
        ("hash of the code", card.code.sha256),
        ("code revision", card.code_revision),
        ("tracking run", card.run_id),
    )


def slices_of(card: ModelCard, most: int = SHOWN_SLICES) -> tuple[SliceMetrics, ...]:
    """List how the candidate did on all rows, then on the slices where its skill was least."""
    if not card.holdout:
        return ()
    every, *slices = card.holdout
    by_skill = sorted(slices, key=lambda one: one.values.get(card.task.skill, 1.0))
    return (every, *by_skill[:most])


def metrics_of(card: ModelCard) -> tuple[Metric, ...]:
    """List the metrics that are known of the holdout, in the task's order; none where nothing is."""
    return tuple(metric for metric in card.task.metrics if card.holdout and metric.name in card.holdout[0].values)


def _parts(card: ModelCard, people: People) -> Iterator[str]:
    yield f"**What it is for.** {card.purpose or NOT_SAID}"
    if card.limits:
        yield "**Limits.** " + " ".join(card.limits)
    yield (
        f"**Data.** {card.training_rows:,} rows from {iso(card.trained_from)} until {iso(card.trained_until)}, "
        f"as known at {iso(card.as_of)}; {counted(len(card.features), 'feature')}."
    )
    if card.holdout:
        yield "\n".join(_table(card))
    if features := rests_on(card):
        yield "**What it rests on.** " + ", ".join(f"{name} {share:.0%}" for name, share in features) + "."
    texts = {"Trained by": people.trained_by, "Gate": people.verdict, "Approved by": people.approval}
    yield "\n\n".join(f"**{what}.** {text}" for what, text in texts.items() if text)


def _table(card: ModelCard) -> Iterator[str]:
    metrics = metrics_of(card)
    yield "| Holdout | rows | " + " | ".join(metric.title for metric in metrics) + " |"
    yield "|---|---|" + "---|" * len(metrics)
    for one in slices_of(card):
        cells = (interval(one, metric.name) for metric in metrics)
        name = one.slice.replace("|", "\\|") or "all rows"
        yield f"| {name} | {one.rows:,} | " + " | ".join(cells) + " |"


def interval(of: SliceMetrics, metric: str) -> str:
    """Write a metric with its interval, as far as they are known."""
    if metric not in of.values:
        return "–"  # noqa: RUF001 (the dash of tables)
    ends = f" ({of.low[metric]:.3f} to {of.high[metric]:.3f})" if metric in of.low and metric in of.high else ""
    return f"{of.values[metric]:.3f}{ends}"


def _verdict(tags: Mapping[str, str]) -> str:
    if names.VERDICT not in tags:
        return ""
    try:
        verdict = GateVerdict.from_json(tags[names.VERDICT])
    except DataError:
        return tags[names.VERDICT]
    return f"{verdict.kind}: {'; '.join(verdict.reasons)}"
