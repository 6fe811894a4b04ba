"""Calls of Azure: tried again where what is answered passes by itself, and its errors turned into ours."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from azure.ai.ml.exceptions import MlException
from azure.core.exceptions import AzureError, HttpResponseError, ResourceNotFoundError
from marshmallow import ValidationError

from levelfive.errors import DeploymentError, first_line

T = TypeVar("T")

SDK_ERRORS = (AzureError, MlException, ValidationError)
# Seconds between two looks, or two tries; together they wait for half an hour.
PAUSES = (1, 2, 5, 10, *[20] * 90)
TRIES = 12
# Another operation on the same resource, too many requests (which the SDK has waited for too), and what a server says
# of itself.
PASSES = {409, 429, 500, 502, 503, 504}


class NotFound(DeploymentError):
    """Azure answered that there is no such thing."""


class _Passing(DeploymentError):
    """Azure answered what may be another answer a moment later."""


def call_azure(subject: str, what: str, call: Callable[[], T], *, sleep: Callable[[float], None]) -> T:
    """Call Azure, for three minutes at most where it asks to wait.

    Args:
        subject: What is read or changed, for the errors.
        what: What is asked of it.
        call: Asks.
        sleep: Waits for a number of seconds.

    Raises:
        NotFound: It is not there.
        DeploymentError: Azure refused, or did not answer.
    """
    for pause in PAUSES[: TRIES - 1]:
        with suppress(_Passing):
            return _call_once(subject, what, call)
        sleep(pause)
    return _call_once(subject, what, call)


def _call_once(subject: str, what: str, call: Callable[[], T]) -> T:
    try:
        return call()
    except ResourceNotFoundError as err:
        raise NotFound(
            f"Azure ML has no {subject}, asked for {what}: `levelfive serving deploy --as-of TIME` makes it"
        ) from err
    except HttpResponseError as err:
        kind = _Passing if err.status_code in PASSES else DeploymentError
        raise kind(
            f"Azure ML refused {what} of {subject}: {first_line(err)}. Mend that, then run the command again"
        ) from err
    except SDK_ERRORS as err:
        raise DeploymentError(
            f"Azure ML did not answer for {what} of {subject}: {first_line(err)}. Check who is signed in, and the "
            "network"
        ) from err
