"""Under load, one version takes over from another again and again: no request fails, no bit differs, memory stays."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import serving
from programs import program


@pytest.mark.parametrize(
    "fault",
    [
        {"swaps": 8},
        {"failed": 1},
        {"wrong": 1},
        {"load": serving.Measured(0.001, 0.002, 750.0, errors=1)},
        {"memory": [100.0, 100.0, 100.0, 106.0]},
    ],
)
def test_minutes_of_load_are_not_met_by_less_than_was_asked_for(fault: dict[str, Any]) -> None:
    well = serving.Endured(
        serving.Measured(0.001, 0.002, 750.0, errors=0),
        1500.0,
        swaps=9,
        due=9,
        checked=9,
        wrong=0,
        failed=0,
        memory=[100.0] * 4,
    )

    assert (well.is_well, replace(well, **fault).is_well) == (True, False)


@pytest.mark.nightly
def test_versions_are_swapped_under_load(tmp_path: Path) -> None:
    """Half a minute of load, after ten seconds that find out how much is half."""
    program("wrk", package="wrk")
    serving.write_packages(tmp_path)
    serving.publish(tmp_path / "online.db")

    endured = serving.endure(tmp_path, minutes=0.5, every=5.0)

    serving.tell(0.5, endured)
    assert endured.swaps >= 3
    assert endured.checked > 100
    # How much of it a busy machine allows is for the benchmark to say.
    assert endured.load.rate * 30 > 300
    assert (endured.load.errors, endured.failed, endured.wrong) == (0, 0, 0)
    assert endured.growth <= serving.GROWTH
