"""How long a request takes: the service beside a bare handler with the same trees, and beside `mlflow models serve`.

The recipe of the flights is fitted on rows that are made up, and the online store holds made-up states of all tables
that it looks up: what a request costs does not depend on what the numbers mean. Every server has one worker; wrk asks
them in turns over loopback. Needs wrk (`apt-get install wrk`).

    python benchmarks/serving.py                # the table, in about five minutes
    python benchmarks/serving.py --minutes 10   # and then half the load, with a swap of the version every minute
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd

from flight_delay import USE_CASE
from levelfive.core.windows import to_micros, utc
from levelfive.models.card import ModelCard
from levelfive.models.mlflow_store import quieten
from levelfive.models.package import Model, feature_frame, load, save
from levelfive.online.sqlite_store import SqliteStore
from levelfive.online.store import OnlineTable, Publication, Row, TableState
from levelfive.serving.live import Live
from levelfive.serving.run import Address, serve
from levelfive.serving.scorer import FAST
from levelfive.serving.service import Service
from levelfive.serving.version import served_version

SPEC = USE_CASE.model
encode = msgspec.json.encode
NOW = utc(2013, 5, 1, 12)
ROWS, MANY = 20_000, 100
TURNS, AT_16 = 5, ", 16 connections"
GROWTH, LOOK = 1.05, 20  # times; of so many answers that are compared, one is followed by a look at the memory
KEYS = {"origin": "JFK", "carrier": "UA", "dest": "LAX", "flight": 7, "tailnum": "N14228", "flight_date": "2013-05-01"}
LIMITS = {"one row": 1.5, "one row, looked up": 2.5}
BARE, OURS, LOOKED_UP, MLFLOW = "bare handler", "one row", "one row, looked up", "mlflow models serve"


@dataclass(frozen=True)
class Measured:
    """What wrk says: seconds, requests a second, and how many were no answer."""

    median: float
    p99: float
    rate: float
    errors: int


def made_up(rows: int) -> pd.DataFrame:
    """Draw features of the flights' names, a tenth of them missing."""
    draw = np.random.default_rng(2013)
    numbers = {name: draw.gamma(2.0, 30.0, rows).round(2) for name in SPEC.features if name not in SPEC.categorical}
    texts = {name: draw.choice([KEYS[name], "X1", "X2", "X3"], rows) for name in SPEC.categorical}
    made = pd.DataFrame({**numbers, **texts})[list(SPEC.features)]
    return made.mask(draw.random(made.shape) < 0.1)


def card(**of: Any) -> ModelCard:
    """Write the card of a version of the flights."""
    times = {"trained_from": NOW - timedelta(days=90), "trained_until": NOW, "as_of": NOW}
    made_by = {"training_rows": ROWS, "training_set_sha256": "", "table_versions": {}, "seed": SPEC.seed}
    about = {"use_case": USE_CASE.name, "task": SPEC.task, "parameters": SPEC.parameters, "key": USE_CASE.key}
    unknown = {"run_id": "", "code_revision": "", "baseline": ""}
    features = {"features": SPEC.features, "categorical": SPEC.categorical, "lookups": SPEC.lookups}
    return ModelCard(**{**times, **made_by, **about, **unknown, **features, **of})


def write_packages(folder: Path) -> None:
    """Fit the recipe, and write it as it is, with all features in the request, and with fewer trees to swap with."""
    rows = made_up(ROWS)
    labels = (rows.drop(columns=list(SPEC.categorical)).fillna(0).to_numpy().mean(axis=1) > 54).astype(float)
    features = feature_frame(rows, SPEC.features, SPEC.categorical)
    for name, trees in (("model", SPEC.parameters["n_estimators"]), ("next", 200)):
        spec = replace(SPEC, parameters={**SPEC.parameters, "n_estimators": trees})
        estimator = spec.estimator()
        estimator.fit(features, labels)
        save(Model(estimator, card()), rows, folder / name)
        save(Model(estimator, card(lookups=())), rows, folder / f"{name}-whole")


