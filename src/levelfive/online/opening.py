"""Opens the online store that a URL names."""

from __future__ import annotations

from pathlib import Path

from levelfive.errors import ConfigError
from levelfive.online.sqlite_store import SqliteStore
from levelfive.online.store import OnlineStore

SQLITE, POSTGRES = "sqlite:///", ("postgresql://", "postgres://")


def open_store(url: str, use_case: str | None = None) -> OnlineStore:
    """Open an online store; nothing is connected to before its first use.

    Args:
        url: sqlite:/// and the path of a file, so that an absolute one has four slashes, or postgresql:// as libpq
            takes it.
        use_case: Whose tables it holds: in PostgreSQL, they are in a schema of this name, unless the URL names one.

    Raises:
        ConfigError: It is no such URL. It is not shown, as it may hold a password.
        MachineError: PostgreSQL's client is not installed.
    """
    if url.startswith(SQLITE) and len(url) > len(SQLITE):
        return SqliteStore(Path(url.removeprefix(SQLITE)))
    if url.startswith(POSTGRES):
        # Only who uses PostgreSQL needs its client.
        from levelfive.online.postgres_store import PostgresStore

        return PostgresStore(url, schema=use_case)
    raise ConfigError(
        "an online store is named sqlite:///<path of a file> or postgresql://<user>@<host>/<database>, got a URL of "
        "another kind; correct it"
    )


def url_of(file: Path) -> str:
    """Name the online store in a file."""
    return f"{SQLITE}{file.resolve()}"
