"""Over HTTP, each row gets the bits that the batch wrote: scores, and the features after the model's own cast."""

import json
import os
import signal
import subprocess
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from queue import SimpleQueue

import pytest
from asking import DAY, ask_for_day, first_difference, serving, settings_of
from first_champion import AS_OF, LATER, Stage, deliver, on_flights, on_shop, prepare
from ports import free_port

from levelfive.core.windows import Window
from levelfive.demo.requests import example_request
from levelfive.demo.serving import serve_demo
from levelfive.scoring import job as scoring
from levelfive.usecase.columns import REQUEST_LOG

MONTH = Window(LATER, LATER + timedelta(days=28))


def test_each_row_gets_the_bits_of_the_batch(loop, tmp_path: Path) -> None:
    """A server begins, and three days are published and asked for, each row of them."""
    app = loop.copy(tmp_path / "home", Stage.SCORED)
    card, compared = app.registry.load(loop.trained.version).card, 0
    with serving(settings_of(app), LATER) as url:
        for day in Window(AS_OF, LATER).split(DAY):
            asked = ask_for_day(app, url, day, version=loop.trained.version)

            assert len(asked.answers) == len(asked.said) > 20
            assert first_difference(app.use_case, card, asked) == ""
            compared += len(asked.answers)
        assert example_request(app, asked.names, day) in asked.requests
    print(f"{compared:,} rows with {len(card.features)} features each have the bits of the batch")
    landed = [line for file in (app.landing / REQUEST_LOG).glob("*.jsonl") for line in file.open()]
    assert len(landed) == compared


@on_shop
def test_the_line_that_the_demo_ends_with_is_answered(loop, tmp_path: Path) -> None:
    """The demo serves in this thread, which alone is told of signals, and another one asks."""
    assert threading.current_thread() is threading.main_thread()
    app, said, answers, port = loop.copy(tmp_path / "home", Stage.SCORED), SimpleQueue(), [], free_port()

    def ask_and_end() -> None:
        while not (line := said.get(timeout=300)).startswith("curl "):
            pass
        waits = ["--retry", "60", "--retry-delay", "1", "--retry-connrefused"]  # it listens a moment later
        subprocess.run(["curl", "-s", "-o", os.devnull, *waits, f"http://127.0.0.1:{port}/health/live"], check=True)
        answers.append(subprocess.run(line, shell=True, capture_output=True, text=True).stdout)
        os.kill(os.getpid(), signal.SIGTERM)

    caller = threading.Thread(target=ask_and_end, daemon=True)
    caller.start()
    serve_demo(app, Window(AS_OF, LATER), port, now=lambda: datetime.now(UTC), say=said.put)
    caller.join(60)

    answer = json.loads(answers[0])
    assert answer["version"] == loop.trained.version
    assert answer["scores"].keys() == set(app.use_case.model.task.score_columns)
    assert answer["features"].keys() == {"store", "price", "returned_share"}


@pytest.mark.nightly
@on_flights
def test_every_flight_of_a_month_gets_the_bits_of_the_batch(loop, fixtures: Path, tmp_path: Path) -> None:
    """Four weeks of flights of all airlines land, are scored, published a day at a time, and asked for one by one."""
    app, version = loop.copy(tmp_path / "home", Stage.SCORED), loop.trained.version
    prepare(app, lambda landing, window: deliver(landing, fixtures, window), MONTH)
    scored = scoring.run(app.context, app.registry, window=MONTH, as_of=MONTH.end)
    card, compared = app.registry.load(version).card, 0
    with serving(settings_of(app), MONTH.end) as url:
        for day in MONTH.split(DAY):
            asked = ask_for_day(app, url, day, version=version)

            assert len(asked.answers) == len(asked.said)
            assert first_difference(app.use_case, card, asked) == ""
            compared += len(asked.answers)
    assert compared == scored.rows > 20_000
    print(f"{compared:,} rows, {compared * len(card.features):,} features: 0 differ in a bit from the batch")
