"""Whatever arrives, the service answers it, and it is never the service's fault."""

import json
import random
from collections import Counter
from collections.abc import Callable

import pytest
import served

from levelfive.online.sqlite_store import SqliteStore
from levelfive.serving.live import Live
from levelfive.serving.requests import MAX_ROWS
from levelfive.serving.service import Service
from levelfive.serving.version import ServedVersion

ODD = [
    *(
        None,
        True,
        False,
        0,
        -0.0,
        -1,
        2**31,
        2**63 - 1,
        2**63,
        2**64,
        -(2**63) - 1,
        1e-320,
        1e38,
        3.5e38,
        1e308,
        10**400,
    ),
    *(
        "",
        " ",
        "\x00",
        "\u202e",
        "😀",
        "a" * 10_000,
        "NaN",
        "null",
        "1",
        "1.0",
        "true",
        "' OR 1=1 --",
        "../../etc/passwd",
    ),
    *(
        "2013-05-01",
        "2013-05-01T10:20:00",
        "2013-02-30T00:00:00Z",
        "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59-23:59",
    ),
    *("2013-05-01T24:00:00Z", "2013-05-01T10:20:60Z", "-2013-05-01T10:20:00Z", "1969-12-31T23:59:59.999999Z", "P1D"),
    *([], {}, [[]], [None], {"a": {}}, [1] * 100, {"requests": []}),
]


def odd_field(draw: random.Random) -> bytes:
    return served.body(**{draw.choice([*served.REQUEST, "is_known", "new"]): draw.choice(ODD)})


def odd_fields(draw: random.Random) -> bytes:
    return served.body(**{name: draw.choice(ODD) for name in served.REQUEST if draw.random() < 0.5})


def missing_field(draw: random.Random) -> bytes:
    return served.body(**{draw.choice(list(served.REQUEST)): ...})


def odd_rows(draw: random.Random) -> bytes:
    rows = [draw.choice([*ODD, served.REQUEST]) for _ in range(draw.choice([0, 1, 2, 5]))]
    many = [served.REQUEST] * (MAX_ROWS + 1)
    return json.dumps({"requests": draw.choice([rows, many, *ODD])}).encode()


def broken_bytes(draw: random.Random) -> bytes:
    content = bytearray(served.body())
    for _ in range(draw.randint(1, 5)):
        content[draw.randrange(len(content))] = draw.randrange(256)
    return bytes(content)


def cut_off(draw: random.Random) -> bytes:
    return served.body()[: draw.randrange(len(served.body()))]


def noise(draw: random.Random) -> bytes:
    return draw.randbytes(draw.randrange(200))


def other_json(draw: random.Random) -> bytes:
    deep = b"[" * 2000 + b"]" * 2000
    return draw.choice([*(json.dumps(one).encode() for one in ODD), b"NaN", b"Infinity", deep, b'{"a":' + deep + b"}"])


def twice(draw: random.Random) -> bytes:
    return served.body().replace(b"{", b"{" + json.dumps({"distance": "x"}).encode()[1:-1] + b",", 1)


KINDS: list[Callable[[random.Random], bytes]] = [
    *(odd_field, odd_fields, missing_field, odd_rows, broken_bytes, cut_off, noise, other_json, twice)
]


@pytest.mark.parametrize("count", [1_000, pytest.param(10_000, marks=pytest.mark.nightly)])
@pytest.mark.parametrize("path", ["fast", "general"])
def test_whatever_arrives_is_answered(version: ServedVersion, store: SqliteStore, count: int, path: str) -> None:
    live = Live(None, store)
    live.refresh_states()
    live.take(version if path == "fast" else ServedVersion(version.name, version.version, version.model))
    service, draw = Service(live, now=lambda: served.NOW), random.Random(2013)
    statuses: Counter[int] = Counter()
    for number in range(count):
        content = KINDS[number % len(KINDS)](draw)
        answered = served.ask(service, content=content, headers={"x-request-id": draw.choice(["a", "\x7f", "x" * 200])})
        assert answered.status < 500, (answered.json, content[:500])
        assert (answered.status == 200) == ("scores" in answered.json or "answers" in answered.json)
        statuses[answered.status] += 1
    print(f"{count:,} requests by the {path} path: {dict(sorted(statuses.items()))}")
    assert {400, 413, 422} <= set(statuses)
    assert served.ask(service, content=served.body()).status == 200
