"""Ends the wait for a server that has stopped to answer: libpq itself would wait for ever.

A server's own `statement_timeout` ends a statement that takes long; it ends none of a server that hangs, as on a disk
that does not come back.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Protocol

from levelfive.errors import OnlineStoreError


class Connected(Protocol):
    """What is connected by a socket."""

    def fileno(self) -> int:
        """Tell the number of the socket's file."""
        ...


class Patience:
    """Ends connections by which an answer is waited for too long.

    Args:
        length: How long it may take. The wait ends within twice of it, and not before one and a half times: a server
            that does answer ends the statement itself, and says why.
    """

    def __init__(self, length: timedelta) -> None:
        """Begin with nothing to wait for."""
        self.length = length
        self._seconds = length.total_seconds()
        self._ends: dict[socket.socket, float] = {}
        self._late: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._is_watching = False

    @contextmanager
    def waiting(self, connection: Connected) -> Iterator[None]:
        """Wait for an answer.

        Raises:
            OnlineStoreError: None came in time; the connection is of no use any more.
        """
        # A copy of the file: libpq may close its own, whose number may then be that of another.
        with socket.socket(fileno=os.dup(connection.fileno())) as copy:
            self._watch(copy)
            try:
                yield
            except Exception as err:
                if copy in self._late:
                    raise OnlineStoreError(
                        f"the online store gave no answer within {self.length}: look whether its server hangs"
                    ) from err
                raise
            finally:
                with self._lock:
                    del self._ends[copy]
                    self._late.discard(copy)

    def _watch(self, copy: socket.socket) -> None:
        with self._lock:
            self._ends[copy] = time.monotonic() + 1.5 * self._seconds
            is_watching, self._is_watching = self._is_watching, True
        if not is_watching:
            threading.Thread(target=self._look, daemon=True).start()

    def _look(self) -> None:
        """Look again and again, until a look finds nothing that is waited for."""
        while True:
            time.sleep(self._seconds / 2)
            with self._lock:
                self._is_watching = bool(self._ends)
                if not self._is_watching:
                    return
                now = time.monotonic()
                for copy in [copy for copy, end in self._ends.items() if end <= now]:
                    self._late.add(copy)
                    with suppress(OSError):  # one that is gone already ends the wait by itself
                        copy.shutdown(socket.SHUT_RDWR)