def publish(file: Path) -> None:
    """Fill a store with states of all that a flight looks up: of its own keys, and of a thousand others."""
    store, draw = SqliteStore(file), np.random.default_rng(7)
    for name in dict.fromkeys(lookup.table for lookup in SPEC.lookups):
        lookups = [lookup for lookup in SPEC.lookups if lookup.table == name]
        keys = tuple(lookups[0].keys)
        columns = tuple(dict.fromkeys(column for lookup in lookups for column in lookup.columns))
        types = tuple("long" if key == "flight" else "string" for key in keys)
        is_timed = lookups[0].grid is not None or lookups[0].max_age is not None
        table = OnlineTable(name, keys, types, columns, ("double",) * len(columns), timestamped=is_timed)
        times = [NOW - hours * timedelta(hours=1) for hours in range(25)] if is_timed else [None]
        rows = (
            Row(
                key, None if at is None else to_micros(at), tuple(draw.gamma(2.0, 30.0, len(columns)).round(2).tolist())
            )
            for key in _keys(keys)
            for at in times
        )
        state = TableState(table, 1, NOW, *((NOW + timedelta(hours=1), NOW - timedelta(days=1)) if is_timed else ()))
        store.publish(Publication(state, rows))


def _keys(names: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    yield tuple(KEYS[name] for name in names)
    for number in range(1000):
        yield tuple(number if name == "flight" else f"{name}{number}" for name in names)


def request(*, is_whole: bool) -> dict[str, Any]:
    """Write a request: with the spine's features, or with all."""
    row = made_up(1).astype(object).to_dict("records")[0]
    looked_up = {name for lookup in SPEC.lookups for name in lookup.features}
    names = [name for name in SPEC.features if is_whole or name not in looked_up]
    values = {name: None if row[name] != row[name] else row[name] for name in names}
    return {**values, **KEYS, "prediction_time": "2013-05-01T12:00:00Z"}


def serve_ours(package: Path, store: Path, port: int, other: Path | None, every: float) -> None:
    """Serve a package; where another one is named, swap them."""
    live = Live(None, SqliteStore(store))
    versions = [served_version(path, "flights", path.name) for path in (package, other) if path is not None]
    live.refresh_states()
    live.take(versions[0])
    if live.scorer.path != FAST:
        sys.exit(f"the fast path is not active for the flights: {live.scorer.served.reason}")
    if other is not None:
        threading.Thread(target=_swap, args=(live, package, other, every), daemon=True).start()
    serve(Service(live, now=lambda: NOW), Address(port=port, drain=timedelta(0)))


def _swap(live: Live, *swapped: Any) -> None:
    *packages, every = swapped
    for number in range(1, 10_000):
        time.sleep(every)
        package = packages[number % 2]
        live.take(served_version(package, "flights", package.name))


def serve_bare(package: Path, port: int) -> None:
    """Serve nothing but the trees: a vector in, a score out."""
    import uvicorn

    booster = load(package).estimator[1].get_booster()  # type: ignore[index]  # a pipeline
    booster.set_param({"nthread": 1})
    decode = msgspec.json.Decoder(list[float | None]).decode

    async def handler(scope: Any, receive: Any, send: Any) -> None:
        body = (await receive())["body"]
        score = booster.inplace_predict(np.array([decode(body)], dtype=np.float64), validate_features=False)
        answer = encode({"score": float(score[0])})
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(answer)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    uvicorn.run(handler, port=port, access_log=False, log_config=None, lifespan="off")


@contextmanager
def server(port: int, *command: object) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server until it is no more needed."""
    env = {**os.environ, "OMP_WAIT_POLICY": "PASSIVE"}
    process = subprocess.Popen(
        [sys.executable, *map(str, command)], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + 120
        while not _listens(port):
            if process.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"{command} does not listen")
            time.sleep(0.2)
        yield process
    finally:
        process.terminate()
        process.wait(30)


def _listens(port: int) -> bool:
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0


def free_port() -> int:
    """Find a port that nobody listens on."""
    with socket.socket() as tried:
        tried.bind(("127.0.0.1", 0))
        port: int = tried.getsockname()[1]
        return port


def measure(url: str, body: bytes, *, connections: int, seconds: int, pause_ms: int = 0) -> Measured:
    """Let wrk ask."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "body").write_bytes(body)
        script = Path(folder) / "post.lua"
        delay = f"function delay() return {pause_ms} end\n" if pause_ms else ""
        script.write_text(
            f'wrk.method = "POST"\nwrk.headers["Content-Type"] = "application/json"\n'
            f'local file = io.open("{folder}/body", "rb")\nwrk.body = file:read("*all")\n{delay}'
        )
        ask = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "--timeout", "20s", "-s", script, url]
        said = subprocess.run(ask, capture_output=True, text=True, check=True).stdout
    found = {
        share: _seconds(*match) for share in ("50", "99") for match in re.findall(rf"{share}%\s+([\d.]+)(\w+)", said)
    }
    errors = sum(map(int, re.findall(r"Non-2xx or 3xx responses: (\d+)", said)))
    errors += sum(map(int, re.findall(r"(?:connect|read|write|timeout) (\d+)", said)))
    rate = float(re.findall(r"Requests/sec:\s+([\d.]+)", said)[0])
    return Measured(found["50"], found["99"], rate, errors)


