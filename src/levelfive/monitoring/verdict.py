"""The verdict on a window, in statements kept apart: outside training's range, unusual, harmful, broken, real time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from levelfive.core.windows import Window
from levelfive.monitoring.alerts import said_of
from levelfive.monitoring.drift_alarms import drift_in_words
from levelfive.monitoring.evidence import BROKEN, HARMFUL, OUTSIDE, SERVING, STATEMENTS, Evidence
from levelfive.storage.records import record_of

VERDICTS = "verdicts"


@dataclass(frozen=True)
class Subject:
    """What is monitored: a version of a model over a window of prediction times."""

    model_name: str
    model_version: str
    window: Window


@dataclass(frozen=True)
class WindowVerdict:
    """What monitoring says of a window. Harm, broken data and what requests get call for a person.

    Args:
        outside: Columns with values outside the training's range, more than are usual.
        unusual: Columns that the model rests on which moved by more than by chance, the one it rests on most first.
        harmful: Why the model harms; empty if it does not.
        broken: What is broken in the data; empty if nothing is.
        left_out: The days of broken deliveries, from which nothing is to be learned.
        serving: What is wrong with what single requests are answered by; empty if nothing is.
        drift: What moved for more than a window, in one line; empty if no alarm of drift is open.
    """

    outside: tuple[str, ...]
    unusual: tuple[str, ...]
    harmful: tuple[str, ...]
    broken: tuple[str, ...]
    left_out: tuple[date, ...] = ()
    serving: tuple[str, ...] = ()
    drift: str = ""


@record_of(VERDICTS)
@dataclass(frozen=True, kw_only=True)
class VerdictRecord(Subject):
    """One row of `verdicts`: a `WindowVerdict` as it was said at a time, and the evidence that a decision needs.

    Args:
        as_of: When it was said.
        days: Days with mature labels.
        rows: Rows with mature labels.
        drifted_share: Share of the columns that were tested which are unusual.
        calibration: Ends of the interval of mean score minus mean label, None if not measured; the task says what it is
            called, as a regression's bias, which is in the label's unit.
        skill: Ends of the interval of 1 - loss / loss of the constant prediction of the window's own mean label, None
            if not measured.
    """

    as_of: datetime
    days: int
    rows: int
    drifted_share: float
    calibration: tuple[float, float] | None
    skill: tuple[float, float] | None
    outside: tuple[str, ...]
    unusual: tuple[str, ...]
    harmful: tuple[str, ...]
    broken: tuple[str, ...]
    left_out: tuple[date, ...] = ()
    serving: tuple[str, ...] = ()
    drift: str = ""


@dataclass(frozen=True, kw_only=True)
class KnownVerdict(VerdictRecord):
    """A verdict, and what a person has said of it by a time.

    Args:
        acknowledgement: Who acknowledged its harm and broken data, and why, so that they call nobody any more; empty
            where nobody did.
    """

    acknowledgement: str = ""

    @property
    def reasons_to_call(self) -> list[str]:
        """Why someone has to look, or had to before it was acknowledged; each with the word of its statement."""
        return [f"{of.word}: {reason}" for of in STATEMENTS if not of.of_columns for reason in of.said_in(self)]

    @property
    def calls_for_a_person(self) -> bool:
        """Whether someone has to look."""
        return bool(self.reasons_to_call) and not self.acknowledgement


def judge_window(evidence: Evidence) -> WindowVerdict:
    """Judge a window by all alerts that are registered."""
    return WindowVerdict(
        outside=said_of(OUTSIDE, evidence),
        unusual=tuple(one.column for one in evidence.columns if one.unusual),
        harmful=said_of(HARMFUL, evidence),
        broken=said_of(BROKEN, evidence),
        left_out=_left_out(evidence),
        serving=said_of(SERVING, evidence),
        drift=drift_in_words(evidence.columns),
    )


def _left_out(evidence: Evidence) -> tuple[date, ...]:
    missing = (one.day for one in evidence.delivery.missing)
    quarantine_days = (day for one in evidence.quarantined_sources.values() for day in one.days)
    columns = (day for days in evidence.broken_sources.values() for day in days)
    return tuple(sorted({*missing, *quarantine_days, *columns}))
