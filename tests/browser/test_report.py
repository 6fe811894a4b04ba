"""The report in a real browser, without a network: it opens with no complaint, and its plots are drawn."""

import os
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread
from programs import program
from reports import a_column_week, a_report

from levelfive.reporting.page import render

QUIET = (
    "--headless",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--enable-logging=stderr",
    "--virtual-time-budget=2000",
)


def browse(page: Path, folder: Path, *wanted: str, width: int = 1200) -> subprocess.CompletedProcess[str]:
    """Open a page in Chromium; what it says on its console comes on standard error."""
    # Its sandbox refuses root; what is opened is our own page.
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    command = [program("chromium", package="chromium"), *QUIET, *sandbox, f"--user-data-dir={folder / 'profile'}"]
    answer = subprocess.run(
        [*command, f"--window-size={width},2400", *wanted, page.as_uri()], capture_output=True, text=True, check=True
    )
    return answer


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    weeks = tuple(a_column_week(column, week) for column in ("dep_delay", "visib") for week in range(5))
    file = tmp_path_factory.mktemp("report") / "report.html"
    file.write_text(render(a_report(columns=weeks)), encoding="utf-8")
    return file


def console(answer: subprocess.CompletedProcess[str]) -> list[str]:
    return [line for line in answer.stderr.splitlines() if "CONSOLE" in line]


def test_the_browser_reads_the_page_as_it_was_written_and_has_no_complaint(page: Path, tmp_path: Path) -> None:
    answer = browse(page, tmp_path, "--dump-dom")

    assert console(answer) == []
    written = page.read_text(encoding="utf-8")
    for element in ("svg", "path", "table", "tr", "text"):
        count = len(re.findall(rf"<{element}[ >]", written))
        assert count == len(re.findall(rf"<{element}[ >]", answer.stdout)), element
    assert answer.stdout.count("<svg") >= 3


@pytest.mark.parametrize("width", [1200, 400])
def test_plots_and_words_are_drawn_on_a_desk_and_on_a_phone(page: Path, tmp_path: Path, width: int) -> None:
    picture = tmp_path / "page.png"

    browse(page, tmp_path, f"--screenshot={picture}", width=width)

    drawn = imread(picture)[..., :3]
    height = drawn.shape[0]
    assert drawn.shape[:2] == (height, width)
    # Something is drawn in each part of the window that the page fills, and in more than two colours.
    for part in (drawn[: height // 4], drawn[height // 4 : height // 2]):
        assert len({tuple(colour) for colour in part.reshape(-1, 3)[::7].tolist()}) > 20


@pytest.mark.parametrize(("scheme", "is_dark"), [(0, True), (1, False)], ids=["dark", "light"])
def test_a_page_is_as_dark_as_the_reader_has_it(page: Path, tmp_path: Path, scheme: int, is_dark: bool) -> None:
    picture = tmp_path / "page.png"

    browse(page, tmp_path, f"--screenshot={picture}", f"--blink-settings=preferredColorScheme={scheme}")

    drawn = imread(picture)[..., :3]
    assert (np.median(drawn) < 0.2) == is_dark
    assert (np.median(drawn) > 0.8) != is_dark
    # The words stand out, whatever they stand on.
    assert drawn.max() - drawn.min() > 0.7


def test_a_script_in_the_page_is_blocked_and_the_browser_complains(page: Path, tmp_path: Path) -> None:
    with_script = tmp_path / "with_script.html"
    with_script.write_text(page.read_text(encoding="utf-8") + "<script>alert(1)</script>", encoding="utf-8")

    (complaint,) = console(browse(with_script, tmp_path, "--dump-dom"))

    assert "Executing inline script violates" in complaint
