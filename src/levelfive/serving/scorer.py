"""From the body of a request to its answer: a version, bound to what the online store holds of its tables."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
import numpy as np
import pandas as pd

from levelfive.config import EARLIEST
from levelfive.core.windows import from_micros, iso, to_micros
from levelfive.errors import ConfigError, NotKept, NotServing, OnlineStoreError, RequestError
from levelfive.online.store import OnlineStore, StoredValues, TableState
from levelfive.serving.cells import Cell
from levelfive.serving.features import FeaturePlan, FeatureRow, Reach, reaches_of
from levelfive.serving.requests import MANY, MAX_ROWS, RequestSchema
from levelfive.serving.version import ServedVersion
from levelfive.statistics.day_blocks import Floats
from levelfive.usecase.columns import PREDICTION_TIME

AHEAD = timedelta(minutes=1)
"""So far a caller's clock may be ahead."""
FAST, GENERAL = "fast", "general"
_ENCODER = msgspec.json.Encoder()
_EARLIEST = to_micros(EARLIEST)


@dataclass(frozen=True)
class Answers:
    """The answers to one request.

    Args:
        scorer: What answered.
        request_id: Of the request; of many rows, each has its number after it.
        rows: The values of each row, in the order of the request's columns.
        features: What the model saw of each.
        scores: Of each row, one a score column.
        is_many: Whether the request was a list of rows.
        served_at: When it was answered.
    """

    scorer: Scorer
    request_id: str
    rows: Sequence[tuple[Any, ...]]
    features: Sequence[FeatureRow]
    scores: Sequence[Sequence[float]]
    is_many: bool
    served_at: datetime

    def to_json(self, *, with_features: bool = False) -> bytes:
        """Write the answers; numbers in the shortest form that means them."""
        answers = [self._answer(i, with_features) for i in range(len(self.rows))]
        return _ENCODER.encode({"answers": answers} if self.is_many else answers[0])

    def key(self, i: int) -> list[Any]:
        """Tell the values of a row's key."""
        return [self._values(i)[name] for name in self.scorer.served.model.card.key]

    def record(self, i: int) -> dict[str, object]:
        """List what the request log keeps of a row."""
        scorer, values, features = self.scorer, self._values(i), self.features[i]
        card = scorer.served.model.card
        return {
            "request_id": self._id(i),
            "keys": {name: values[name] for name in scorer.keys},
            PREDICTION_TIME: _iso_text(features.at),
            "scores": self._scores(i),
            "slices": {name: values[name] for name in card.slices},
            "features": dict(zip(scorer.plan.names, map(_written, features.cells), strict=True)),
            "known_at": self._known_at(features),
            "reaches_to": scorer.ends,
            "model": scorer.served.name,
            "version": scorer.served.version,
            "path": scorer.path,
            "served_at": iso(self.served_at),
        }

    def _answer(self, i: int, with_features: bool) -> dict[str, object]:
        scorer = self.scorer
        answer: dict[str, object] = {
            "request_id": self._id(i),
            "scores": self._scores(i),
            "model": scorer.served.name,
            "version": scorer.served.version,
            "reaches_to": scorer.reaches_to,
        }
        if with_features:
            known_at = self._known_at(self.features[i])
            answer["features"] = {
                name: {"value": _written(cell), "known_at": known_at.get(name)}
                for name, cell in zip(scorer.plan.names, self.features[i].cells, strict=True)
            }
        return answer

    def _values(self, i: int) -> dict[str, Any]:
        return dict(zip(self.scorer.schema.names, self.rows[i], strict=True))

    def _id(self, i: int) -> str:
        return f"{self.request_id}-{i}" if self.is_many else self.request_id

    def _scores(self, i: int) -> dict[str, float]:
        return dict(zip(self.scorer.score_columns, self.scores[i], strict=True))

    def _known_at(self, features: FeatureRow) -> dict[str, str | None]:
        texts = [_iso_text(one) for one in features.known_at]
        return {name: texts[i] for name, i in self.scorer.plan.lookup_of.items()}


