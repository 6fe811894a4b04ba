"""Labels that are corrected after rows were scored change what is measured as of later, and nothing else."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import shop
from first_champion import AS_OF, LATER, SMALL, Kept, Stage

from levelfive import Later
from levelfive.core.windows import Window, iso
from levelfive.data import job as data
from levelfive.features import job as features
from levelfive.monitoring import job as monitoring
from levelfive.monitoring.performance import Performance
from levelfive.storage.runs import JobContext

DAY = timedelta(days=1)
SCORED = Window(AS_OF, LATER)


def sent_back(landing: Path, day: Window) -> None:
    """Let a file land that says of all orders of a day that they came back, and of the last one that it was before."""
    with (landing / "orders" / f"{day.start:%Y-%m-%d}.csv").open(newline="") as file:
        header, *rows = csv.reader(file)
    place = header.index("returned")
    others = [[*row[:place], "1", *row[place + 1 :]] for row in rows if int(row[0]) > 0]
    others[-1][header.index("ordered_at")] = iso(day.start - timedelta(hours=1))
    with (landing / "orders" / "corrections.csv").open("w", newline="") as file:
        csv.writer(file).writerows([header, *others])


@pytest.mark.nightly
def test_a_label_that_is_corrected_counts_as_of_later_and_predictions_stay(
    kept_of: Callable[[str], Kept], tmp_path: Path
) -> None:
    """Three days were scored; they are measured before and after the labels of the first one are corrected."""
    app = kept_of(SMALL).copy(Stage.SCORED, tmp_path / "home", "corrected")
    use_case = replace(shop.USE_CASE, sources=(replace(shop.ORDERS, later=Later.CORRECTION),))
    context = replace(app.context, use_case=use_case)
    predictions = rows_of(context, "predictions")

    def lives(day: Window) -> None:
        shop.write_orders(app.landing, day)
        data.run(context, landing=app.landing, as_of=day.end)
        features.run(context, as_of=day.end)

    def measured(as_of: datetime) -> Performance:
        (found,) = (
            one
            for one in monitoring.run(context, app.registry, window=SCORED, as_of=as_of).performance
            if one.window == SCORED
        )
        return found

    lives(Window(LATER, LATER + DAY))
    then = measured(LATER + DAY)
    sent_back(app.landing, Window(AS_OF, AS_OF + DAY))
    lives(Window(LATER + DAY, LATER + 2 * DAY))

    now = measured(LATER + 2 * DAY)

    assert (then.mature, now.mature) == (3 * shop.ORDERS_A_DAY, 3 * shop.ORDERS_A_DAY)
    assert then.evaluation is not None
    assert now.evaluation is not None
    assert then.label_mean_known < now.label_mean_known
    assert now.evaluation != then.evaluation
    assert measured(LATER + DAY) == then
    assert rows_of(context, "predictions") == predictions


def rows_of(context: JobContext, table: str) -> Sequence[Any]:
    return context.tables.read(table).orderBy("order_id", "scored_as_of", "role").collect()
