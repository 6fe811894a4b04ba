"""What a training announces of what it made: a candidate is linked with its refit, which waits where it may."""

from in_memory.release import PASSED, Environment, Packages

from levelfive.registry import tags
from levelfive.registry.eligibility import verdict_tags
from levelfive.registry.store import CHALLENGER
from levelfive.training.register import link_refit


def test_a_candidate_is_linked_with_what_it_was_refitted_as_which_waits(
    production: Environment, packages: Packages
) -> None:
    candidate, refit = packages.register(production.registry, verdict_tags(PASSED, None))

    link_refit(production.context, production.registry, candidate, refit)

    assert production.registry.find(candidate).tags[tags.REFITTED_AS] == refit
    assert production.registry.alias(CHALLENGER) == refit


def test_what_was_judged_before_the_newest_promotion_is_linked_and_does_not_wait(
    production: Environment, packages: Packages
) -> None:
    production.released()
    candidate, refit = packages.register(production.registry, verdict_tags(PASSED, None))

    link_refit(production.context, production.registry, candidate, refit)

    assert production.registry.find(candidate).tags[tags.REFITTED_AS] == refit
    assert production.registry.alias(CHALLENGER) is None
