"""A small model with lookups of each kind, the tables that it looks up, and a service of both."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from in_memory.registry import MemoryBackend
from in_memory.release import AS_OF, a_model
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OrdinalEncoder
from xgboost import XGBClassifier

from levelfive import BINARY, Lookup
from levelfive.core.windows import to_micros, utc
from levelfive.models.package import Model, feature_frame, save
from levelfive.online.sqlite_store import SqliteStore
from levelfive.online.store import OnlineTable, Publication, Row, TableState
from levelfive.registry.store import CentralRegistry
from levelfive.serving.service import Service

HOUR = timedelta(hours=1)
NOW = utc(2013, 5, 1, 12)
REACHES_TO, KEPT_FROM = utc(2013, 5, 1, 11), utc(2013, 4, 30, 11)
FEATURES = ("origin", "distance", "wind", "delay", "last_landed", "seats", "engine")
CATEGORIES = ("origin", "engine")
LOOKUPS = (
    Lookup("weather", {"origin": "origin"}, ("wind",), grid=HOUR),
    Lookup("delays", {"carrier": "carrier", "flight": "flight"}, ("delay", "last_landed"), max_age=24 * HOUR),
    Lookup("aircraft", {"tailnum": "tailnum"}, ("seats", "engine")),
)
CARD = replace(
    a_model(AS_OF).card,
    features=FEATURES,
    categorical=CATEGORIES,
    lookups=LOOKUPS,
    key=("carrier", "flight"),
    slices=("origin", "is_known"),
    max_staleness=2 * HOUR,
)
TABLES = (
    OnlineTable("weather", ("origin",), ("string",), ("wind",), ("double",), timestamped=True),
    OnlineTable(
        "delays",
        ("carrier", "flight"),
        ("string", "long"),
        ("delay", "last_landed"),
        ("int", "timestamp"),
        timestamped=True,
    ),
    OnlineTable("aircraft", ("tailnum",), ("string",), ("seats", "engine"), ("bigint", "string"), timestamped=False),
)
REQUEST: dict[str, Any] = {
    "prediction_time": "2013-05-01T10:20:00Z",
    "carrier": "UA",
    "flight": 7,
    "origin": "JFK",
    "tailnum": "N1",
    "distance": 300.5,
}


def training_rows(rows: int = 400) -> pd.DataFrame:
    """Draw features of all kinds, some of them missing."""
    draw = np.random.default_rng(7)
    numbers = {name: draw.gamma(2.0, 30.0, rows) for name in FEATURES if name not in CATEGORIES}
    made = pd.DataFrame(
        {**numbers, "origin": draw.choice(["JFK", "EWR"], rows), "engine": draw.choice(["fan", "jet"], rows)}
    )
    return made[list(FEATURES)].mask(draw.random((rows, len(FEATURES))) < 0.1)


def encoded(last: Any, categories: Sequence[str] = CATEGORIES) -> Pipeline:
    """Put codes for categories before an estimator, as the flights do."""
    nan = float("nan")
    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=nan, encoded_missing_value=nan)
    numbers = [name for name in FEATURES if name not in categories]
    columns = [("categories", codes, list(categories)), ("numbers", "passthrough", numbers)]
    return Pipeline([("columns", ColumnTransformer(columns)), ("last", last)])


def fitted(estimator: Any, labels: Any = None, **card: Any) -> Model:
    """Fit an estimator on rows that were drawn."""
    about = replace(CARD, **card)
    rows = training_rows()
    chosen = rows["wind"].fillna(0) > 60 if labels is None else labels
    estimator.fit(feature_frame(rows, about.features, about.categorical), np.asarray(chosen, dtype=float))
    return Model(estimator, about)


def classifier(trees: int = 8) -> Model:
    """Fit what is fast: codes and trees."""
    return fitted(encoded(XGBClassifier(n_jobs=1, n_estimators=trees, max_depth=3)), task=BINARY)


def saved(model: Model, folder: Path) -> Path:
    """Write a model's package."""
    save(model, training_rows(), folder)
    return folder


def registered(*packages: Path, backend: MemoryBackend | None = None) -> CentralRegistry:
    """Register packages, as versions 1, 2, ... of a registry in memory."""
    registry = (backend or MemoryBackend()).opened("levelfive.test.flights")
    for package in packages:
        registry.register(package, {})
    return registry


def state(table: OnlineTable, version: int = 1, reaches_to: datetime = REACHES_TO) -> TableState:
    """Say how far a table is known."""
    times = (reaches_to, KEPT_FROM) if table.timestamped else (None, None)
    return TableState(table, version, reaches_to, *times)


def publish(
    store: SqliteStore, *, reaches_to: datetime = REACHES_TO, version: int = 1, tables: Sequence[OnlineTable] = TABLES
) -> None:
    """Publish what is known of two airports, one flight and one aircraft."""
    hours = [KEPT_FROM + number * HOUR for number in range(int((reaches_to - KEPT_FROM) / HOUR))]
    winds = [
        Row((origin,), to_micros(hour), (10.0 * hour.hour + number,))
        for number, origin in enumerate(("JFK", "EWR"))
        for hour in hours
    ]
    landed = utc(2013, 5, 1, 9, 30)
    rows = {
        "weather": winds,
        "weather_of_today": winds,
        "delays": [Row(("UA", 7), to_micros(landed), (12, to_micros(landed - timedelta(seconds=30))))],
        "aircraft": [Row(("N1",), None, (150, "jet"))],
    }
    for table in tables:
        store.publish(Publication(state(table, version, reaches_to), rows[table.name]))


def body(**fields: Any) -> bytes:
    """Write a request, with other values than the usual ones; `...` leaves a field out."""
    return json.dumps({name: value for name, value in {**REQUEST, **fields}.items() if value is not ...}).encode()


@dataclass(frozen=True)
class Answer:
    """What came back over HTTP."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def ask(
    service: Service,
    path: str = "/score",
    content: bytes = b"",
    *,
    method: str = "POST",
    headers: Any = None,
    **asked: Any,
) -> Answer:
    """Ask a service as its server does; `parts` are those in which a body arrives."""
    parts = list(asked.pop("parts", [content]))
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        if not parts:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": parts.pop(0), "more_body": asked.get("goes_on", bool(parts))}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": method,
        "path": path.partition("?")[0],
        "query_string": path.partition("?")[2].encode("latin-1"),
        "headers": [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()],
    }
    asyncio.run(service(scope, receive, send))
    start, end = sent
    return Answer(start["status"], {a.decode(): b.decode() for a, b in start["headers"]}, end["body"])
