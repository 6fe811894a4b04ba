"""The names of all that is sent: attributes and metrics, by OpenTelemetry's conventions, our own under `levelfive.`.

What is not listed here never leaves the machine: no path, no person, no parameter, no message of an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

SERVICE = "levelfive"
SERVICE_NAME, SERVICE_VERSION = "service.name", "service.version"
ERROR_TYPE = "error.type"
SERVICE_INSTANCE, ENVIRONMENT = "service.instance.id", "deployment.environment.name"


@dataclass(frozen=True)
class Attribute:
    """What is said beside an event, a span or a measurement.

    Args:
        name: As it is sent.
        words: What it says.
    """

    name: str
    words: str


@dataclass(frozen=True)
class Instrument:
    """A number that is measured.

    Args:
        name: As it is sent.
        unit: As UCUM writes it: `s` for seconds, `{row}` for rows, `1` for a number without a unit.
        words: What it says.
    """

    name: str
    unit: str
    words: str


RESOURCE: Mapping[str, str] = {
    SERVICE_NAME: f"always `{SERVICE}`",
    SERVICE_VERSION: "version of the wheel",
    SERVICE_INSTANCE: "the process, by a random number",
    ENVIRONMENT: "the setting `environment`",
}
"""Attributes of the process, beside all that it sends."""

ATTRIBUTES: Mapping[str, Attribute] = {
    "use_case": Attribute("levelfive.use_case", "the use case"),
    "stage": Attribute("cicd.pipeline.name", "the job: `data`, `features`, `training`, `scoring`, `monitoring`, ..."),
    "run_id": Attribute("cicd.pipeline.run.id", "the run, by its `run_id` in the table `runs`"),
    "run_state": Attribute("cicd.pipeline.run.state", "always `executing`: the metric's convention wants it"),
    "result": Attribute("cicd.pipeline.result", "how the run ended: `success`, `failure` or `cancellation`"),
    "step": Attribute("cicd.pipeline.task.name", "the step of the run"),
    "step_result": Attribute("cicd.pipeline.task.run.result", "how the step ended"),
    "error_type": Attribute(ERROR_TYPE, "the error's class; what it says is in the table `runs`"),
    "as_of": Attribute("levelfive.as_of", "the run's logical now"),
    "mlflow_run_id": Attribute("levelfive.mlflow.run_id", "the training's run in MLflow"),
    "model_version": Attribute("levelfive.model.version", "the version that scores, is judged, or was registered"),
    "batch_id": Attribute("levelfive.batch.id", "the batch of predictions"),
    "source": Attribute("levelfive.source", "a source of the use case"),
    "first": Attribute("levelfive.days.first", "the first of the days that lack rows"),
    "last": Attribute("levelfive.days.last", "the last of the days that lack rows"),
    "column": Attribute("levelfive.column", "a column of the predictions"),
    "statistic": Attribute("levelfive.drift.statistic", "a drift statistic, as in the table `drift`"),
    "unusual": Attribute(
        "levelfive.drift.unusual",
        "whether the column, of those that the model rests on, moved by more than windows without change do",
    ),
    "window_start": Attribute("levelfive.window.start", "where the window of prediction times begins"),
    "window_end": Attribute("levelfive.window.end", "where it ends"),
    "metric": Attribute("levelfive.performance.metric", "a metric of the model, as in the table `performance`"),
    "provisional": Attribute("levelfive.performance.provisional", "whether some labels of the window are too young"),
    "destination": Attribute("levelfive.destination", "who is told: `teams`, `slack` or `webhook`"),
    "alert": Attribute("levelfive.alert.id", "an alert, as in the table `alerts`"),
    "severity": Attribute("levelfive.alert.severity", "how urgent it is: `critical`, `warning` or `info`"),
    "muted": Attribute("levelfive.alert.muted", "whether a person has muted it"),
    "slice": Attribute("levelfive.slice", "the slice of the rows that it is of, such as `origin=JFK`"),
    "since": Attribute("levelfive.alert.since", "from when on it is there"),
    "affected_rows": Attribute("levelfive.alert.rows", "how many rows of the window it affects"),
    "statement": Attribute("levelfive.statement", "what monitoring says of a window: `outside`, `unusual`, ..."),
}
"""By the name that an event's field has in the code, the attribute that it becomes."""

RUN_DURATION = Instrument("cicd.pipeline.run.duration", "s", "how long a run took")
DRIFT = Instrument("levelfive.drift", "1", "how far a column of a window lies from the training data, by one statistic")
PERFORMANCE = Instrument("levelfive.performance", "1", "a metric of live predictions whose labels are known")
STATEMENTS = Instrument("levelfive.statements", "{statement}", "how much monitoring says of a window, by kind")

COUNTS: Mapping[str, Instrument] = {
    "rows_in": Instrument("levelfive.rows.in", "{row}", "rows of the landing files that a run ingested"),
    "accepted": Instrument("levelfive.rows.accepted", "{row}", "of them, rows that went into the raw tables"),
    "quarantined": Instrument("levelfive.rows.quarantined", "{row}", "of them, rows that broke the contract"),
    "duplicates": Instrument("levelfive.rows.duplicates", "{row}", "of them, rows that were there already"),
    "missing_days": Instrument("levelfive.days.missing", "d", "days of sources that lack rows, found by this run"),
    "files_left": Instrument("levelfive.files.left", "{file}", "files that begin after the run's logical now"),
    "training_rows": Instrument("levelfive.rows.trained", "{row}", "rows of a training set"),
    "scored": Instrument(
        "levelfive.rows.scored", "{row}", "predictions that a run added, or that monitoring looked at"
    ),
    "checked": Instrument("levelfive.rows.checked", "{row}", "rows of a batch that were found sound"),
}
"""By the name of a run's count in the table `runs`, the metric that it becomes."""

METRICS = (RUN_DURATION, *COUNTS.values(), DRIFT, PERFORMANCE, STATEMENTS)


def sent(fields: Mapping[str, object]) -> dict[str, object]:
    """Keep the fields that may leave the machine, under the names by which they are sent; empty ones are left out."""
    return {
        ATTRIBUTES[field].name: value
        for field, value in fields.items()
        if field in ATTRIBUTES and value is not None and value != ""
    }


def said(fields: Mapping[str, object]) -> dict[str, object]:
    """Name fields as they are sent; those that are not sent keep their own names."""
    attributes = {(ATTRIBUTES[field].name if field in ATTRIBUTES else field): value for field, value in fields.items()}
    return {name: value for name, value in attributes.items() if value is not None}
