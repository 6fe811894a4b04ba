"""Requests that are made from the service's own description, most of them malformed, over HTTP: none is its fault."""

import http.client
import json
import subprocess
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import served
import serving_process
from hypothesis import HealthCheck, Phase, given, settings

from levelfive.online.sqlite_store import SqliteStore

schemathesis = pytest.importorskip("schemathesis", reason="needs schemathesis, of the group dev")

from requests import Request  # noqa: E402 (what schemathesis writes its requests for)
from schemathesis import GenerationMode  # noqa: E402
from schemathesis.core.parameters import ParameterLocation  # noqa: E402

MALFORMED, WELL_FORMED = GenerationMode.NEGATIVE, GenerationMode.POSITIVE
SHAPES = {bytes: "no JSON", dict: "an object", list: "a list"}
ONLY_MADE = settings(
    database=None, deadline=None, derandomize=True, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
)


@pytest.fixture
def running(package: Path, store: SqliteStore, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    with serving_process.running(package, tmp_path / "online.db", tmp_path / "log") as found:
        yield found


def ask(connection: http.client.HTTPConnection, method: str, path: str, body: Any, headers: Mapping[str, str]) -> Any:
    """Ask over a connection that is kept; the service may have closed it while a case was made."""
    try:
        connection.request(method, path, body, dict(headers))
        answer = connection.getresponse()
    except (BrokenPipeError, http.client.RemoteDisconnected, ConnectionResetError):
        connection.close()
        connection.request(method, path, body, dict(headers))
        answer = connection.getresponse()
    return answer.status, answer.read()


def what_is_malformed(case: Any) -> list[str]:
    """Name the parts of a request that break the description."""
    broken = [where for where, one in case.meta.components.items() if one.mode is MALFORMED]
    shape = SHAPES.get(type(case.body), "another value")
    return sorted(f"body: {shape}" if where is ParameterLocation.BODY else where.value for where in broken)


@pytest.mark.nightly
@pytest.mark.parametrize(("mode", "count"), [(MALFORMED, 10_000), (WELL_FORMED, 1_000)], ids=["malformed", "right"])
def test_what_is_made_from_its_description_is_answered(
    running: tuple[subprocess.Popen[str], str], mode: Any, count: int
) -> None:
    """Ten thousand requests take minutes to be made."""
    process, address = running
    connection = http.client.HTTPConnection(address, timeout=30)
    description = json.loads(ask(connection, "GET", "/openapi.json", None, {})[1])
    operation = schemathesis.openapi.from_dict(description)["/score"]["POST"]
    answered: Counter[tuple[str, int]] = Counter()

    @settings(ONLY_MADE, max_examples=count)
    @given(case=operation.as_strategy(generation_mode=mode))
    def each(case: Any) -> None:
        made = Request(**case.as_transport_kwargs(base_url=f"http://{address}")).prepare()
        status, said = ask(connection, made.method or "", made.path_url, made.body, made.headers)
        broken = what_is_malformed(case)
        answered[" and ".join(broken) or "nothing", status] += 1
        assert status < 500, (status, said, made.path_url, made.body)
        assert not (status == 200 and any("body" in one for one in broken)), (said, made.body)

    each()

    for (kind, status), cases in sorted(answered.items()):
        print(f"{kind:<40}{status:>5}{cases:>8,}")
    assert sum(answered.values()) == count
    assert {status for _, status in answered} >= ({400, 422} if mode is MALFORMED else {422})
    assert process.poll() is None
    assert ask(connection, "POST", "/score", served.body(), {})[0] == 200
