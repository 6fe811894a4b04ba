"""The web service: a bare ASGI application of five paths."""

from __future__ import annotations

import asyncio
import logging
import re
import time
import traceback
import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any, ClassVar, TypeAlias
from urllib.parse import parse_qs

import msgspec

from levelfive.errors import ModelNotFound, NotServing, RequestError
from levelfive.serving.bodies import Gone, Limits, Receive, read_body
from levelfive.serving.live import Live, Repeater
from levelfive.serving.metrics import CONTENT_TYPE, Metrics
from levelfive.serving.openapi import openapi
from levelfive.serving.request_log import RequestLog
from levelfive.serving.scorer import Answers, Scorer
from levelfive.serving.security import RateLimit, Tokens
from levelfive.telemetry.tracing import event

Scope: TypeAlias = MutableMapping[str, Any]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]

LOOK_EVERY = timedelta(seconds=1)
RETRY_AFTER = "5"
SCORE, OTHER = "/score", "other"
_ID = re.compile(rb"[A-Za-z0-9._-]{1,100}")
_JSON = "application/json"


@dataclass(frozen=True)
class Reply:
    """A status, a body, and what goes with it; of scores, the path that gave them and how many rows there are."""

    status: int
    body: bytes
    kind: str = _JSON
    headers: dict[str, str] = field(default_factory=dict)
    path: str = ""
    rows: int = 0


