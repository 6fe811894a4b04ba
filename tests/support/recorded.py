"""A place to send telemetry to that keeps it."""

from __future__ import annotations

from dataclasses import dataclass, field

from levelfive.telemetry.records import Event, Exporter, Measurement, Record, Span


@dataclass
class Kept:
    """An exporter that keeps what it gets."""

    records: list[Record] = field(default_factory=list)
    flushed: int = 0
    closed: int = 0

    def export(self, record: Record) -> None:
        self.records.append(record)

    def flush(self) -> None:
        self.flushed += 1

    def close(self) -> None:
        self.closed += 1

    @property
    def events(self) -> list[Event]:
        return [record for record in self.records if isinstance(record, Event)]

    @property
    def spans(self) -> list[Span]:
        return [record for record in self.records if isinstance(record, Span)]

    @property
    def measurements(self) -> list[Measurement]:
        return [record for record in self.records if isinstance(record, Measurement)]

    def measured(self, metric: str) -> list[float]:
        return [one.value for one in self.measurements if one.metric.name == metric]


@dataclass(frozen=True)
class Place:
    """A destination that keeps what is sent to it; equal to one of the same name."""

    name: str
    kept: Kept = field(default_factory=Kept, compare=False)

    def open(self) -> Exporter:
        return self.kept
