"""The real CLI finds nothing to complain about, and resolves every target to what the other tests looked at."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import parse_qsl

import pytest

from bundle.offline import COMMIT, ROOT, TARGETS, deployed, deployment

CLI = shutil.which("databricks")
# Tasks and the dashboard hold paths and wheels; the CLI writes those out when it deploys.
WRITTEN_OUT = {"tasks", "file_path", "parent_path", "serialized_dashboard"}
ADDED = {"deployment", "edit_mode", "format", "volume_path", "embed_credentials"}

pytestmark = pytest.mark.skipif(CLI is None, reason="the Databricks CLI is not on the PATH")


class Workspace(BaseHTTPRequestHandler):
    """A workspace that knows who asks, and that every folder is there."""

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        known = {
            "/.well-known/databricks-config": {"workspace_id": "1", "oidc_endpoint": "http://127.0.0.1:9/oidc"},
            "/api/2.0/preview/scim/v2/Me": {"userName": self.server.user},
            "/api/2.0/workspace/get-status": {"object_type": "DIRECTORY", "object_id": 1, **dict(parse_qsl(query))},
            "/api/2.0/permissions/directories/1": {"object_id": "/directories/1", "access_control_list": []},
        }
        answer = known.get(path, {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": path})
        body = json.dumps(answer).encode()
        self.send_response(200 if path in known else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def workspace() -> Iterator[ThreadingHTTPServer]:
    """The workspace, on loopback."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Workspace) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def copy(workspace: ThreadingHTTPServer, tmp_path: Path) -> Path:
    """The bundle's files, with the workspace on loopback as the host of every target."""
    root = tmp_path / "bundle"
    for folder in ("notebooks", "resources"):
        shutil.copytree(ROOT / folder, root / folder)
    (root / "dist").mkdir()
    (root / "dist" / "levelfive-0.1.0-py3-none-any.whl").touch()
    text = (ROOT / "databricks.yml").read_text(encoding="utf-8")
    for target in TARGETS:
        host = deployment(target).config["workspace"]["host"]
        text = text.replace(host, f"http://127.0.0.1:{workspace.server_port}")
    (root / "databricks.yml").write_text(text, encoding="utf-8")
    return root


@pytest.mark.parametrize("target", TARGETS)
def test_every_target_validates_without_a_warning(workspace, copy, target):
    found = deployment(target)
    workspace.user = found.config["workspace"]["current_user"]["userName"]
    environment = {"PATH": os.environ["PATH"], "HOME": str(copy.parent), "DATABRICKS_TOKEN": "none"}

    run = subprocess.run(
        [CLI, "bundle", "validate", "--strict", "-o", "json", "-t", target, "--var", f"code_revision={COMMIT}"],
        cwd=copy,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert (run.returncode, run.stderr) == (0, "")
    assert comparable(deployed(json.loads(run.stdout))["resources"]) == comparable(found.resources)


def comparable(resources):
    return {f"{kind}.{key}": fields(one) for kind, found in resources.items() for key, one in found.items()}


def fields(resource):
    """What both say of a resource: lists have an order of their own, and what is empty or false is the default."""
    said = {name: value for name, value in resource.items() if name not in WRITTEN_OUT | ADDED}
    return {name: plain(value) for name, value in said.items() if plain(value)}


def plain(value):
    if isinstance(value, dict):
        return sorted((name, plain(item)) for name, item in value.items() if plain(item))
    return sorted(map(plain, value)) if isinstance(value, list) else str(value or "")