class Service:
    """Answers over HTTP.

    Args:
        live: What answers.
        now: Tells what the clock shows.
        log: Where requests are kept; None for nowhere.
        tokens: Who may ask; None for all.
        rate: How often; None for no limit.
        limits: What is taken.
    """

    def __init__(
        self,
        live: Live,
        *,
        now: Callable[[], datetime],
        log: RequestLog | None = None,
        tokens: Tokens | None = None,
        rate: RateLimit | None = None,
        limits: Limits | None = None,
    ) -> None:
        """Put the parts together; they begin to work with the server."""
        self._live, self._now, self._log, self._tokens, self._rate = live, now, log, tokens, rate
        self._limits = limits or Limits()
        self.metrics = Metrics(live, log, now)
        self._pool = ThreadPoolExecutor(self._limits.threads)
        self._prefix, self._count = uuid.uuid4().hex[:16], 0
        self._at_once = 0
        self.is_draining = False
        self._repeaters = [
            Repeater(self._look, LOOK_EVERY),
            Repeater(live.refresh_version, self._limits.poll),
        ]

    @property
    def asks_for_a_token(self) -> bool:
        """Whether only who has a token may ask."""
        return self._tokens is not None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Speak ASGI."""
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._lifespan(receive, send)

    @property
    def refusal(self) -> ModelNotFound | None:
        """Why it can never answer; None while it does, or may."""
        return self._live.refusal

    def _look(self) -> None:
        self._live.refresh_states()
        if self._tokens is not None:
            self._tokens.refresh()

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                for one in self._repeaters:
                    one.start()
                if self._log is not None:
                    self._log.start()
                await send({"type": "lifespan.startup.complete"})
            else:
                for one in self._repeaters:
                    one.stop()
                self._pool.shutdown(wait=False, cancel_futures=True)
                if self._log is not None:
                    self._log.close()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        start, headers = time.perf_counter(), dict(scope["headers"])
        request_id = self._id_of(headers)
        try:
            reply = await self._reply(scope, headers, receive, request_id)
        except Gone:
            return
        route = scope["path"] if scope["path"] in self._routes else OTHER
        seconds = time.perf_counter() - start
        self.metrics.count_answer(reply.status, route, seconds, path=reply.path, rows=reply.rows)
        await self._send(reply, request_id, send)

    async def _reply(self, scope: Scope, headers: dict[bytes, bytes], receive: Receive, request_id: str) -> Reply:
        try:
            if scope["path"] == SCORE and scope["method"] == "POST":
                return await self._score(scope, headers, receive, request_id)
            return self._other(scope, headers)
        except RequestError as err:
            return _refusal(err.status, str(err), request_id, err.headers)
        except NotServing as err:
            return _refusal(503, str(err), request_id, {"retry-after": RETRY_AFTER})
        except Gone:
            raise
        except Exception:
            event("request_failed", level=logging.ERROR, request_id=request_id, trace=traceback.format_exc())
            return _refusal(500, "the service failed; its log says more of this request_id", request_id, {})

    async def _send(self, reply: Reply, request_id: str, send: Send) -> None:
        headers = [
            (b"content-type", reply.kind.encode()),
            (b"content-length", str(len(reply.body)).encode()),
            (b"x-request-id", request_id.encode()),
        ]
        headers += [(name.encode(), value.encode()) for name, value in reply.headers.items()]
        if self.is_draining:
            headers.append((b"connection", b"close"))
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        await send({"type": "http.response.body", "body": reply.body})

    async def _score(self, scope: Scope, headers: dict[bytes, bytes], receive: Receive, request_id: str) -> Reply:
        self._admit(headers)
        if self._at_once >= self._limits.at_once:
            raise NotServing(f"{self._at_once:,} requests are being answered: ask again later")
        self._at_once += 1
        try:
            return await self._answer(scope, headers, receive, request_id)
        finally:
            self._at_once -= 1

    async def _answer(self, scope: Scope, headers: dict[bytes, bytes], receive: Receive, request_id: str) -> Reply:
        body = await read_body(headers, receive, self._limits)
        scorer = self._live.scorer
        with_features = _wants_features(scope["query_string"])
        ask = partial(_answers_to, scorer, body, request_id=request_id, now=self._now(), with_features=with_features)
        answers, response = ask() if len(body) <= self._limits.inline_bytes else await self._in_a_thread(ask)
        if self._log is not None:
            self._log.put(answers)
        return Reply(200, response, path=scorer.path, rows=len(answers.rows))

    async def _in_a_thread(self, ask: Callable[[], tuple[Answers, bytes]]) -> tuple[Answers, bytes]:
        """Answer in a thread, once one is free: one that waits for a store that hangs keeps nobody else for long."""
        within = self._limits.answer_within
        try:
            async with asyncio.timeout(within.total_seconds()):
                return await asyncio.get_running_loop().run_in_executor(self._pool, ask)
        except TimeoutError as err:
            raise NotServing(
                f"there was no answer within {within.total_seconds():g} seconds, as the store hangs, or too much is "
                "asked for at once: ask again later"
            ) from err

    def _admit(self, headers: dict[bytes, bytes]) -> None:
        if self._tokens is not None:
            self._tokens.check(headers.get(b"authorization"))
        if self._rate is not None:
            self._rate.check()

    def _other(self, scope: Scope, headers: dict[bytes, bytes]) -> Reply:
        path = scope["path"]
        if path == SCORE:
            raise RequestError("score by POST", status=405, headers={"allow": "POST"})
        if path not in self._gets:
            raise RequestError(f"there is only {SCORE}, {', '.join(self._gets)}", status=404)
        if scope["method"] not in ("GET", "HEAD"):
            raise RequestError(f"get {path} by GET", status=405, headers={"allow": "GET, HEAD"})
        if path == "/openapi.json":
            self._admit(headers)
        return self._gets[path](self)

    def _is_live(self) -> Reply:
        return Reply(200, b'{"live":true}')

    def _is_ready(self) -> Reply:
        reasons = ["it is being shut down"] if self.is_draining else self._live.unready(self._now())
        log = "" if self._log is None else self._log.trouble
        notes = [
            *(f"{name}: {why}" for name, why in self._live.troubles.items()),
            *([f"request log: {log}"] * bool(log)),
        ]
        state = {"ready": not reasons, "reasons": reasons, "notes": [note for note in notes if note not in reasons]}
        with suppress(NotServing):
            scorer = self._live.scorer
            state |= {"model": scorer.served.name, "version": scorer.served.version, "reaches_to": scorer.reaches_to}
        return Reply(503 if reasons else 200, msgspec.json.encode(state))

    def _metrics(self) -> Reply:
        return Reply(200, self.metrics.text(), CONTENT_TYPE)

    def _openapi(self) -> Reply:
        return Reply(200, msgspec.json.encode(openapi(self._live.scorer)))

    _gets: ClassVar[dict[str, Callable[[Service], Reply]]] = {
        "/health/live": _is_live,
        "/health/ready": _is_ready,
        "/metrics": _metrics,
        "/openapi.json": _openapi,
    }
    _routes: ClassVar[frozenset[str]] = frozenset({SCORE, *_gets})

    def _id_of(self, headers: dict[bytes, bytes]) -> str:
        request_id = headers.get(b"x-request-id")
        if request_id is not None and _ID.fullmatch(request_id):
            return request_id.decode()
        self._count += 1
        return f"{self._prefix}-{self._count:x}"


def _wants_features(query: bytes) -> bool:
    return bool(query) and parse_qs(query.decode("latin-1")).get("features", [""])[0] == "true"


def _answers_to(
    scorer: Scorer, body: bytes, *, request_id: str, now: datetime, with_features: bool
) -> tuple[Answers, bytes]:
    answers = scorer.answer(body, request_id=request_id, now=now)
    return answers, answers.to_json(with_features=with_features)


def _refusal(status: int, why: str, request_id: str, headers: dict[str, str]) -> Reply:
    return Reply(status, msgspec.json.encode({"error": why, "request_id": request_id}), headers=headers)
