"""Azure Storage on loopback: what its SDK asks for files and folders, answered from memory, over HTTP or TLS.

As the real one does, it makes a file in one step or by parts, and refuses to make one that is there if it is asked to.
"""

from __future__ import annotations

import json
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from loopback import PATIENCE, running
from programs import program

LAST_CHANGE = "Mon, 01 Apr 2013 06:00:00 GMT"


@dataclass
class Storage:
    """Files by container and path, how often it was asked, and with which signature.

    Args:
        refusal: The status that all is refused with; 0 where nothing is.
        loses: How many answers never arrive, although what was asked for was done.
        answers: Cleared, all who ask wait.
    """

    host: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    shown: set[str] = field(default_factory=set)
    asked: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    refusal: int = 0
    loses: int = 0
    answers: threading.Event = field(default_factory=threading.Event)

    def names(self, folder: str) -> list[str]:
        """List what lies in a folder, by its whole path."""
        inside = (path.removeprefix(f"{folder}/").split("/")[0] for path in self.files if path.startswith(f"{folder}/"))
        return [f"{folder}/{name}" for name in sorted(set(inside))]


@contextmanager
def azure_storage(certificate: Path | None = None) -> Iterator[Storage]:
    """Serve a storage until the block ends; with a certificate, see `certified`, over TLS."""
    storage = Storage()
    storage.answers.set()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(storage))
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, certificate.with_suffix(".key"))
        server.socket = context.wrap_socket(server.socket, server_side=True)
    storage.host = f"127.0.0.1:{server.server_port}"
    with running(server):
        yield storage


def certified(folder: Path) -> Path:
    """Make a certificate of this machine's address, which vouches for itself; its key lies beside it."""
    file = folder / "loopback.pem"
    about = ("-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1")
    made = ("-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", file.with_suffix(".key"), "-out", file)
    subprocess.run([program("openssl", package="openssl"), "req", *about, *made], check=True, capture_output=True)
    return file


def _handler(storage: Storage) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            url = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(url.query).items()}
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            storage.asked.release()
            storage.answers.wait(PATIENCE)
            storage.shown.add(query.get("sig") or self.headers.get("Authorization", ""))
            if storage.refusal:
                self._send(storage.refusal, code="AuthorizationPermissionMismatch")
            elif self.command in ("PUT", "PATCH"):
                self._write(unquote(url.path), query, body)
            else:
                self._read(unquote(url.path), query)

        def _write(self, path: str, query: dict[str, str], body: bytes) -> None:
            if self.headers.get("If-None-Match") == "*" and path in storage.files:
                self._send(409, code="BlobAlreadyExists")
                return
            before = b"" if self.command == "PUT" else storage.files[path]
            storage.files[path] = before + body
            if storage.loses:
                storage.loses -= 1
                self.close_connection = True
                return
            self._send(202 if query.get("action") == "append" else 200 if self.command == "PATCH" else 201)

        def _read(self, path: str, query: dict[str, str]) -> None:
            if query.get("resource") == "filesystem":
                self._list(path, f"{path}/{query['directory']}".rstrip("/"))
            elif path not in storage.files:
                self._send(404, code="BlobNotFound")
            else:
                self._send_part(storage.files[path], self.headers.get("x-ms-range"))

        def _send_part(self, content: bytes, wanted: str | None) -> None:
            if wanted is None:
                self._send(200, content)
                return
            begin, end = (int(one) for one in wanted.removeprefix("bytes=").split("-"))
            part = content[begin : end + 1]
            told = {"Content-Range": f"bytes {begin}-{begin + len(part) - 1}/{len(content)}"}
            self._send(206 if part else 416, part, code="" if part else "InvalidRange", **told)

        def _list(self, container: str, folder: str) -> None:
            names = storage.names(folder)
            paths = [
                {"name": name.removeprefix(f"{container}/"), "contentLength": str(len(storage.files.get(name, b"")))}
                | ({} if name in storage.files else {"isDirectory": "true"})
                for name in names
            ]
            self._send(200 if names else 404, json.dumps({"paths": paths}).encode())

        def _send(self, status: int, content: bytes = b"", *, code: str = "", **headers: str) -> None:
            self.send_response(status)
            usual = {"Content-Length": str(len(content)), "Last-Modified": LAST_CHANGE, "ETag": '"0x1"'}
            for name, value in {**usual, **({"x-ms-error-code": code} if code else {}), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Print nothing."""

        do_GET = do_HEAD = do_PUT = do_PATCH = _serve  # the names that http.server asks for

    return Handler
