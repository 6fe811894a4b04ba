"""The service within Azure Machine Learning's inference server: the whole content of a deployment's `score.py`.

    from levelfive.serving.azure_ml import init, run

The deployment's environment says what is served: `AZUREML_MODEL_DIR` (set by Azure) holds the package of
`LEVELFIVE_MODEL_NAME`, version `LEVELFIVE_MODEL_VERSION`, whose files have the hash `LEVELFIVE_MODEL_SHA256`;
`LEVELFIVE_ONLINE_STORE` is the URL of the online store, `LEVELFIVE_REQUEST_LOG` a folder for requests or the URL of one
in Azure Storage, and `LEVELFIVE_CLOCK` the clock of the jobs, if it was moved. Who may ask, Azure decides.
"""

from __future__ import annotations

import atexit
import logging
import os
import traceback
import uuid
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from azureml_inference_server_http.api.aml_request import rawhttp
from azureml_inference_server_http.api.aml_response import AMLResponse
from werkzeug.exceptions import RequestEntityTooLarge

from levelfive.config import CLOCK_VARIABLE, LOG_VARIABLE, STORE_VARIABLE, parse_clock
from levelfive.errors import ConfigError, NotServing, RequestError
from levelfive.models.package import CARD
from levelfive.online.opening import open_store
from levelfive.serving.bodies import MAX_BYTES
from levelfive.serving.live import Live, Repeater
from levelfive.serving.request_log import open_log
from levelfive.serving.service import LOOK_EVERY, RETRY_AFTER
from levelfive.serving.version import served_version
from levelfive.telemetry.lines import configure_logging
from levelfive.telemetry.tracing import event

_JSON = {"Content-Type": "application/json"}


class _Azure:
    """One deployment, from its environment."""

    def __init__(self, variables: os._Environ[str]) -> None:
        store, self._clock = variables.get(STORE_VARIABLE), parse_clock(variables.get(CLOCK_VARIABLE, ""))
        package = _package(Path(_wanted(variables, "AZUREML_MODEL_DIR")))
        self.live = Live(None, open_store(store, _use_case(package)) if store else None)
        name, version, sha256 = (_wanted(variables, f"LEVELFIVE_MODEL_{one}") for one in ("NAME", "VERSION", "SHA256"))
        self.live.refresh_states()
        self.live.take(served_version(package, name, version, sha256=sha256))
        Repeater(self.live.refresh_states, LOOK_EVERY).start()
        place = variables.get(LOG_VARIABLE)
        self.log = open_log(place) if place else None
        if self.log is not None:
            self.log.start()
            atexit.register(self.log.close)  # the server tells nobody that it ends

    def _now(self) -> datetime:
        now = datetime.now(UTC)
        return now if self._clock is None else self._clock.at(now)

    def answer(self, request: Any, request_id: str) -> AMLResponse:
        if request.method != "POST":
            raise RequestError("score by POST", status=405, headers={"Allow": "POST"})
        answers = self.live.scorer.answer(_body(request), request_id=request_id, now=self._now())
        if self.log is not None:
            self.log.put(answers)
        return AMLResponse(answers.to_json(with_features=request.args.get("features") == "true"), 200, _JSON)


def init() -> None:
    """Load the version; the server calls it once.

    Raises:
        LevelfiveError: The environment does not say what to serve, or it cannot be loaded.
    """
    global _AZURE
    configure_logging("INFO")
    _AZURE = _Azure(os.environ)


@rawhttp  # type: ignore[untyped-decorator]  # the server ships no types
def run(request: Any) -> AMLResponse:
    """Answer a request, whatever it is: the server would make a 500 of an error."""
    request_id = request.headers.get("x-ms-client-request-id") or uuid.uuid4().hex
    try:
        return _AZURE.answer(request, request_id)
    except RequestError as err:
        return _refusal(err.status, str(err), request_id, err.headers)
    except NotServing as err:
        return _refusal(503, str(err), request_id, {"Retry-After": RETRY_AFTER})
    except Exception:  # whatever a model or a store raises: told in the log, and not to the caller
        event("request_failed", level=logging.ERROR, request_id=request_id, trace=traceback.format_exc())
        return _refusal(500, "the service failed; its log says more of this request_id", request_id, {})


def _body(request: Any) -> bytes:
    """Read a body as far as it is not too long, whether its length is told or not."""
    # One whose length is not told is cut off there without a word.
    request.max_content_length = MAX_BYTES + 1
    with suppress(RequestEntityTooLarge):
        body: bytes = request.get_data()
        if len(body) <= MAX_BYTES:
            return body
    raise RequestError(f"a body has at most {MAX_BYTES:,} bytes: send several requests", status=413)


def _refusal(status: int, why: str, request_id: str, headers: dict[str, str]) -> AMLResponse:
    body = msgspec.json.encode({"error": why, "request_id": request_id})
    return AMLResponse(body, status, {**_JSON, **headers})


def _package(folder: Path) -> Path:
    cards = sorted(folder.rglob(CARD))
    if len(cards) != 1:
        raise ConfigError(f"{folder} holds {len(cards)} model packages, expected one: name one model in the deployment")
    return cards[0].parent


def _use_case(package: Path) -> str:
    # All else of the package is read once its hash is known to be right.
    return str(msgspec.json.decode((package / CARD).read_bytes())["use_case"])


def _wanted(variables: os._Environ[str], name: str) -> str:
    if not variables.get(name):
        raise ConfigError(
            f"the variable {name} is missing: let `levelfive serving deploy --as-of TIME` write the deployment"
        )
    return variables[name]


_AZURE: _Azure
