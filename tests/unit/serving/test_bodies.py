"""A body is taken as far as it is not too long and arrives in time, in however many parts."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from levelfive.errors import RequestError
from levelfive.serving.bodies import Gone, Limits, read_body

LIMITS = Limits(max_bytes=10, body_within=timedelta(milliseconds=20))


def read(parts: Sequence[bytes], *, ends: bool = True, headers: dict[bytes, bytes] | None = None) -> bytes:
    """Read a body of parts; one that does not end is waited for after them."""
    left = list(parts)

    async def receive() -> dict[str, Any]:
        if not left:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": left.pop(0), "more_body": bool(left) or not ends}

    return asyncio.run(read_body(headers or {}, receive, LIMITS))


@pytest.mark.parametrize("parts", [[b""], [b"0123456789"], [b"01234", b"", b"56789"]])
def test_a_body_is_read_in_however_many_parts(parts: list[bytes]) -> None:
    assert read(parts) == b"".join(parts)


@pytest.mark.parametrize("parts", [[], [b"{"], [b"{", b""]])
def test_a_body_that_does_not_arrive_is_not_waited_for(parts: list[bytes]) -> None:
    with pytest.raises(RequestError, match="did not arrive in time") as refused:
        read(parts, ends=False)

    assert (refused.value.status, refused.value.headers) == (408, {"connection": "close"})


@pytest.mark.parametrize("parts", [[b"0123456789a"], [b"0123456789", b"a"]])
def test_a_body_is_measured_whether_its_length_is_told_or_not(parts: list[bytes]) -> None:
    with pytest.raises(RequestError, match="a body has at most 10 bytes") as refused:
        read(parts)

    assert refused.value.status == 413


def test_who_goes_away_is_not_answered() -> None:
    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    with pytest.raises(Gone):
        asyncio.run(read_body({}, receive, LIMITS))