def _seconds(number: str, unit: str) -> float:
    return float(number) * {"us": 1e-6, "ms": 1e-3, "s": 1.0}[unit]


def post(url: str, body: bytes) -> Any:
    """Ask once."""
    asked = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(asked, timeout=30) as answered:
        return json.load(answered)


def compare(folder: Path, seconds: int) -> dict[str, Measured]:
    """Measure all servers, one after the other."""
    whole, keys = request(is_whole=True), request(is_whole=False)
    model = load(folder / "model")
    row = pd.DataFrame([{name: whole[name] for name in SPEC.features}])
    columns = model.estimator[0]  # type: ignore[index]  # a pipeline
    vector = columns.transform(feature_frame(row, SPEC.features, SPEC.categorical))[0].tolist()
    frame = {"dataframe_split": {"columns": list(SPEC.features), "data": [[whole[name] for name in SPEC.features]]}}
    many = {"dataframe_split": {**frame["dataframe_split"], "data": frame["dataframe_split"]["data"] * MANY}}
    me, ports = Path(__file__), [free_port() for _ in range(4)]
    bare, ours, looked_up, mlflow = (f"http://127.0.0.1:{port}" for port in ports)
    store = ("--store", folder / "online.db")
    by_mlflow = ("-m", "mlflow", "models", "serve", "--env-manager", "local", "--workers", 1, "--port", ports[3])
    with ExitStack() as servers:
        for port, *command in (
            (ports[0], me, "--serve-bare", folder / "model", "--port", ports[0]),
            (ports[1], me, "--serve", folder / "model-whole", *store, "--port", ports[1]),
            (ports[2], me, "--serve", folder / "model", *store, "--port", ports[2]),
            (ports[3], *by_mlflow, "-m", folder / "model-whole"),
        ):
            servers.enter_context(server(int(str(port)), *command))
        numbers = [None if one != one else one for one in vector]
        check_bits(model.score(row)[0], post(bare, encode(numbers)), post(f"{ours}/score", encode(whole)))
        asked = {
            BARE: (bare, numbers),
            OURS: (f"{ours}/score", whole),
            LOOKED_UP: (f"{looked_up}/score", keys),
            MLFLOW: (f"{mlflow}/invocations", frame),
            f"{MANY} rows": (f"{ours}/score", {"requests": [whole] * MANY}),
            f"{MANY} rows, looked up": (f"{looked_up}/score", {"requests": [keys] * MANY}),
            f"{MLFLOW}, {MANY} rows": (f"{mlflow}/invocations", many),
        }
        return in_turns({name: (url, encode(body)) for name, (url, body) in asked.items()}, seconds)


