"""Unity Catalog's registry on loopback: what MLflow's own client asks of it, answered from memory.

It refuses what the real one refuses: tags with reserved characters or long values, names without three levels, models
that were not made; and it lists versions without their tags.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from loopback import running

API = "/api/2.0/mlflow/unity-catalog"
FILES = "/api/2.0/fs"
SAS = "sv=2024-11-04&sp=r&sig=of-this-version"


class Refused(Exception):
    """An answer that is an error, as the workspace's API writes it."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


@dataclass
class Metastore:
    """Registered models, their versions, and the versions' files."""

    tokens: set[str] = field(default_factory=set)
    models: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    aliases: dict[tuple[str, str], str] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    takes_files: bool = True
    storage: str = ""
    """Host and port of the Azure Storage that files are in; empty where the workspace keeps them itself."""

    def make_model(self, name: str, **_: Any) -> dict[str, Any]:
        if name.count(".") != 2:
            raise Refused(400, "INVALID_PARAMETER_VALUE", f"{name}: expected catalog.schema.model")
        self.models.setdefault(name, [])
        return {"registered_model": {"name": name}}

    def model(self, name: str) -> dict[str, Any]:
        self._versions(name)
        return {"registered_model": {"name": name}}

    def make_version(self, name: str, source: str, tags: Any = (), description: str = "", **_: Any) -> dict[str, Any]:
        versions = self._versions(name)
        for tag in tags:
            _check_tag(**tag)
        version = {"name": name, "version": str(len(versions) + 1), "source": source, "tags": list(tags)}
        version["description"] = description
        place = f"abfss://models@{self.storage or 'not-reachable'}/{name}/{version['version']}"
        versions.append({**version, "status": "PENDING_REGISTRATION", "storage_location": place})
        return {"model_version": versions[-1]}

    def finalize(self, name: str, version: str) -> dict[str, Any]:
        found = self._version(name, version)
        found["status"] = "READY"
        return {"model_version": found}

    def version(self, name: str, version: str) -> dict[str, Any]:
        return {"model_version": self._version(name, version)}

    def search(self, filter: str, page_token: str = "0", **_: Any) -> dict[str, Any]:
        """List two versions a page, the newest first; no tags."""
        versions = self._versions(filter.split("'")[1])[::-1]
        begin = int(page_token)
        page = [{k: v for k, v in version.items() if k != "tags"} for version in versions[begin : begin + 2]]
        more = {"next_page_token": str(begin + 2)} if begin + 2 < len(versions) else {}
        return {"model_versions": page, **more}

    def set_tag(self, name: str, version: str, key: str, value: str) -> dict[str, Any]:
        _check_tag(key, value)
        found = self._version(name, version)
        found["tags"] = [*(tag for tag in found["tags"] if tag["key"] != key), {"key": key, "value": value}]
        return {}

    def set_alias(self, name: str, alias: str, version: str) -> dict[str, Any]:
        self._version(name, version)
        self.aliases[name, alias] = version
        return {}

    def drop_alias(self, name: str, alias: str) -> dict[str, Any]:
        self.by_alias(name, alias)
        del self.aliases[name, alias]
        return {}

    def by_alias(self, name: str, alias: str) -> dict[str, Any]:
        self._versions(name)
        if (name, alias) not in self.aliases:
            raise Refused(404, "RESOURCE_DOES_NOT_EXIST", f"{name} has no alias {alias}")
        return self.version(name, self.aliases[name, alias])

    def credentials(self, name: str, version: str, operation: str) -> dict[str, Any]:
        self._version(name, version)
        if self.storage:
            return {"credentials": {"azure_user_delegation_sas": {"sas_token": SAS}}}
        return {"credentials": {"storage_mode": "DEFAULT_STORAGE"}}

    def location(self, name: str, version: str) -> dict[str, Any]:
        return {"artifact_uri": self._version(name, version)["storage_location"]}

    def _versions(self, name: str) -> list[dict[str, Any]]:
        if name not in self.models:
            raise Refused(404, "RESOURCE_DOES_NOT_EXIST", f"Registered model {name} does not exist")
        return self.models[name]

    def _version(self, name: str, version: str) -> dict[str, Any]:
        found = [one for one in self._versions(name) if one["version"] == version]
        if not found:
            raise Refused(404, "RESOURCE_DOES_NOT_EXIST", f"Model version {name} {version} does not exist")
        return found[0]


