"""The Azure adapter: records become envelopes, which a thread sends to Application Insights."""

from __future__ import annotations

import logging
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit
from uuid import uuid4

from levelfive.core.http import check_address, post
from levelfive.core.outbox import Outbox, Outcome, Rhythm
from levelfive.errors import ConfigError, LevelfiveError
from levelfive.telemetry.application_insights.answers import ELSEWHERE, outcome_of
from levelfive.telemetry.application_insights.connection import Connection, parse_connection
from levelfive.telemetry.application_insights.envelopes import envelope
from levelfive.telemetry.lines import LOGGER
from levelfive.telemetry.names import ENVIRONMENT, SERVICE, SERVICE_INSTANCE, SERVICE_NAME, SERVICE_VERSION
from levelfive.telemetry.records import Exporter, Record
from levelfive.telemetry.tracing import event

RHYTHM = Rhythm(queue=4096, batch=200, linger=5.0, pauses=(1, 2, 4, 8, 16, 32, 60), longest_pause=300.0, flush=5.0)
GZIP = 31
"""The window bits by which zlib writes the format of gzip."""
HEADERS: Mapping[str, str] = {"Content-Type": "application/json", "Content-Encoding": "gzip"}


@dataclass(frozen=True)
class ApplicationInsights:
    """An Application Insights component, to be connected to.

    Args:
        connection: Where it is, and whose account is charged.
        environment: The environment that runs.
        version: The version of the code that runs.
        rhythm: How patient to be.
    """

    connection: Connection
    environment: str
    version: str
    rhythm: Rhythm = RHYTHM

    def open(self) -> Exporter:
        """Begin to send."""
        resource = {
            SERVICE_NAME: SERVICE,
            SERVICE_VERSION: self.version,
            SERVICE_INSTANCE: uuid4().hex,
            ENVIRONMENT: self.environment,
        }
        endpoint = _Endpoint(self.connection.address)
        return _Exporter(self.connection.key, resource, Outbox(endpoint.send, self.rhythm, name="levelfive-telemetry"))


def application_insights(
    reference: str, secret: Callable[[str], str], environment: str, version: str
) -> ApplicationInsights | None:
    """Find where telemetry is sent; a secret that is missing or wrong is said, and stops nothing.

    Args:
        reference: Where the connection string is, as `core.secrets` says.
        secret: Finds a secret by its reference, as a platform does.
        environment: The environment that runs.
        version: The version of the code that runs.
    """
    try:
        connection = parse_connection(secret(reference))
    except LevelfiveError as err:
        event("telemetry is not sent", level=logging.WARNING, reason=str(err))
        return None
    return ApplicationInsights(connection, environment, version)


@dataclass(frozen=True)
class _Exporter:
    key: str
    resource: Mapping[str, str]
    outbox: Outbox[bytes]

    def export(self, record: Record) -> None:
        self.outbox.put(envelope(record, key=self.key, resource=self.resource))

    def flush(self) -> None:
        _warn_of(self.outbox.flush())

    def close(self) -> None:
        _warn_of(self.outbox.close())


@dataclass
class _Endpoint:
    """An ingestion endpoint, which may say that it is to be found elsewhere."""

    address: str

    def send(self, batch: Sequence[bytes]) -> Outcome[bytes]:
        body = zlib.compress(b"[" + b",".join(batch) + b"]", wbits=GZIP)
        answer = post(self.address, body, headers=HEADERS)
        if answer.status in ELSEWHERE and answer.location and self._moved(answer.location):
            return Outcome(tuple(batch), retry_after=0.0)
        return outcome_of(answer, batch)

    def _moved(self, location: str) -> bool:
        """Go where the endpoint says that it is, if the key may be sent there."""
        try:
            new_address = check_address(location, of="Application Insights")
        except ConfigError:
            return False
        if urlsplit(new_address).scheme != urlsplit(self.address).scheme:
            return False
        self.address = new_address
        return True


def _warn_of(losses: int) -> None:
    if losses:
        # By the logger, and not as an event: what is said of what cannot be sent must not have to be sent.
        LOGGER.warning(
            "%d records did not reach Application Insights: look at its daily cap, its ingestion endpoint and the "
            "network; at --log-level debug, the lines on this machine have them",
            losses,
        )
