"""The Azure adapter: records become envelopes, which a thread sends to Application Insights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import uuid4

from levelfive.telemetry.application_insights.connection import Connection
from levelfive.telemetry.application_insights.envelopes import envelope
from levelfive.telemetry.application_insights.sender import Rhythm, Sender
from levelfive.telemetry.names import ENVIRONMENT, SERVICE, SERVICE_INSTANCE, SERVICE_NAME, SERVICE_VERSION
from levelfive.telemetry.records import Exporter, Record


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
    rhythm: Rhythm = field(default_factory=Rhythm)

    def open(self) -> Exporter:
        """Begin to send."""
        resource = {
            SERVICE_NAME: SERVICE,
            SERVICE_VERSION: self.version,
            SERVICE_INSTANCE: uuid4().hex,
            ENVIRONMENT: self.environment,
        }
        return _Exporter(self.connection.key, resource, Sender(self.connection.address, self.rhythm))


@dataclass(frozen=True)
class _Exporter:
    key: str
    resource: Mapping[str, str]
    sender: Sender

    def export(self, record: Record) -> None:
        self.sender.put(envelope(record, key=self.key, resource=self.resource))

    def flush(self) -> None:
        self.sender.flush()

    def close(self) -> None:
        self.sender.close()