def _check_tag(key: str, value: str = "") -> None:
    if set(key) & set(".,-=/:"):
        raise Refused(400, "INVALID_PARAMETER_VALUE", f"Tag name {key} contains one or more of the reserved characters")
    if len(value) > 1000:
        raise Refused(400, "INVALID_PARAMETER_VALUE", f"Tag value of {key} is too long")


def _answer(metastore: Metastore, url: str, verb: str, path: str, asked: dict[str, Any]) -> dict[str, Any]:
    calls = {
        ("POST", f"{API}/registered-models/create"): metastore.make_model,
        ("GET", f"{API}/registered-models/get"): metastore.model,
        ("POST", f"{API}/registered-models/alias"): metastore.set_alias,
        ("GET", f"{API}/registered-models/alias"): metastore.by_alias,
        ("DELETE", f"{API}/registered-models/alias"): metastore.drop_alias,
        ("POST", f"{API}/model-versions/create"): metastore.make_version,
        ("POST", f"{API}/model-versions/finalize"): metastore.finalize,
        ("GET", f"{API}/model-versions/get"): metastore.version,
        ("GET", f"{API}/model-versions/get-download-uri"): metastore.location,
        ("GET", f"{API}/model-versions/search"): metastore.search,
        ("POST", f"{API}/model-versions/set-tag"): metastore.set_tag,
        ("POST", f"{API}/model-versions/generate-temporary-credentials"): metastore.credentials,
    }
    if (verb, path) in calls:
        return calls[verb, path](**asked)
    if path in (f"{FILES}/create-upload-url", f"{FILES}/create-download-url"):
        return {"url": f"{url}/signed{asked['path']}", "headers": []}
    if path.startswith(f"{FILES}/directories"):
        return _listed(metastore, path.removeprefix(f"{FILES}/directories").rstrip("/"))
    if path.endswith(":is-databricks-sdk-models-artifact-repository-enabled"):
        return {"is_databricks_sdk_models_artifact_repository_enabled": False}
    raise Refused(404, "ENDPOINT_NOT_FOUND", f"{verb} {path}")


def _listed(metastore: Metastore, folder: str) -> dict[str, Any]:
    inside = [path for path in metastore.files if path.startswith(f"{folder}/")]
    if not inside:
        raise Refused(404, "NOT_FOUND", f"no directory {folder}")
    names = {path.removeprefix(f"{folder}/").split("/")[0] for path in inside}
    paths = [f"{folder}/{name}" for name in sorted(names)]
    sizes = {path: len(metastore.files.get(path, b"")) for path in paths}
    entries = [{"path": path, "is_directory": path not in metastore.files, "file_size": sizes[path]} for path in paths]
    return {"contents": entries}


@contextmanager
def unity_catalog() -> Iterator[tuple[str, Metastore]]:
    """Serve a metastore on loopback: its address, and what it holds."""
    metastore = Metastore()

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            url, asked = urlsplit(self.path), self._asked()
            if url.path.startswith("/signed"):
                self._move(url.path.removeprefix("/signed"), asked)
                return
            if url.path.startswith("/api/"):
                metastore.tokens.add(self.headers.get("Authorization", ""))
            body = {**dict(parse_qsl(url.query)), **json.loads(asked or b"{}")}
            try:
                self._reply(200, _answer(metastore, address, self.command, url.path, body))
            except Refused as refused:
                self._reply(refused.status, {"error_code": refused.code, "message": str(refused)})

        def _asked(self) -> bytes:
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))

        def _move(self, path: str, content: bytes) -> None:
            if self.command == "PUT" and not metastore.takes_files:
                self._send(403, b"")
                return
            if self.command == "PUT":
                metastore.files[path] = content
            known = path in metastore.files
            self._send(200 if known else 404, metastore.files.get(path, b"") if self.command == "GET" else b"")

        def _reply(self, status: int, body: dict[str, Any]) -> None:
            self._send(status, json.dumps(body).encode())

        def _send(self, status: int, content: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Print nothing."""

        do_GET = do_POST = do_PUT = do_DELETE = _serve  # the names that http.server asks for

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    address = f"http://127.0.0.1:{server.server_port}"
    with running(server):
        yield address, metastore
