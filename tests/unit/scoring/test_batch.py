"""A batch's id follows from what the batch is."""

from dataclasses import replace

from levelfive.core.windows import Window, utc
from levelfive.scoring.batch import batch_id
from levelfive.storage.predictions import Role

WINDOW = Window(utc(2013, 4, 1, 6), utc(2013, 5, 1, 6))


def test_the_same_batch_has_the_same_id_and_another_one_another() -> None:
    base = batch_id("u", WINDOW, "m", "1", role=Role.CHAMPION)

    others = {
        batch_id("v", WINDOW, "m", "1", role=Role.CHAMPION),
        batch_id("u", replace(WINDOW, start=utc(2013, 4, 2, 6)), "m", "1", role=Role.CHAMPION),
        batch_id("u", replace(WINDOW, end=utc(2013, 5, 2, 6)), "m", "1", role=Role.CHAMPION),
        batch_id("u", WINDOW, "n", "1", role=Role.CHAMPION),
        batch_id("u", WINDOW, "m", "2", role=Role.CHAMPION),
        batch_id("u", WINDOW, "m", "1", role=Role.BACKFILL),
    }

    assert base == batch_id("u", WINDOW, "m", "1", role=Role.CHAMPION)
    assert len(others - {base}) == 6


def test_the_id_is_the_same_in_every_release() -> None:
    assert batch_id("u", WINDOW, "m", "1", role=Role.CHAMPION) == "7c7aa31c7975d7f1"
