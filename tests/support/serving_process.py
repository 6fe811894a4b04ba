"""A service in a process of its own, for tests that end it: package, online store, folder of the request log."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import served

from levelfive.online.sqlite_store import SqliteStore
from levelfive.serving.bodies import AT_ONCE, Limits
from levelfive.serving.live import Live
from levelfive.serving.request_log import RequestLog
from levelfive.serving.run import Address, serve
from levelfive.serving.service import Service
from levelfive.serving.version import served_version


@contextmanager
def running(
    package: Path, store: Path, log: Path, *, at_once: int = AT_ONCE, finish: timedelta = Address.finish
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run it until the block ends, and tell its host and port."""
    command = [sys.executable, __file__, package, store, log, at_once, finish.total_seconds()]
    process = subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        address = re.fullmatch(r"serving on http://(.*)\n", process.stdout.readline())
        assert address
        yield process, address[1]
    finally:
        process.kill()
        process.wait()


if __name__ == "__main__":
    package, store, log = map(Path, sys.argv[1:4])
    limits, finish = Limits(at_once=int(sys.argv[4])), timedelta(seconds=float(sys.argv[5]))
    live = Live(None, SqliteStore(store))
    live.refresh_states()
    live.take(served_version(package, "m", "1"))
    service = Service(live, now=lambda: served.NOW, log=RequestLog(log), limits=limits)
    serve(service, Address(port=0, drain=timedelta(milliseconds=300), finish=finish))
