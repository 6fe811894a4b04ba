"""Reads the table `alerts`."""

from __future__ import annotations

from datetime import datetime

from levelfive.monitoring import records
from levelfive.monitoring.alert_states import ALERTS_TABLE, AlertRecord
from levelfive.storage.records import from_row
from levelfive.storage.runs import Run


def alert_history(run: Run, model_name: str, *, as_of: datetime) -> tuple[AlertRecord, ...]:
    """List all that was said of a model's alerts and was known at a time."""
    rows = records.of_model(run, ALERTS_TABLE, model_name, as_of)
    return tuple(from_row(AlertRecord, row) for row in rows)
