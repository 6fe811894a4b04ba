"""What an ingestion endpoint's answer means for the envelopes that were sent: delivered, to be sent again, or lost."""

from __future__ import annotations

import json
from collections.abc import Sequence

from levelfive.core.http import NO_ANSWER, Response
from levelfive.core.outbox import Outcome

ACCEPTED, PARTLY_ACCEPTED = 200, 206
AGAIN = frozenset({NO_ANSWER, 401, 403, 408, 429, 500, 502, 503, 504})
"""Also while rights are being given; a quota that is used up (402, 439) stays so for hours, all else for ever."""
ELSEWHERE = frozenset({307, 308})


def outcome_of(answer: Response, batch: Sequence[bytes]) -> Outcome[bytes]:
    """Tell what became of a batch of envelopes by the answer to it."""
    if answer.status == ACCEPTED:
        return Outcome()
    if answer.status == PARTLY_ACCEPTED:
        return _of_parts(answer, batch)
    if answer.status in AGAIN or answer.status in ELSEWHERE:
        return Outcome(tuple(batch), retry_after=answer.retry_after)
    return Outcome(losses=len(batch))


def _of_parts(answer: Response, batch: Sequence[bytes]) -> Outcome[bytes]:
    refusals = _refusals(answer.body, len(batch))
    again = tuple(batch[index] for index, status in refusals.items() if status in AGAIN)
    return Outcome(again, losses=len(refusals) - len(again), retry_after=answer.retry_after)


def _refusals(body: bytes, size: int) -> dict[int, int]:
    """Read which envelopes were refused, and by which status; an answer that cannot be read refuses none."""
    try:
        errors = json.loads(body)["errors"]
        statuses = {int(one["index"]): int(one["statusCode"]) for one in errors}
    except (ValueError, KeyError, TypeError):
        return {}
    return {index: status for index, status in sorted(statuses.items()) if 0 <= index < size}
