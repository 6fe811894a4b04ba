"""Over HTTP, each row gets the bits that the batch wrote: scores, and the features after the model's own cast."""

import json
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from first_champion import AS_OF, LATER, Stage
from pyspark.sql import functions as F

from levelfive.app import App
from levelfive.core.windows import Window, iso
from levelfive.data.known import read_as_known
from levelfive.demo.requests import example_request, requests_of
from levelfive.models.package import ModelCard, feature_frame
from levelfive.online import job as publishing
from levelfive.storage.predictions import FEATURES, PREDICTIONS
from levelfive.storage.runs import Run
from levelfive.usecase.calls import spine_of

DAY = timedelta(days=1)
AT_ONCE = 500


@contextmanager
def serving(home: Path, shows: datetime) -> Iterator[str]:
    """Run `levelfive serving run` on a home, with a clock that shows a time."""
    clock = f"{iso(datetime.now(UTC) - timedelta(minutes=1))}={iso(shows)}"
    command = [sys.executable, "-m", "levelfive.cli.main", "--home", home, "serving", "run", "--port", 0]
    asked = [*command, "--clock", clock, "--poll", "PT1S", "--log", home / "landing" / "requests"]
    process = subprocess.Popen([str(part) for part in asked], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        found = re.fullmatch(r"serving on (.*)\n", process.stdout.readline())
        assert found
        yield found[1]
    finally:
        process.terminate()
        assert process.wait(60) == 0


def settings_of(app: App) -> Path:
    """Write the settings of a home, for another process."""
    told = {"use_case": app.settings.use_case, "table_schema": app.settings.table_schema}
    (app.home / "levelfive.yml").write_text(yaml.safe_dump(told))
    return app.home


def ready(url: str, reaches_to: str | None) -> dict[str, Any]:
    """Wait until the service has a version, and knows of the features up to a time."""
    deadline, told = time.monotonic() + 120, {}
    while "version" not in told or told["reaches_to"] != reaches_to:
        assert time.monotonic() < deadline, told
        try:
            with urllib.request.urlopen(f"{url}/health/ready") as answered:
                told = json.load(answered)
        except urllib.error.HTTPError as err:
            told = json.load(err)
    return told


def answers(url: str, requests: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Ask for the first rows one by one, and for all others together."""
    alone, together = requests[:20], requests[20:]
    told = [post(url, request) for request in alone]
    for begin in range(0, len(together), AT_ONCE):
        told += post(url, {"requests": together[begin : begin + AT_ONCE]})["answers"]
    return told


def post(url: str, request: object) -> Any:
    asked = urllib.request.Request(f"{url}/score?features=true", json.dumps(request).encode())
    with urllib.request.urlopen(asked) as answered:
        return json.load(answered)


def requests_and_predictions(app: App, names: Sequence[str], day: Window) -> tuple[list[dict[str, Any]], pd.DataFrame]:
    """List the requests of a day's rows, and what the batch said of them, both in the order of the key."""
    use_case = app.use_case
    raw = read_as_known(Run(app.tables, "test"), use_case, use_case.spine_sources, LATER)
    rows = requests_of(spine_of(use_case, raw, day), names).orderBy(*use_case.key).collect()
    scores = use_case.model.task.score_columns
    predictions = app.tables.read(PREDICTIONS).where(
        (F.col("prediction_time") >= F.lit(day.start)) & (F.col("prediction_time") < F.lit(day.end))
    )
    said = predictions.orderBy(*use_case.key).select(*scores, f"{FEATURES}.*").toPandas()
    return [row.asDict() for row in rows], said


def first_difference(card: ModelCard, told: Sequence[dict[str, Any]], said: pd.DataFrame) -> str:
    """Name the first score or feature that has other bits; empty where none has."""
    seen = [{name: one["value"] for name, one in answer["features"].items()} for answer in told]
    ours = feature_frame(pd.DataFrame(seen), card.features, card.categorical)
    theirs = feature_frame(said, card.features, card.categorical)
    for name in card.features:
        differs = ~((ours[name] == theirs[name]) | (ours[name].isna() & theirs[name].isna()))
        if differs.any():
            row = int(differs.to_numpy().argmax())
            return f"row {row}: {name} is {ours[name][row]!r}, and {theirs[name][row]!r} in the batch"
    for name in card.task.score_columns:
        for row, answer in enumerate(told):
            if answer["scores"][name] != said[name][row]:
                return f"row {row}: {name} is {answer['scores'][name]!r}, and {said[name][row]!r} in the batch"
    return ""


def test_each_row_gets_the_bits_of_the_batch(loop, tmp_path: Path) -> None:
    """A server begins, and three days are published and asked for, each row of them."""
    app = loop.copy(tmp_path / "home", Stage.SCORED)
    version = loop.trained.version
    assert version is not None
    card, compared = app.registry.load(version).card, 0
    with serving(settings_of(app), LATER) as url:
        for day in Window(AS_OF, LATER).split(DAY):
            published = publishing.run(app.context, app.registry, app.online_store, as_of=day.end)
            told = ready(url, None if published.reaches_to is None else iso(published.reaches_to))
            with urllib.request.urlopen(f"{url}/openapi.json") as described:
                names = list(json.load(described)["components"]["schemas"]["Row"]["properties"])
            requests, said = requests_and_predictions(app, names, day)
            answered = answers(url, requests)

            assert told["version"] == version
            assert len(answered) == len(said) > 20
            assert first_difference(card, answered, said) == ""
            compared += len(answered)
        assert example_request(app, names, day) in requests
    print(f"{compared:,} rows with {len(card.features)} features each have the bits of the batch")
    landed = [line for file in (app.home / "landing" / "requests").glob("*.jsonl") for line in file.open()]
    assert len(landed) == compared
