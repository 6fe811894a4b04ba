"""What people read of alerts."""

from datetime import timedelta

import pytest

from levelfive.core.windows import Window, utc
from levelfive.monitoring.alert_words import false_alarms

BEGIN = utc(2013, 6, 3)


@pytest.mark.parametrize(
    ("days", "often"),
    [(1, " three times a year."), (7, " once in five years."), (30, " once in 25 years."), (365, None), (0.25, None)],
)
def test_how_often_drift_alarms_without_a_change_depends_on_how_long_a_window_is(
    days: float, often: str | None
) -> None:
    said = false_alarms(Window(BEGIN, BEGIN + timedelta(days=days)))

    assert said.startswith("Moved is not harmful.")
    assert said.endswith(often or "harmful.")
