"""A store whose customers change their habits is named as the segment that the champion does worst in."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
import shop
from first_champion import AS_OF, LATER, Stage, on_shop, prepare

from levelfive.app import App
from levelfive.core.windows import Window, utc
from levelfive.monitoring import job as monitoring
from levelfive.monitoring.segments import WORST_SEGMENTS
from levelfive.reporting.collect import collect
from levelfive.reporting.page import render
from levelfive.scoring import job as scoring

END = utc(2013, 4, 3, 6)
WEEK = timedelta(days=7)


@pytest.fixture
def app(loop, tmp_path: Path) -> App:
    return loop.copy(tmp_path / "home", Stage.CHAMPION)


def changed(at: datetime) -> tuple[object, ...]:
    """Draw an order: in the south, cheap ones come back instead of dear ones."""
    number, ordered_at, store, price, returned, returned_at = USUAL(at)
    return (number, ordered_at, store, price, 1 - returned if store == "south" else returned, returned_at)


USUAL = shop._order


@pytest.mark.nightly
@on_shop
def test_a_store_whose_customers_changed_is_named_in_the_table_and_in_the_report(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Six weeks land, are scored, and monitored twice."""
    monkeypatch.setattr(shop, "_order", changed)
    prepare(app, shop.write_orders, Window(LATER, END))
    scoring.run(app.context, app.registry, window=Window(AS_OF, END), as_of=END)

    for _ in range(2):
        monitoring.run(app.context, app.registry, window=Window(END - WEEK, END), as_of=END)

    rows = app.tables.control_tables.rows(WORST_SEGMENTS)
    (whole,) = (row for row in rows if not row["segment"])
    trained_until = AS_OF - app.use_case.maturity
    assert (whole["note"], whole["weeks_start"], whole["weeks_end"]) == ("", trained_until, utc(2013, 4, 1))
    worst = max((row for row in rows if row["worse"] and row["segment"]), key=lambda row: row["difference"])
    assert (worst["segment"], worst["column_names"]) == ("store = south", ["store"])
    assert whole["difference"] < 0.5 < worst["difference"]
    page = render(collect(app.context, app.registry, as_of=END + timedelta(hours=1)))
    assert "store = south" in page
