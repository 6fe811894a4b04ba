"""The report and the model card in a real browser, without a network: they open with no complaint, and are drawn."""

import json
import os
import re
import subprocess
from html import unescape
from pathlib import Path

import numpy as np
import pytest
from in_memory.registry import MemoryBackend
from in_memory.release import Packages
from matplotlib.image import imread
from programs import program
from reports import a_column_window, a_report

from levelfive.models.card import SliceMetrics
from levelfive.registry import tags
from levelfive.reporting.card import render_card
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
PHONE = 390  # pixels across
# Opens a page in a frame of a phone's width; writes down how far it and its captions reach beyond, what it asked for.
ON_A_PHONE = """<iframe src="{page}" width="{width}" height="800"></iframe><pre></pre><script>
onload = () => {{
  const {{document: {{documentElement: page}}, performance}} = frames[0];
  const asked = performance.getEntriesByType("resource").map(one => one.name);
  const ends = [...page.querySelectorAll("caption")].map(one => one.getBoundingClientRect().right);
  const cut = ends.filter(end => end > page.clientWidth).length, beyond = page.scrollWidth - page.clientWidth;
  document.querySelector("pre").textContent = JSON.stringify({{beyond, cut, asked}});
}}</script>"""


def browse(page: Path, folder: Path, *wanted: str, width: int = 1200) -> subprocess.CompletedProcess[str]:
    """Open a page in Chromium; what it says on its console comes on standard error."""
    # Its sandbox refuses root; what is opened is our own page.
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    command = [program("chromium", package="chromium"), *QUIET, *sandbox, f"--user-data-dir={folder / 'profile'}"]
    answer = subprocess.run(
        [*command, f"--window-size={width},2400", *wanted, page.as_uri()], capture_output=True, text=True, check=True
    )
    return answer


def report() -> str:
    weeks = tuple(a_column_window(column, week) for column in ("dep_delay", "visib") for week in range(5))
    return render(a_report(columns=weeks))


def card(folder: Path) -> str:
    """A card whose tables and names are as long as those of real models."""
    metrics = {name: 0.701 for name in ("auc", "log_loss", "brier", "skill", "calibration")}
    slices = [SliceMetrics(name, 9_120, 14, metrics, metrics, metrics) for name in ("", "origin=JFK", "carrier=AA")]
    features = {f"mean_wind_speed_of_the_last_{hours}_hours": 0.1 for hours in range(10)}
    told = {"purpose": "To warn crews.", "limits": ("Not for cargo.",), "importances": features}
    registry = MemoryBackend().opened("models.prod.flights")
    packages = Packages.saved(folder, holdout=tuple(slices), training_set_sha256="a3" * 32, **told)
    packages.register(registry, {tags.TRAINED_BY: "ada@example.com", tags.VERDICT: "better by 0.01 nats"})
    return render_card(registry, "2")


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    files = {}
    for name, html in (("report", report()), ("card", card(folder))):
        files[name] = folder / f"{name}.html"
        files[name].write_text(html, encoding="utf-8")
    return files


@pytest.fixture(params=["report", "card"])
def page(pages: dict[str, Path], request: pytest.FixtureRequest) -> Path:
    return pages[request.param]


def console(answer: subprocess.CompletedProcess[str]) -> list[str]:
    return [line for line in answer.stderr.splitlines() if "CONSOLE" in line]


def on_a_phone(page: Path, folder: Path) -> dict[str, object]:
    """Measure a page in a frame of a phone's width."""
    frame = folder / "frame.html"
    frame.write_text(ON_A_PHONE.format(page=page.as_uri(), width=PHONE), encoding="utf-8")
    answer = browse(frame, folder, "--dump-dom", "--allow-file-access-from-files")
    (written,) = re.findall(r"<pre>(.*?)</pre>", answer.stdout)
    found: dict[str, object] = json.loads(unescape(written))
    return found


def test_the_browser_reads_the_page_as_it_was_written_and_has_no_complaint(page: Path, tmp_path: Path) -> None:
    answer = browse(page, tmp_path, "--dump-dom")

    assert console(answer) == []
    written = page.read_text(encoding="utf-8")
    for element in ("svg", "path", "table", "tr", "text"):
        count = len(re.findall(rf"<{element}[ >]", written))
        assert count == len(re.findall(rf"<{element}[ >]", answer.stdout)), element
    assert answer.stdout.count("<table") >= 3


def test_charts_are_in_the_report(pages: dict[str, Path], tmp_path: Path) -> None:
    assert browse(pages["report"], tmp_path, "--dump-dom").stdout.count("<svg") >= 3


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


def test_a_page_is_no_wider_than_a_phone_and_asks_for_nothing(page: Path, tmp_path: Path) -> None:
    assert on_a_phone(page, tmp_path) == {"beyond": 0, "cut": 0, "asked": []}


def test_a_page_that_is_too_wide_or_asks_for_something_is_found(tmp_path: Path) -> None:
    wide = tmp_path / "wide.html"
    pixel, table = "https://elsewhere.invalid/pixel.png", '<table width="500"><caption>Wide</caption></table>'
    wide.write_text(
        f'<!DOCTYPE html><body style="margin: 0; width: 500px"><img src="{pixel}">{table}', encoding="utf-8"
    )

    assert on_a_phone(wide, tmp_path) == {"beyond": 500 - PHONE, "cut": 1, "asked": [pixel]}


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
