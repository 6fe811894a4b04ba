"""What live predictions of a window did, by the versions that made them."""

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from in_memory.release import AS_OF, a_use_case

from levelfive.core.windows import Window
from levelfive.monitoring.performance import AT, Outcomes, performance_of
from levelfive.usecase.columns import LABEL, OUTCOME

WEEK = Window(AS_OF, AS_OF + timedelta(days=7))


@pytest.mark.parametrize(
    ("by_day", "versions"),
    [("2223333", ("2", "3")), ("2233322", ("3", "2")), ("9999000", ("9", "10"))],
    ids=["a promotion", "a promotion and a rollback", "another promotion"],
)
def test_the_version_that_was_live_last_stands_at_the_end(by_day: str, versions: tuple[str, ...]) -> None:
    days = pd.Series(list(by_day)).replace("0", "10")
    at = np.arange(7, dtype=np.int64) * 86_400_000_000 + int(WEEK.start.timestamp()) * 1_000_000
    rows = pd.DataFrame({AT: at, "model_version": days, "score": 0.5, "reference_score": 0.5, LABEL: 1.0})
    rows[OUTCOME] = None

    found = performance_of(a_use_case(), Outcomes(rows, WEEK.end, None), WEEK)

    assert found.versions == versions
