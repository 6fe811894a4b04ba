"""Which version scores, in what role, and beside which one."""

from dataclasses import replace

import pytest
from in_memory.release import AS_OF, LATER, Environment, a_model, a_use_case

from levelfive.core.windows import utc
from levelfive.errors import RegistryError
from levelfive.registry.promotions import Promotion
from levelfive.scoring.choosing import choose_version, reference_of, sources_of
from levelfive.storage.predictions import Role
from levelfive.usecase.features import FeatureTable, Lookup

LIVE = Promotion(1, "m", "7", None, utc(2013, 1, 1), "promote", "ada", "", "", "a-run")


@pytest.mark.parametrize(
    ("live", "version", "chosen"),
    [
        (LIVE, None, ("7", Role.CHAMPION)),
        (LIVE, "7", ("7", Role.CHAMPION)),
        (LIVE, "6", ("6", Role.BACKFILL)),
        (None, "6", ("6", Role.BACKFILL)),
    ],
)
def test_the_champion_scores_live_and_any_other_version_fills_in(
    live: Promotion | None, version: str | None, chosen: tuple[str, Role]
) -> None:
    assert choose_version(live, version, AS_OF) == chosen


def test_without_champion_a_version_has_to_be_named() -> None:
    with pytest.raises(RegistryError, match=r"no champion as of 2013-02-15T06:00:00Z: .* or name a version"):
        choose_version(None, None, AS_OF)


def test_the_first_champion_is_the_reference_of_all_others(production: Environment) -> None:
    first = production.released()
    promotions = production.made()

    assert reference_of((), production.registry, first) is None
    assert reference_of(promotions, production.registry, first) is None
    assert reference_of(promotions, production.registry, "another") is production.registry.load(first)


def test_without_the_files_of_the_first_champion_there_is_no_reference(production: Environment) -> None:
    first = production.released()
    production.backend.lose_files(production.registry.name, first)

    assert reference_of(production.made(), production.reopened().registry, "another") is None


def test_predictions_rest_on_the_spine_and_on_what_looked_up_tables_are_made_of() -> None:
    tables = tuple(FeatureTable(name, ("k",), (f"of_{name}",), lambda raw, window: None) for name in ("used", "other"))
    use_case = a_use_case(feature_tables=tables)
    card = replace(a_model(LATER).card, lookups=(Lookup("used", {"k": "k"}, ("f",)),))

    assert sources_of(use_case, card) == {*use_case.spine_sources, "of_used"}