def in_turns(asked: Mapping[str, tuple[str, bytes]], seconds: int) -> dict[str, Measured]:
    """Ask all servers in turns, so that what else the machine does meets all alike; of each, take the middle turn."""
    turns = [
        {
            name + suffix: measure(url, body, connections=connections, seconds=seconds)
            for connections, suffix in ((1, ""), (16, AT_16))
            for name, (url, body) in asked.items()
        }
        for _ in range(TURNS + 1)
    ][1:]  # the first one warms up
    return {name: sorted((turn[name] for turn in turns), key=lambda one: one.median)[TURNS // 2] for name in turns[0]}


def check_bits(score: float, bare: Any, ours: Any) -> None:
    """End where the same row does not get the same bits."""
    if not ours["scores"]["score"] == bare["score"] == score:
        sys.exit(f"the service says {ours}, the bare handler {bare}, the model {score!r}")


def show(found: dict[str, Measured]) -> bool:
    """Print the table, and whether each limit is met."""
    print(f"{'':42}{'median':>10}{'p99':>10}{'a second':>11}{'x bare':>8}{'errors':>8}")
    for name, one in found.items():
        bare = found[BARE + (AT_16 if name.endswith(AT_16) else "")]
        ratio = "" if "rows" in name else f"{one.median / bare.median:.2f}"
        times = f"{one.median * 1e3:>8.3f}ms{one.p99 * 1e3:>8.2f}ms"
        print(f"{name:42}{times}{one.rate:>11,.0f}{ratio:>8}{one.errors:>8}")
    claims = [
        *(
            (f"{name}: median at most {limit} x bare", found[name].median / found[BARE].median, limit, False)
            for name, limit in LIMITS.items()
        ),
        ("requests a second, at least 10 x mlflow", found[OURS + AT_16].rate / found[MLFLOW + AT_16].rate, 10, True),
        (
            f"{MANY} rows: rows a second, at least 3 x mlflow",
            found[f"{MANY} rows{AT_16}"].rate / found[f"{MLFLOW}, {MANY} rows{AT_16}"].rate,
            3,
            True,
        ),
        ("p99 below 5 x median at 16 connections", found[OURS + AT_16].p99 / found[OURS + AT_16].median, 5, False),
    ]
    for claim, ratio, limit, at_least in claims:
        print(f"{'met' if (ratio >= limit if at_least else ratio <= limit) else 'NOT MET':8}{claim}: {ratio:.2f}")
    return all(ratio >= limit if at_least else ratio <= limit for _, ratio, limit, at_least in claims)


@dataclass(frozen=True)
class Endured:
    """What minutes of load with swaps led to.

    Args:
        load: What wrk says of it.
        full: Requests a second, where as many are sent as are answered.
        swaps: How often another version began to answer.
        due: How often one was to begin at least.
        checked: So many answers were compared bit by bit beside the load.
        wrong: So many of these had other bits.
        failed: So many of these did not come.
        memory: Of the service, in bytes, one value a look.
    """

    load: Measured
    full: float
    swaps: int
    due: int
    checked: int
    wrong: int
    failed: int
    memory: Sequence[float]

    @property
    def growth(self) -> float:
        """By which factor the memory grew from the second quarter of the time to the last: the first one warms up."""
        quarter = len(self.memory) // 4
        return float(np.median(self.memory[-quarter:]) / np.median(self.memory[quarter : 2 * quarter]))

    @property
    def is_well(self) -> bool:
        """Whether versions were swapped, no request failed, no bit differed, and memory did not grow."""
        is_right = not (self.load.errors or self.failed or self.wrong)
        return is_right and self.swaps >= self.due and self.growth <= GROWTH


def endure(folder: Path, minutes: float, every: float) -> Endured:
    """Ask half of what is possible for some minutes while versions are swapped, and check every bit of some answers."""
    port, keys = free_port(), encode(request(is_whole=False))
    swap = ("--swap", folder / "next", "--every", every)
    with server(port, __file__, "--serve", folder / "model", "--store", folder / "online.db", "--port", port, *swap):
        url = f"http://127.0.0.1:{port}/score"
        expected = {}
        for name in ("model", "next"):
            live = Live(None, SqliteStore(folder / "online.db"))
            live.refresh_states()
            live.take(served_version(folder / name, "flights", name))
            expected[name] = list(live.scorer.answer(keys, request_id="", now=NOW).scores[0])
        full = measure(url, keys, connections=16, seconds=10).rate
        pause = max(1, round(8 / (full / 2) * 1e3))
        checked, wrong, failed, memory = 0, 0, 0, []
        load_it = threading.Thread(
            target=lambda: results.append(
                measure(url, keys, connections=8, seconds=round(minutes * 60), pause_ms=pause)
            )
        )
        results: list[Measured] = []
        load_it.start()
        while load_it.is_alive():
            try:
                told = post(url, keys)
                wrong += list(told["scores"].values()) != expected[told["version"]]
            except (OSError, urllib.error.URLError):
                failed += 1
            checked += 1
            if checked % LOOK == 1:
                memory.append(_memory(url))
            time.sleep(0.02)
        swaps = int(_metric(url, "levelfive_swaps_total")) - 1
    due = int(0.8 * minutes * 60 / every)  # a fifth is left for the time that it takes to load them
    return Endured(results[0], full, swaps, due, checked, wrong, failed, memory)


def tell(minutes: float, one: Endured) -> None:
    """Print what came of some minutes."""
    print(
        f"{minutes:g} minutes at {one.load.rate:,.0f} of {one.full:,.0f} requests a second, {one.swaps} swaps: "
        f"{one.load.errors + one.failed} errors, {one.wrong} of {one.checked:,} answers with other bits, "
        f"p99 {one.load.p99 * 1e3:.1f} ms, memory {one.memory[0] / 2**20:,.0f} MB at first and "
        f"{one.memory[-1] / 2**20:,.0f} MB at last, {one.growth:.3f} times the second quarter's in the last"
    )
    claim = f"no error, no other bit, {one.due} swaps or more, at most {GROWTH} times the memory"
    print(f"{'met' if one.is_well else 'NOT MET':8}{claim}")


def _metric(url: str, name: str) -> float:
    with urllib.request.urlopen(url.replace("/score", "/metrics")) as answered:
        lines = answered.read().decode().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(f"{name} "))


def _memory(url: str) -> float:
    return _metric(url, "process_resident_memory_bytes")


def main() -> None:
    """Measure, or be one of the servers that are measured."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seconds", type=int, default=3, help="of each measurement, of which there are 84")
    parser.add_argument("--minutes", type=float, default=0.0, help="of half the load, with swaps")
    parser.add_argument("--endure-only", action="store_true", help="leave the comparison out")
    parser.add_argument("--every", type=float, default=60.0, help="seconds between two swaps")
    for name in ("--serve", "--serve-bare", "--store", "--swap"):
        parser.add_argument(name, type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.serve_bare is not None:
        serve_bare(asked.serve_bare, asked.port)
    elif asked.serve is not None:
        serve_ours(asked.serve, asked.store, asked.port, asked.swap, asked.every)
    else:
        if shutil.which("wrk") is None:
            sys.exit("wrk is missing: apt-get install wrk")
        quieten()
        with tempfile.TemporaryDirectory() as folder:
            write_packages(Path(folder))
            publish(Path(folder) / "online.db")
            is_met = True if asked.endure_only else show(compare(Path(folder), asked.seconds))
            if asked.minutes:
                endured = endure(Path(folder), asked.minutes, asked.every)
                tell(asked.minutes, endured)
                is_met &= endured.is_well
        sys.exit(not is_met)


if __name__ == "__main__":
    main()
