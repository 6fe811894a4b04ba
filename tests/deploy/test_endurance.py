"""Under load, one version takes over from another again and again: no request fails, no bit differs, memory stays."""

from pathlib import Path

import pytest
import serving
from programs import program


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
    assert endured.load.rate > endured.full / 4
    assert (endured.load.errors, endured.failed, endured.wrong) == (0, 0, 0)
    assert endured.growth <= serving.GROWTH
