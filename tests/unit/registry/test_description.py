"""What a version says of itself beside its number: for people, and never longer than a registry takes."""

from dataclasses import replace
from pathlib import Path

import pytest
from in_memory.registry import MemoryBackend
from in_memory.release import AS_OF, a_model

from levelfive.errors import RegistryError
from levelfive.models.card import ModelCard, SliceMetrics
from levelfive.registry import tags
from levelfive.registry.description import LONGEST, People, text_of
from levelfive.registry.gate import GateVerdict, VerdictKind

ALL = SliceMetrics("", 9_120, 14, {"auc": 0.701, "skill": 0.09}, {"auc": 0.69}, {"auc": 0.712})
BEST = SliceMetrics("carrier=UA", 800, 14, {"auc": 0.73, "skill": 0.12}, {}, {})
WORST = SliceMetrics("carrier missing", 612, 9, {"auc": 0.58, "skill": 0.01}, {}, {})
VERDICT = GateVerdict(VerdictKind.BETTER, True, ("the loss is 0.01 nats lower",)).to_json()


@pytest.fixture(scope="module")
def card() -> ModelCard:
    told = {
        "holdout": (ALL, BEST, WORST),
        "purpose": "For those who plan gates.",
        "limits": ("Not for cancelled ones.",),
    }
    return a_model(AS_OF, importances={"dep_delay": 0.6, "visib": 0.4, "unused": 0.0}, **told).card


def test_it_says_what_it_is_for_and_how_it_did_worst_slices_first(card: ModelCard) -> None:
    said = {tags.TRAINED_BY: "ada@example.com", tags.VERDICT: VERDICT}

    text = text_of(card, said)

    assert text.startswith("**What it is for.** For those who plan gates.\n\n**Limits.** Not for cancelled ones.")
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert rows == [
        "| Holdout | rows | AUC | Skill |",
        "| all rows | 9,120 | 0.701 (0.690 to 0.712) | 0.090 |",
        "| carrier missing | 612 | 0.580 | 0.010 |",
        "| carrier=UA | 800 | 0.730 | 0.120 |",
    ]
    assert "dep_delay 60%, visib 40%." in text
    assert "unused" not in text
    assert "**Trained by.** ada@example.com" in text
    assert "**Gate.** better: the loss is 0.01 nats lower" in text


def test_a_value_with_the_sign_between_cells_stays_in_its_cell(card: ModelCard) -> None:
    text = text_of(replace(card, holdout=(ALL, replace(BEST, slice="fare=A|B"))), {})

    assert r"| fare=A\|B | 800 | 0.730 | 0.120 |" in text.splitlines()


def test_what_is_not_known_is_left_out_or_said() -> None:
    text = text_of(a_model(AS_OF).card, {})

    assert "The use case does not say (`purpose`)." in text
    assert "Holdout" not in text
    assert "Approved" not in text


def test_it_is_cut_where_a_registry_would_refuse_it(card: ModelCard) -> None:
    text = text_of(replace(card, limits=("too much to say " * 400,)), {})

    assert len(text) == LONGEST
    assert text.endswith("…")


def test_an_approval_is_told_with_its_reason() -> None:
    said = {tags.APPROVED_BY: "eve", tags.APPROVED_AT: "2024-05-01T00:00:00Z", tags.APPROVED_BECAUSE: "it was tried"}

    assert People.of(said).approval == "eve, 2024-05-01T00:00:00Z: it was tried"


def test_a_verdict_of_another_writing_is_shown_as_it_is() -> None:
    assert People.of({tags.VERDICT: "fine"}).verdict == "fine"


def test_what_holds_no_card_is_refused_by_a_sentence_before_a_version_is_made(tmp_path: Path) -> None:
    registry = MemoryBackend().opened("models.prod.flights")

    with pytest.raises(RegistryError, match=r"holds no model package .* register the version again"):
        registry.register(tmp_path, {})

    assert registry.versions() == ()