class Scorer:
    """A version with the tables that it looks up; what is asked of it may be asked by several threads.

    Args:
        served: The version.
        states: Of the online store.
        store: Where features are read; None for a version without lookups.
        max_staleness: A row whose prediction time lies further than this after what a table knows is refused; None for
            no such limit.
        max_rows: How many rows one request may ask for.

    Raises:
        ConfigError: The version does not fit the tables, or tells no key.
        NotServing: A table was not published, or lacks a column.
    """

    def __init__(
        self,
        served_version: ServedVersion,
        states: Mapping[str, TableState],
        store: OnlineStore | None,
        *,
        max_staleness: timedelta | None = None,
        max_rows: int = MAX_ROWS,
    ) -> None:
        """Bind the version to the tables."""
        card = served_version.model.card
        self.served = served_version
        self.plan = FeaturePlan(card, {name: state.table for name, state in states.items()})
        self.schema = RequestSchema(self.plan.columns, max_rows)
        self.score_columns = card.task.score_columns
        self.keys = tuple(dict.fromkeys((*card.key, *(name for one in card.lookups for name in one.keys.values()))))
        self.path = FAST if served_version.fast is not None else GENERAL
        self.states = {name: states[name] for name in dict.fromkeys(one.table for one in card.lookups)}
        self.max_staleness = max_staleness
        self._store = store
        self._reaches: Mapping[str, Reach] = reaches_of(self.states)
        ends = {name: state.reaches_to for name, state in self.states.items() if state.reaches_to is not None}
        self.ends = {name: iso(end) for name, end in ends.items()}
        self.known_until = min(ends.values(), default=None)
        self.reaches_to = None if self.known_until is None else iso(self.known_until)
        self._time = self.schema.names.index(PREDICTION_TIME)
        starts = (reach.kept_from for reach in self._reaches.values())
        self._earliest = max(_EARLIEST, *(since for since in starts if since is not None), _EARLIEST)
        self._latest: int | None = None
        if self.known_until is not None and max_staleness is not None:
            self._latest = to_micros(self.known_until + max_staleness)

    def answer(self, body: bytes, *, request_id: str, now: datetime) -> Answers:
        """Answer a request.

        Args:
            body: JSON, see `RequestSchema`.
            request_id: Under which it is known.
            now: What the clock shows.

        Raises:
            NotServing: The store cannot be read, or its features are too old.
            RequestError: The request is wrong; the message names the field.
        """
        rows, is_many = self.schema.read(body)
        times = self._times(rows, is_many, to_micros(now + AHEAD))
        features = self.plan.rows(rows, times, self._stored_values(rows, times))
        scores = self._scored([one.cells for one in features])
        return Answers(self, request_id, rows, features, scores, is_many, now)

    def _times(self, rows: Sequence[tuple[Any, ...]], is_many: bool, ahead: int) -> list[int]:
        times = [to_micros(row[self._time]) for row in rows]
        latest = ahead if self._latest is None else min(ahead, self._latest)
        for i, at in enumerate(times):
            if not self._earliest <= at <= latest:
                place = f"{MANY}[{i}].{PREDICTION_TIME}" if is_many else PREDICTION_TIME
                raise self._refusal(place, rows[i][self._time].isoformat(), at, ahead)
        return times

    def _refusal(self, place: str, time: str, at: int, ahead: int) -> NotServing | RequestError:
        """Say why nothing is known as of a time: it lies too early, in the future, or too long after what is known."""
        if at < self._earliest:
            since = _iso_text(self._earliest)
            return RequestError(f"{place}: nothing before {since} is kept, got {time}; ask for a later time")
        if at > ahead:
            return RequestError(f"{place}: expected no time in the future, got {time}; ask for the present")
        return NotServing(
            f"features reach to {self.reaches_to}, and {time} lies more than {self.max_staleness} later: publish newer "
            "ones (`levelfive features publish --as-of TIME`)"
        )

    def _stored_values(self, rows: Sequence[tuple[Any, ...]], times: Sequence[int]) -> list[StoredValues | None]:
        if not self.plan.lookups:
            return []
        if self._store is None:
            raise NotServing("the version looks features up, and there is no online store: name one (--store)")
        asks = self.plan.asks(rows, times, self._reaches)
        different = list(dict.fromkeys(asks))  # rows of one request often share an airport, or an hour
        try:
            values = dict(zip(different, self._store.read(different), strict=True))
        except NotKept as err:
            raise RequestError(f"{PREDICTION_TIME}: {err}") from err
        except (ConfigError, OnlineStoreError) as err:  # a table may be another one since the store was looked at
            raise NotServing(str(err)) from err
        return [values[ask] for ask in asks]

    def _scored(self, cells: Sequence[Sequence[Cell]]) -> list[list[float]]:
        try:
            scores = self._general(cells) if self.served.fast is None else self.served.fast(cells)
        except ValueError as err:
            infinite = {name for row in cells for name, cell in zip(self.plan.names, row, strict=True) if _is_inf(cell)}
            where = f"{', '.join(sorted(infinite))}, which is infinite" if infinite else "a value that it cannot miss"
            raise RequestError(
                f"the model refuses these features: look for a text that its training did not see, or {where}"
            ) from err
        values: list[list[float]] = scores.reshape(len(cells), -1).tolist()
        low, high = self.served.model.card.task.score_range
        if not all(math.isfinite(one) and low <= one <= high for row in values for one in row):
            raise RequestError(
                f"the model gives these features a score that is not {self.served.model.card.task.wanted_scores}: look "
                "for values out of range"
            )
        return values

    def _general(self, cells: Sequence[Sequence[Cell]]) -> Floats:
        columns = dict(zip(self.plan.names, zip(*cells, strict=True), strict=True))
        with np.errstate(all="ignore"):  # a score that is none is told to who asked
            return self.served.model.score(pd.DataFrame({name: list(column) for name, column in columns.items()}))


def _is_inf(cell: Cell) -> bool:
    return isinstance(cell, float) and math.isinf(cell)


def _written(cell: Cell) -> Cell:
    """Write an infinite number of a table as a text: JSON has none, and would hold null, a missing value."""
    if not _is_inf(cell):
        return cell
    return "Infinity" if cell > 0 else "-Infinity"  # type: ignore[operator]  # it is a float


def _iso_text(micros: int | None) -> str | None:
    moment = from_micros(micros)
    return None if moment is None else iso(moment)
