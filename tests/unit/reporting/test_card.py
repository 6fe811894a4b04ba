"""The model card: one page by itself, with who decided, and harmless whatever a feature or a person is called."""

from pathlib import Path

import pytest
from in_memory.registry import MemoryBackend
from in_memory.release import AS_OF, LATER, Packages
from reports import Page

from levelfive.models.card import SliceMetrics
from levelfive.registry import tags
from levelfive.registry.promotions import Promotion
from levelfive.registry.store import CentralRegistry
from levelfive.reporting.card import render_card

EVIL = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> CentralRegistry:
    of_all = SliceMetrics("", 9_120, 14, {"auc": 0.701}, {"auc": 0.69}, {"auc": 0.712})
    of_one = SliceMetrics(f"carrier={EVIL}", 600, 14, {"auc": 0.58}, {}, {})
    card = {"holdout": (of_all, of_one), "purpose": EVIL, "limits": (EVIL,), "importances": {"distance": 1.0}}
    packages = Packages.saved(tmp_path_factory.mktemp("packages"), **card)
    registry = MemoryBackend().opened("models.prod.flights")
    approved = {tags.APPROVED_BY: EVIL, tags.APPROVED_AT: "2024-05-01", tags.APPROVED_BECAUSE: EVIL}
    packages.register(registry, {tags.TRAINED_BY: EVIL, tags.VERDICT: EVIL, **approved})
    return registry


def a_promotion(seq: int, version: str) -> Promotion:
    at = AS_OF if seq == 1 else LATER
    return Promotion(
        model_name="models.prod.flights",
        seq=seq,
        version=version,
        previous_version=None,
        promoted_at=at,
        kind="promote",
        promoted_by=EVIL,
        reason="better by 0.01 nats",
        verdict="{}",
        run_id="a-run",
    )


def test_it_says_what_it_is_for_how_it_did_and_who_decided(registry: CentralRegistry) -> None:
    page = Page(render_card(registry, "2", [a_promotion(1, "2"), a_promotion(2, "1")]))

    assert "0.701 (0.690 to 0.712)" in page.texts
    assert "100.0%" in page.texts
    assert page.texts.count(EVIL) >= 4
    assert "script" not in [tag for tag, _ in page.elements]
    assert any("until" in text and "better by 0.01 nats" in text for text in page.texts)


def test_a_version_that_was_not_judged_and_never_live_says_so(registry: CentralRegistry) -> None:
    page = Page(render_card(registry, "1"))

    assert "it was not judged" in page.texts
    assert "nobody" in page.texts
    assert "It was never champion." in page.texts


def test_it_needs_no_network(registry: CentralRegistry) -> None:
    html = render_card(registry, "2")

    assert "http://" not in html
    assert "https://" not in html


def test_the_registry_shows_it_as_the_description_of_the_version(registry: CentralRegistry, tmp_path: Path) -> None:
    described = registry._client.get_model_version(registry.name, "2").description

    assert "| all rows | 9,120 | 0.701 (0.690 to 0.712) |" in described
