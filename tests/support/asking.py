"""Asks a service for the rows of a batch, over HTTP, and compares the answers with what the batch said."""

import json
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from levelfive.app import App
from levelfive.config import load_settings
from levelfive.core.conditions import in_window
from levelfive.core.windows import Window, iso
from levelfive.data.known import read_as_known
from levelfive.demo.requests import requests_of
from levelfive.models.card import ModelCard
from levelfive.models.package import feature_frame
from levelfive.online import job as publishing
from levelfive.platforms.laptop import Laptop
from levelfive.storage.predictions import FEATURES, PREDICTIONS, scored_by
from levelfive.storage.runs import Run
from levelfive.usecase.calls import spine_of
from levelfive.usecase.columns import PREDICTION_TIME, REQUEST_LOG
from levelfive.usecase.use_case import UseCase

DAY = timedelta(days=1)
AT_ONCE = 500


@contextmanager
def serving(home: Path, shows: datetime, *options: str) -> Iterator[str]:
    """Run `levelfive serving run` on a home, with a clock that shows a time."""
    clock = f"{iso(datetime.now(UTC) - timedelta(minutes=1))}={iso(shows)}"
    command = [sys.executable, "-m", "levelfive.cli.main", "--home", home, "serving", "run", "--port", 0]
    log = Laptop(home).landing(load_settings(None, home)) / REQUEST_LOG
    asked = [*command, "--clock", clock, "--poll", "PT1S", "--log", log, *options]
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


@dataclass(frozen=True)
class Asked:
    """The requests of a day's rows, the answers, and what the batch said, all in the order of the key."""

    names: list[str]
    requests: list[dict[str, Any]]
    answers: list[dict[str, Any]]
    said: pd.DataFrame


def ask_for_day(app: App, url: str, day: Window, *, version: str) -> Asked:
    """Publish what is known at the end of a day, and ask for each of its rows."""
    published = publishing.run(app.context, app.registry, app.online_store, as_of=day.end)
    told = ready(url, None if published.reaches_to is None else iso(published.reaches_to))
    assert told["version"] == version
    return ask_for_rows(app, url, day)


def ask_for_rows(app: App, url: str, day: Window) -> Asked:
    """Ask for each row of a day, by what was published."""
    with urllib.request.urlopen(f"{url}/openapi.json") as described:
        names = list(json.load(described)["components"]["schemas"]["Row"]["properties"])
    use_case = app.use_case
    raw = read_as_known(Run(app.tables, "test"), use_case, use_case.spine_sources, day.end + DAY)
    rows = requests_of(spine_of(use_case, raw, day), names).orderBy(*use_case.key).collect()
    requests = [row.asDict() for row in rows]
    live = app.tables.read(PREDICTIONS).where(in_window(PREDICTION_TIME, day) & scored_by(app.registry.name))
    scores = use_case.model.task.score_columns
    said = live.orderBy(*use_case.key).select(*scores, f"{FEATURES}.*").toPandas()
    return Asked(names, requests, answers(url, requests), said)


def first_difference(use_case: UseCase, card: ModelCard, asked: Asked) -> str:
    """Name the first score or feature that has other bits; empty where none has."""
    seen = [{name: one["value"] for name, one in answer["features"].items()} for answer in asked.answers]
    ours = feature_frame(pd.DataFrame(seen), card.features, card.categorical)
    theirs = feature_frame(asked.said, card.features, card.categorical)
    for name in card.task.score_columns:
        ours[name] = [answer["scores"][name] for answer in asked.answers]
        theirs[name] = asked.said[name]
    for name in ours:
        differs = ~((ours[name] == theirs[name]) | (ours[name].isna() & theirs[name].isna()))
        if differs.any():
            row = int(differs.to_numpy().argmax())
            key = {name: asked.requests[row][name] for name in use_case.key}
            return f"{key}: {name} is {ours[name][row]!r}, and {theirs[name][row]!r} in the batch"
    return ""
