"""`levelfive serving deploy`, `traffic`, `rollback`, `status`, `delete`: what they ask for, and what they say."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from commands import run
from deploying import AT, NAME, MemoryEndpoint, ProbeOf, an_endpoint
from in_memory.release import LATER

from levelfive.cli.options import Shared
from levelfive.config import Settings
from levelfive.core.windows import iso
from levelfive.deployment.site import Site

DIGEST = "sha256:" + "a" * 64
TIME = ("--as-of", iso(LATER.replace(day=20)))


@pytest.fixture
def app(production, monkeypatch):
    """An application with a champion and an endpoint, both in memory."""
    online = MemoryEndpoint()
    production.released()
    asked = []

    def site(policy, requests=tuple, *, clock=""):
        asked.append((policy, requests()))
        return Site(NAME, online, ProbeOf(), policy, "levelfive.azurecr.io/serving", lambda package: None, clock)

    found = SimpleNamespace(
        context=production.context,
        registry=production.registry,
        settings=Settings(),
        starter="ada",
        site=site,
        online=online,
        asked=asked,
    )
    monkeypatch.setattr(Shared, "open_app", lambda self, landing=None: found)
    return found


@pytest.fixture
def requests(tmp_path):
    file = tmp_path / "requests.jsonl"
    file.write_text('{"carrier": "UA"}\n')
    return ("--requests", str(file))


def test_a_version_is_deployed_by_a_policy_that_the_options_say(app, requests, tmp_path: Path, capsys):
    options = ("--steps", "20,100", "--count", "3", "--max-failed", "5", "--max-p95", "PT1S", "--hold", "PT0S")

    assert run(tmp_path, "serving", "deploy", *TIME, "--digest", DIGEST, *requests, *options) == 0

    ((policy, bodies),) = app.asked
    assert (policy.steps, policy.requests, policy.max_failed, policy.max_p95.total_seconds()) == (
        (20, 100),
        3,
        5.0,
        1.0,
    )
    assert bodies == (b'{"carrier": "UA"}',)
    said = capsys.readouterr().out
    assert "at 0 %: 3 requests, 0 failed, p95 10 ms" in said
    assert f"has 100 % of the traffic of {NAME}." in said

    assert run(tmp_path, "serving", "deploy", *TIME, *requests) == 0
    assert f"answers at {NAME} already." in capsys.readouterr().out


def test_of_a_first_version_it_is_said_that_it_gets_no_part(app, requests, tmp_path: Path, capsys):
    assert run(tmp_path, "serving", "deploy", *TIME, "--digest", DIGEST, *requests, "--to", "0") == 0
    assert run(tmp_path, "serving", "traffic", "10", *TIME, *requests) == 0

    assert f"has 0 % of the traffic of {NAME}: no other one answers" in capsys.readouterr().out


def test_what_is_deployed_has_the_clock_that_is_named(app, requests, tmp_path: Path, capsys):
    clock = "2026-01-05T00:00Z=2013-04-01T00:00Z"

    assert run(tmp_path, "serving", "deploy", *TIME, "--digest", DIGEST, *requests, "--clock", clock) == 0
    assert app.online.found.live.package.clock == clock

    assert run(tmp_path, "serving", "deploy", *TIME, *requests, "--clock", "yesterday") == 2
    assert "a clock is two times" in capsys.readouterr().err


def test_status_tells_versions_traffic_and_since_when(app, tmp_path: Path, capsys):
    assert run(tmp_path, "serving", "status") == 0
    assert f"There is no endpoint {NAME}." in capsys.readouterr().out

    app.online.found = an_endpoint(
        {"blue": "1", "green": "2"},
        {"blue": 90, "green": 10},
        live="blue",
        live_since=AT,
        refused_because="p95 900 ms",
    )
    assert run(tmp_path, "serving", "status") == 0

    said = capsys.readouterr().out
    (blue,) = (line for line in said.splitlines() if "blue" in line)
    assert all(word in blue for word in ("90 %", "Succeeded", AT, "champion"))
    assert "taken back last: p95 900 ms" in said


def test_a_rollback_says_what_answers_or_that_nothing_is_to_be_taken_back(app, tmp_path: Path, capsys):
    reason = ("--reason", "complaints")
    assert run(tmp_path, "serving", "rollback", *TIME, *reason) == 0
    assert f"There is nothing to take back at {NAME}." in capsys.readouterr().out

    app.online.found = an_endpoint({"blue": "1", "green": "2"}, {"blue": 90, "green": 10}, live="blue")
    assert run(tmp_path, "serving", "rollback", *TIME, *reason) == 0

    assert f"Version 2 was taken back from {NAME}: version 1 answers." in capsys.readouterr().out


def test_an_endpoint_is_deleted_by_its_name_alone(app, tmp_path: Path, capsys):
    app.online.found = an_endpoint()

    assert run(tmp_path, "serving", "delete", "another", *TIME) == 2
    assert app.online.found is not None
    assert run(tmp_path, "serving", "delete", NAME, *TIME) == 0
    assert app.online.found is None
    assert f"The endpoint {NAME} is deleted." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("deploy", *TIME, "--steps", "ten"), "whole numbers such as 10,50,100"),
        (("deploy", *TIME, "--steps", "50,10"), "rise from 1 or more to 100"),
        (("deploy", *TIME, "--max-p95", "fast"), "a duration in ISO 8601"),
        (("traffic", "0", *TIME), "from 1 to 100"),
        (("traffic", "50", *TIME), "there is no endpoint yet"),
    ],
)
def test_a_wrong_option_is_a_sentence(app, requests, tmp_path: Path, capsys, arguments, says):
    assert run(tmp_path, "serving", *arguments, *requests) == 2

    assert says in capsys.readouterr().err
