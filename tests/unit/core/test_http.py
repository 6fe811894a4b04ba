"""A POST answers with whatever came, and an address that would show a secret is refused."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from loopback import Reply, loopback

from levelfive.core.http import NO_ANSWER, check_address, post
from levelfive.errors import ConfigError


@pytest.mark.parametrize("status", [200, 204, 400, 404, 500, 503])
def test_every_status_is_an_answer(status: int) -> None:
    with loopback(Reply(status, "said" if status != 204 else "")) as server:
        answer = post(server.address, b"body", headers={"X-Name": "value"})

    (call,) = server.calls
    assert (answer.status, answer.body) == (status, b"" if status == 204 else b"said")
    assert (call.body, call.headers["x-name"]) == (b"body", "value")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(status: int) -> None:
    with loopback() as other, loopback(Reply(status, headers={"Location": other.address})) as server:
        answer = post(server.address, b"body", headers={})

    assert (answer.status, answer.location) == (status, other.address)
    assert other.calls == []


def test_an_answer_that_does_not_come_is_waited_for_no_longer_than_asked() -> None:
    with loopback(Reply(hangs=True)) as server:
        assert post(server.address, b"", headers={}, seconds=0.2).status == NO_ANSWER


def test_no_server_is_no_answer() -> None:
    with loopback() as server:
        pass

    assert post(server.address, b"", headers={}).status == NO_ANSWER


@pytest.mark.parametrize(
    ("said", "least", "most"),
    [
        ("120", 120, 120),
        (format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True), 3000, 3600),
        (format_datetime(datetime.now(UTC) - timedelta(hours=1), usegmt=True), 0, 0),
        ("Fri, 27 Nov 2099 00:00:00 -0000", 1, 10**10),
    ],
)
def test_a_server_says_for_how_long_it_wants_to_be_left_alone(said: str, least: float, most: float) -> None:
    with loopback(Reply(429, headers={"Retry-After": said})) as server:
        answer = post(server.address, b"", headers={})

    assert answer.retry_after is not None
    assert least <= answer.retry_after <= most


@pytest.mark.parametrize("said", ["soon", "-5", ""])
def test_what_cannot_be_read_says_nothing(said: str) -> None:
    with loopback(Reply(429, headers={"Retry-After": said})) as server:
        assert post(server.address, b"", headers={}).retry_after is None


@pytest.mark.parametrize(
    "address", ["https://example.com/x", "http://127.0.0.1:1/x", "http://localhost", "http://[::1]/"]
)
def test_a_secret_may_go_by_https_or_to_this_machine(address: str) -> None:
    assert check_address(address, of="Slack") == address


@pytest.mark.parametrize(
    "address",
    [
        "http://example.com",
        "http://127.0.0.1.example.com",
        "ftp://localhost",
        "https://",
        "https://a:b:c",
        "x",
        "https://[1",
    ],
)
def test_a_secret_may_go_nowhere_else(address: str) -> None:
    with pytest.raises(ConfigError, match="the address of Slack is no https address"):
        check_address(address, of="Slack")
