"""Fuzzing: what the service answers to requests that are made from its own OpenAPI description, most of them malformed.

    python tests/fuzz.py [--cases 10000]

`make fuzz` runs it in the environment of schemathesis. The service is a process of its own, asked over HTTP. Printed
are the cases by kind and status. It fails where one was answered by 5xx or by nothing, where a body that breaks the
description was taken, and where the service does not answer a right request afterwards.
"""

import argparse
import http.client
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
import schemathesis
import served
import serving_process
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import Case, GenerationMode
from schemathesis.core.parameters import ParameterLocation

from levelfive.online.sqlite_store import SqliteStore

TAKEN, NO_ANSWER = 200, 0
SHOWN = 5
SHAPES = {bytes: "no JSON", dict: "an object", list: "a list"}
ROUND = 1_000  # cases of one seed; told of as they go
ONLY_MADE = settings(database=None, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))


@contextmanager
def service() -> Iterator[str]:
    """Run a service of a small model until it is no more needed."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        served.publish(SqliteStore(folder / "online.db"))
        package = served.saved(served.classifier(), folder / "model")
        with serving_process.running(package, folder / "online.db", folder / "log") as (_, address):
            yield address


@dataclass
class Fuzz:
    """Sends cases over one connection, and counts what is answered."""

    address: str
    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.connection = http.client.HTTPConnection(self.address, timeout=30)

    def ask(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Any:
        """Ask once, and once more: the service closes a connection over which nothing came while a case was made."""
        said = ""
        for _ in range(2):
            try:
                self.connection.request(method, path, body, dict(headers or {}))
                answer = self.connection.getresponse()
                return answer.status, answer.read()
            except (OSError, http.client.HTTPException) as err:
                self.connection.close()
                said = repr(err)
        return NO_ANSWER, said.encode()

    def send(self, case: Case) -> None:
        """Send a case, and note what is wrong with its answer."""
        made = requests.Request(**case.as_transport_kwargs(base_url=f"http://{self.address}")).prepare()
        status, said = self.ask(made.method, made.path_url, made.body, made.headers)
        broken = what_is_malformed(case)
        self.statuses[" and ".join(broken) or "nothing", status] += 1
        breaks_body = any(part.startswith("body") for part in broken)
        if status == NO_ANSWER or status >= 500 or (breaks_body and status == TAKEN):
            self.faults.append(f"{status} to {made.path_url[:200]} {made.body!r:.500}: {said[:200]!r}")


def what_is_malformed(case: Case) -> list[str]:
    """Name the parts of a request that break the description."""
    broken = [where for where, one in case.meta.components.items() if one.mode is GenerationMode.NEGATIVE]
    shape = SHAPES.get(type(case.body), "another value")
    return sorted(f"body, {shape}" if where is ParameterLocation.BODY else where.value for where in broken)


def run(fuzz: Fuzz, description: dict[str, Any], mode: GenerationMode, cases: int) -> None:
    """Make cases from the description, the same ones each time, and send each."""
    operation = schemathesis.openapi.from_dict(description)["/score"]["POST"]
    for first in range(0, cases, ROUND):

        @seed(first)
        @settings(ONLY_MADE, max_examples=min(ROUND, cases - first))
        @given(case=operation.as_strategy(generation_mode=mode))
        def each(case: Case) -> None:
            fuzz.send(case)

        each()
        print(f"{sum(fuzz.statuses.values()):,} cases sent, {len(fuzz.faults)} at fault", flush=True)


def main() -> None:
    """Fuzz, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=10_000, help="malformed ones; a tenth as many are well-formed")
    asked, begin = parser.parse_args(), time.monotonic()
    with service() as address:
        fuzz = Fuzz(address)
        description = json.loads(fuzz.ask("GET", "/openapi.json")[1])
        run(fuzz, description, GenerationMode.NEGATIVE, asked.cases)
        run(fuzz, description, GenerationMode.POSITIVE, asked.cases // 10)
        last, _ = fuzz.ask("POST", "/score", served.body())
    print(f"{'malformed is':<44}{'status':>7}{'cases':>8}")
    for (kind, status), count in sorted(fuzz.statuses.items()):
        print(f"{kind:<44}{status:>7}{count:>8,}")
    total, seconds = sum(fuzz.statuses.values()), time.monotonic() - begin
    print(f"{total:,} cases in {seconds:.0f} s, {len(fuzz.faults)} at fault; the next right request is answered {last}")
    for fault in fuzz.faults[:SHOWN]:
        print(fault)
    sys.exit(bool(fuzz.faults) or last != TAKEN)


if __name__ == "__main__":
    main()
