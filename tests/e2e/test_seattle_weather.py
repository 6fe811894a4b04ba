"""The second use case of the repository: its README's commands, from a Delta table with corrections to an answer."""

import re
import shlex
import shutil
from pathlib import Path

import commands
import pandas as pd
import pytest
import requests
from asking import serving
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from levelfive.app import App
from levelfive.config import load_settings
from levelfive.core.windows import utc
from levelfive.registry.promotions import champion_as_of, history

pytestmark = pytest.mark.nightly
EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "seattle_weather"
SERVES = "levelfive serving run"
LINES = 150
"""What a use case of a team's own may take at most."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "seattle_weather"
    shutil.copytree(EXAMPLE, folder)
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(str(folder))
    return folder


def run(home: Path, line: str) -> None:
    program, *arguments = shlex.split(line)
    if program == "python":
        import deliver

        deliver.deliver(Path(arguments[1]), arguments[2])
    elif program == "levelfive":
        assert commands.run(home, *arguments) == 0, line


def test_every_command_of_the_readme_works_and_the_first_answer_comes(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Seattle's four years are read, trained on, scored, monitored and served."""
    lines = re.findall(r"^    (\S.*)$", (folder / "README.md").read_text(), re.MULTILINE)
    home = tmp_path / "home"

    for line in lines:
        if not line.startswith(SERVES):
            run(home, line)

    shown = capsys.readouterr().out
    app = App.local(home, load_settings(folder / "levelfive.yml", home))
    champion = champion_as_of(history(app.tables, app.registry.name), utc(2015, 3, 1))
    assert champion is not None
    assert champion.version == "2"
    assert "59 rows" in shown
    page = (folder / "report.html").read_text()
    assert "Macro AUC" in page
    observations = app.tables.read("raw_observations").toPandas()
    assert observations["day"].nunique() == (pd.Timestamp("2015-03-01") - pd.Timestamp("2012-01-01")).days
    corrected = observations[observations.duplicated("day", keep=False)]
    assert corrected["day"].nunique() > 0
    assert corrected["day"].max() < pd.Timestamp("2015-01-01")
    shutil.copy(folder / "levelfive.yml", home)
    asked = {
        "prediction_time": "2015-02-28T06:00:00Z",
        "day": "2015-02-28T00:00:00Z",
        "station": "seattle",
        "month": 2.0,
    }
    with serving(home, utc(2015, 3, 1)) as address, requests.Session() as session:
        # It answers once it has loaded the model.
        until_ready = Retry(total=12, backoff_factor=0.2, status_forcelist=[503], allowed_methods=None)
        session.mount("http://", HTTPAdapter(max_retries=until_ready))
        answer = session.post(f"{address}/score", json=asked, timeout=30)
    assert answer.status_code == 200, answer.text
    scores = answer.json()["scores"]
    assert list(scores) == ["score_dry", "score_light", "score_heavy"]
    assert sum(scores.values()) == pytest.approx(1.0)


def test_the_use_case_is_short_and_knows_only_public_names() -> None:
    source = (EXAMPLE / "seattle_weather.py").read_text()

    assert len(source.splitlines()) <= LINES
    assert not re.findall(r"^(?:from|import) levelfive\.", source, re.MULTILINE)
