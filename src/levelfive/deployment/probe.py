"""Sends sample requests to one deployment of an endpoint over HTTP, and times its answers."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from levelfive.core import http
from levelfive.deployment.budget import ProbeAnswer
from levelfive.deployment.rollout import RolloutPolicy
from levelfive.errors import ConfigError

DEPLOYMENT_HEADER = "azureml-model-deployment"
TIMEOUT_SECONDS = 30.0


@dataclass(frozen=True)
class HttpProbe:
    """Sends sample requests, one after the other.

    Args:
        address: Gives the address that answers, and a key or token for it.
        requests: Bodies of sample requests; they are sent in turn.
        sleep: Waits for a number of seconds.
    """

    address: Callable[[], tuple[str, str]]
    requests: Sequence[bytes]
    sleep: Callable[[float], None] = time.sleep

    def __call__(self, deployment: str, version: str, policy: RolloutPolicy) -> list[ProbeAnswer]:
        """Send as many requests as the policy says, spread over its time, past the endpoint's shares of traffic.

        Raises:
            ConfigError: The endpoint answers without TLS, and its key would be seen.
        """
        uri, key = self.address()
        http.check_address(uri, of="the endpoint", remedy="give it TLS (`sslSecret` of the Azure ML extension)")
        pause, answers = policy.hold.total_seconds() / policy.requests, []
        headers = {
            "Authorization": f"Bearer {key}",
            "Content-Type": "application/json",
            DEPLOYMENT_HEADER: deployment,
        }
        for body in islice(cycle(self.requests), policy.requests):
            answers.append(_ask(uri, body, headers, version))
            self.sleep(pause)
        return answers


def _ask(uri: str, body: bytes, headers: dict[str, str], version: str) -> ProbeAnswer:
    begin = time.perf_counter()
    response = http.post(uri, body, headers=headers, seconds=TIMEOUT_SECONDS)
    seconds = time.perf_counter() - begin
    if response.status == http.NO_ANSWER:
        return ProbeAnswer(seconds, "there was no answer")
    if response.status != 200:
        return ProbeAnswer(seconds, f"the answer was {response.status}: {_text(response.body)}")
    return ProbeAnswer(seconds, fault_of(response.body, version))


def fault_of(body: bytes, version: str) -> str:
    """Say what is wrong with an answer: it is no JSON, another version answered, or a score is no number."""
    try:
        answer = json.loads(body)
    except ValueError:
        return f"the answer is no JSON: {_text(body)}"
    rows = answer if isinstance(answer, list) else answer.get("answers", [answer]) if isinstance(answer, dict) else []
    if not rows:
        return f"the answer holds no score: {_text(body)}"
    return next((fault for row in rows if (fault := _fault_of_row(row, version))), "")


def _fault_of_row(row: Any, version: str) -> str:
    if not isinstance(row, dict) or "version" not in row:
        return f"the answer says no version: {_text(json.dumps(row).encode())}"
    if str(row["version"]) != version:
        return f"version {row['version']} answered in the place of version {version}"
    scores = row.get("scores")
    if not isinstance(scores, dict) or not scores or not all(map(_is_finite, scores.values())):
        return f"a score is no number: {_text(json.dumps(row).encode())}"
    return ""


def _is_finite(score: Any) -> bool:
    return isinstance(score, float | int) and math.isfinite(score)


def _text(body: bytes) -> str:
    return body[:200].decode("utf-8", "replace")


def read_requests(file: Path) -> tuple[bytes, ...]:
    """Read sample requests, one JSON object a line.

    Raises:
        ConfigError: The file cannot be read, is empty, or a line is no JSON object.
    """
    try:
        lines = [line for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
        objects = [json.loads(line) for line in lines]
    except (OSError, ValueError) as err:
        raise ConfigError(f"sample requests {file} cannot be read: {err}. Write one JSON object a line") from err
    if not objects or not all(isinstance(one, dict) for one in objects):
        raise ConfigError(
            f"sample requests {file} hold {len(objects)} lines, each to be a JSON object: write at least one"
        )
    return tuple(json.dumps(one).encode() for one in objects)
