"""After `levelfive data forget` no file of a home holds the person, and the home works on as before."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest
import shop
from first_champion import AS_OF, LATER, SMALL, Kept, Stage
from holding import holding

from levelfive.app import App
from levelfive.data import job as data
from levelfive.erasure.forget import Erasure, Stores, count, forget
from levelfive.models.package import SMOKE, smoke_check

ASKED = {"by": "ada", "reason": "asked for", "as_of": LATER}
TRAINING_SET = "tracking/artifacts/*/artifacts/training_set/training_set.parquet"


def forgotten(app: App, order: int) -> Erasure:
    return forget(app.context, stores_of(app), {"order_id": f"0{order}" if order > 0 else str(order)}, **ASKED)


def stores_of(app: App) -> Stores:
    return Stores(app.landing, app.registry, app.tracking, app.online_store)


def an_answer(app: App, order: int) -> Path:
    """Let the service's answer to a request land."""
    line = {"request_id": "r", "keys": {"order_id": order}, "scores": {"score": 0.5}, "features": {"store": "north"}}
    (app.landing / "request_log").mkdir()
    log = app.landing / "request_log" / "requests_1.jsonl"
    log.write_text(json.dumps(line) + "\n" + json.dumps({**line, "keys": {"order_id": 1}}) + "\n")
    return log


@pytest.mark.nightly
def test_no_file_of_the_home_holds_a_person_who_was_forgotten(kept_of: Callable[[str], Kept], tmp_path: Path) -> None:
    """Three persons: one was trained on, one was predicted, of one a row was refused.

    What takes the time: for each, a dozen tables are looked through and vacuumed, and all files are read twice.
    """
    home = tmp_path / "home"
    app = kept_of(SMALL).copy(Stage.SCORED, home, "forget")
    rows = pd.read_parquet(next(home.glob(TRAINING_SET)))
    example = rows.iloc[-95]
    trained, refused = int(example["order_id"]), -int(AS_OF.timestamp())
    predicted = int((AS_OF + timedelta(hours=5)).timestamp())
    log = an_answer(app, predicted)
    assert holding(home, trained) == {"lakehouse", "landing", "tracking"}
    assert holding(home, predicted) == holding(home, refused) == {"lakehouse", "landing"}

    done = {order: forgotten(app, order).rows for order in (trained, predicted, refused)}

    assert [holding(home, order) for order in done] == [set(), set(), set()]
    assert {place: rows for place, rows in done[trained].items() if rows} == {
        "examples of models": 3,  # the candidate, its refit, and the copy of that in the tracked run
        "training sets": 1,
        "files of orders": 1,
        "labels": 1,
        "raw_orders": 1,
    }
    assert {place: rows for place, rows in done[predicted].items() if rows} == {
        "request log": 1,
        "files of orders": 1,
        "predictions": 1,
        "labels": 1,
        "raw_orders": 1,
    }
    assert {place: rows for place, rows in done[refused].items() if rows} == {"files of orders": 1, "quarantine": 1}
    assert len(log.read_text().splitlines()) == 1
    assert set(count(app.context, stores_of(app), {"order_id": str(trained)}).rows.values()) == {0}

    for version in app.registry.versions():
        (tmp_path / version.version).mkdir()
        package = app.registry.download(version.version, tmp_path / version.version)
        smoke_check(package)
        assert example["price"] not in set(pd.read_parquet(package / SMOKE)["price"])
    with pytest.raises(Exception, match=r"(?i)file|version"):
        app.tables.read("raw_orders", version=0).collect()
    assert data.run(app.context, landing=app.landing, as_of=LATER).files == ()

    late = app.landing / "orders" / "late.csv"
    late.write_text(",".join(shop.HEADER) + f"\n{trained},{AS_OF:%Y-%m-%dT%H:%M:%SZ},north,1.5,0,NA\n")
    (landed,) = data.run(app.context, landing=app.landing, as_of=LATER).files
    assert (landed.accepted, landed.duplicates) == (1, 0)
