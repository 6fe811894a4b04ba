"""A server of PostgreSQL, run from Debian's package for tests."""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote, urlencode

import psycopg2
from programs import program, unprivileged

DEBIAN = Path("/usr/lib/postgresql")
PACKAGE = "postgresql"
PASSWORD = "it's @ secret"
# What a server of tests may lose when the machine goes down.
CARELESS = ("-c", "fsync=off", "-c", "full_page_writes=off")


def binary(name: str) -> str:
    """Find a program of the server: Debian does not put it on the PATH."""
    found = sorted(DEBIAN.glob(f"*/bin/{name}"))
    return str(found[-1]) if found else program(name, package=PACKAGE)


@dataclass
class Postgres:
    """A server that listens on a socket in a folder of its own, and can be ended and started again."""

    folder: Path
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def start(self) -> None:
        """Start the server, and wait until it answers."""
        command = [binary("postgres"), "-D", str(self.folder / "data"), "-k", str(self.folder), "-h", "", *CARELESS]
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(unprivileged(command), stdout=log, stderr=log, cwd=self.folder)
        ready = [binary("pg_isready"), "-h", str(self.folder), "-q"]
        while subprocess.run(ready, check=False).returncode:
            if self.process.poll() is not None:
                raise AssertionError((self.folder / "server.log").read_text())

    def end(self, how: signal.Signals = signal.SIGINT) -> None:
        """End the server, and all connections with it."""
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(timeout=30)
            self.process = None

    def url(self, schema: str = "") -> str:
        """Name the server, or a schema of it, with the password that it asks for."""
        query = urlencode({"host": str(self.folder), **({"options": f"-csearch_path={schema}"} if schema else {})})
        return f"postgresql://owner:{quote(PASSWORD, safe='')}@/postgres?{query}"

    def run(self, statement: str) -> None:
        """Run a statement as the owner."""
        connection = psycopg2.connect(self.url("public"))
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
        connection.close()


@contextmanager
def postgres() -> Iterator[Postgres]:
    """Run a server, as nobody where the tests run as root: it refuses root."""
    # The path of a socket is short, and the folders of pytest are closed to others.
    with TemporaryDirectory(prefix="pg-") as name:
        folder = Path(name)
        password = folder / "password"
        password.write_text(PASSWORD)
        make = [binary("initdb"), "-D", str(folder / "data"), "-U", "owner", "--no-sync", "-E", "UTF8", "--locale=C"]
        make += ["--auth=scram-sha-256", f"--pwfile={password}"]
        subprocess.run(unprivileged(make, folder), check=True, stdout=subprocess.DEVNULL, cwd=folder)
        server = Postgres(folder)
        try:
            server.start()
            yield server
        finally:
            server.end()
