"""The connection string of an Application Insights component: where to send, and to whose account."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

from levelfive.core.http import check_address
from levelfive.errors import ConfigError

TRACK = "v2.1/track"
GLOBAL_ENDPOINT = "https://dc.services.visualstudio.com/"


@dataclass(frozen=True)
class Connection:
    """Where to send, and the key that says whose it is; it shows neither when it is printed."""

    address: str = field(repr=False)
    key: str = field(repr=False)


def parse_connection(text: str) -> Connection:
    """Read a connection string, `InstrumentationKey=...;IngestionEndpoint=https://...`.

    Raises:
        ConfigError: It is none; the error does not repeat it.
    """
    parts = dict(part.strip().split("=", 1) for part in text.split(";") if "=" in part)
    try:
        key = str(UUID(parts.get("InstrumentationKey", "")))
    except ValueError as err:
        raise ConfigError(
            "the connection string of Application Insights holds no InstrumentationKey: copy it from the component's "
            "overview in the portal, as a whole"
        ) from err
    endpoint = parts.get("IngestionEndpoint") or GLOBAL_ENDPOINT
    address = f"{endpoint.rstrip('/')}/{TRACK}"
    return Connection(check_address(address, of="Application Insights"), key)
