"""The `annotations` table: what people say about the system, with who, when, why and until when.

Rows are added by commands, and never changed: what was said last counts.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import datetime

from levelfive.core.windows import Window, iso
from levelfive.errors import ConfigError
from levelfive.storage.records import from_row, record_of
from levelfive.storage.runs import Run

ANNOTATIONS = "annotations"

ACKNOWLEDGED = "acknowledged"
MUTED = "muted"
NOTED = "noted"
ERASED = "erased"

_KEYS = ("kind", "subject", "window_start", "window_end", "by", "reason", "said_at")


@record_of(ANNOTATIONS)
@dataclass(frozen=True)
class Annotation:
    """One row of `annotations`.

    Attributes:
        kind: What is said: `acknowledged`, `muted` of an alert, `noted` of an event, or `erased` of a person's rows.
        subject: About what, see `source_subject`, `model_subject`, `alert_subject` and `use_case_subject`.
        window: About which times of it.
        by: Who says so.
        reason: Why.
        said_at: The logical time at which it was said.
        until: From when on it counts no longer; None: for good.
        covers: What is known by it, such as `harmful`; later news is not covered.
        left_out: What trainings leave out of the window; None where that is no question.
        run_id: Which run wrote it.
    """

    kind: str
    subject: str
    window: Window
    by: str
    reason: str
    said_at: datetime
    until: datetime | None = None
    covers: tuple[str, ...] = ()
    left_out: str | None = None
    run_id: str = field(default="", compare=False)

    def __str__(self) -> str:
        """Show what is said by whom, as of when and why."""
        return f"{self.kind} by {self.by} as of {iso(self.said_at)}: {self.reason}"


def source_subject(name: str) -> str:
    """Name a source as what an annotation is about."""
    return f"source {name}"


def model_subject(name: str) -> str:
    """Name a registered model as what an annotation is about."""
    return f"model {name}"


def alert_subject(model_name: str, alert: str) -> str:
    """Name an alert of a registered model as what an annotation is about."""
    return f"alert of {model_name}: {alert}"


def use_case_subject(name: str) -> str:
    """Name a use case as what an annotation is about."""
    return f"use case {name}"


def annotate(run: Run, annotation: Annotation) -> None:
    """Write down what a person says, as part of a run; the same, said at the same time, is there once.

    Raises:
        ConfigError: A name or a reason is missing.
    """
    for what, text in (("who", annotation.by), ("why", annotation.reason)):
        if not text.strip():
            raise ConfigError(f"an annotation says who and why, got {text!r}: say {what}")
    of_run = replace(annotation, run_id=run.run_id)
    run.wrote(run.tables.control_tables.add(ANNOTATIONS, [of_run], _KEYS))


def list_annotations(run: Run, kind: str, subjects: Collection[str], *, as_of: datetime) -> tuple[Annotation, ...]:
    """List what was ever said of some subjects and is not over as of a time, in the order in which it was said."""
    rows = run.rows(ANNOTATIONS, where={"kind": kind, "subject": subjects})
    records = (from_row(Annotation, row) for row in rows)
    valid = (one for one in records if one.until is None or as_of < one.until)
    return tuple(sorted(valid, key=lambda one: one.said_at))
