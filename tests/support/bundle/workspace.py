"""A Databricks workspace on loopback: what the CLI asks of it when it deploys a bundle, answered from memory.

It keeps what it is given and adds what a workspace adds; it refuses what has no parent, and what is there already.
"""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from bundle.workspace_files import Files, found, inside
from loopback import running
from unity_catalog import Refused

FOLDERS = "/api/2.0/workspace"
PERMISSIONS = "/api/2.0/permissions"
CATALOG = "/api/2.1/unity-catalog"
JOBS = "/api/2.2/jobs"
EXPERIMENTS = "/api/2.0/mlflow/experiments"
DASHBOARDS = "/api/2.0/lakeview/dashboards"

# What Unity Catalog's API calls them in its paths, and what a bundle does.
SECURABLES = {"schemas": "schemas", "volumes": "volumes", "models": "registered_models"}
PRINCIPALS = ("user_name", "group_name", "service_principal_name")


@dataclass
class Workspace(Files):
    """The resources beside the files, and what was asked for that changes resources."""

    user: str = ""
    resources: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    grants: dict[str, dict[str, set[str]]] = field(default_factory=dict)
    permissions: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    runs: dict[str, dict[str, Any]] = field(default_factory=dict)
    writes: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.make_folder(f"/Workspace/Users/{self.user}")

    def answer(self, verb: str, path: str, asked: dict[str, Any]) -> Any:
        if verb != "GET" and not path.startswith((FOLDERS, f"{PERMISSIONS}/directories")):
            self.writes.append(f"{verb} {path}")
        for of, pattern, call in CALLS:
            if of == verb and (match := re.fullmatch(pattern, path)):
                return call(self, **asked, **match.groupdict())
        self.unknown.append(f"{verb} {path}")
        raise Refused(404, "ENDPOINT_NOT_FOUND", f"{verb} {path}")

    def config(self) -> dict[str, Any]:
        return {"workspace_id": "1", "oidc_endpoint": "http://127.0.0.1:9/oidc"}

    def me(self, **_: Any) -> dict[str, Any]:
        return {"id": "1", "userName": self.user}

    def make_job(self, **settings: Any) -> dict[str, Any]:
        job = next(self.ids)
        self._keep("jobs", str(job), settings)
        return {"job_id": job}

    def job(self, job_id: str, **_: Any) -> dict[str, Any]:
        settings = self._of("jobs", job_id)
        return {"job_id": int(job_id), "creator_user_name": self.user, "settings": _with_defaults(settings)}

    def reset_job(self, job_id: int, new_settings: dict[str, Any]) -> dict[str, Any]:
        self._of("jobs", str(job_id))
        self._keep("jobs", str(job_id), new_settings)
        return {}

    def delete_job(self, job_id: int) -> dict[str, Any]:
        return self._delete("jobs", str(job_id))

    def run_job(self, job_id: int, only: list[str] | None = None, **given: Any) -> dict[str, Any]:
        """Start a run of a whole job, or of some of its tasks, each of which has a run of its own."""
        keys = [task["task_key"] for task in self._of("jobs", str(job_id))["tasks"]]
        run_id = next(self.ids)
        of = {"job_id": job_id, "job_run_id": run_id, "creator_user_name": self.user}
        tasks = [{**of, "run_id": next(self.ids), "task_key": key} for key in only or keys]
        self.runs |= {str(one["run_id"]): one for one in tasks}
        self.runs[str(run_id)] = {**of, "run_id": run_id, "tasks": tasks, "given": given.get("job_parameters", {})}
        return {"run_id": run_id}

    def run(self, run_id: str, **_: Any) -> dict[str, Any]:
        return {"run_page_url": f"http://127.0.0.1:9/runs/{run_id}", **found(self.runs, run_id)}

    def make_securable(self, kind: str, **given: Any) -> dict[str, Any]:
        parent = ".".join(given[level] for level in ("catalog_name", "schema_name") if level in given)
        if "schema_name" in given:
            self._of("schemas", parent)
        name = f"{parent}.{given['name']}"
        if name in self.resources.get(SECURABLES[kind], {}):
            raise Refused(409, "ALREADY_EXISTS", f"{name} is there already")
        if kind == "volumes":
            if (given["volume_type"] == "EXTERNAL") != bool(given.get("storage_location")):
                raise Refused(400, "INVALID_PARAMETER_VALUE", f"{name}: external volumes have a location, others not")
            given = {"storage_location": f"abfss://metastore@managed/{name}", **given}
        return self._keep(SECURABLES[kind], name, {**given, "full_name": name, "owner": self.user})

    def securable(self, kind: str, name: str, **_: Any) -> dict[str, Any]:
        return self._of(SECURABLES[kind], name)

    def delete_securable(self, kind: str, name: str, **_: Any) -> dict[str, Any]:
        return self._delete(SECURABLES[kind], name)

    def grant(self, on: str, changes: list[dict[str, Any]]) -> dict[str, Any]:
        granted = self.grants.setdefault(on, {})
        for change in changes:
            privileges = granted.setdefault(change["principal"], set())
            privileges -= set(change.get("remove", ()))
            privileges |= set(change.get("add", ()))
        return self.granted(on)

    def granted(self, on: str, **_: Any) -> dict[str, Any]:
        held = {who: sorted(what) for who, what in self.grants.get(on, {}).items() if what}
        return {"privilege_assignments": [{"principal": who, "privileges": what} for who, what in held.items()]}

    def permit(self, on: str, access_control_list: list[dict[str, str]]) -> dict[str, Any]:
        owners = [one for one in access_control_list if one["permission_level"] == "IS_OWNER"]
        if on.startswith("jobs/") and len(owners) != 1:
            raise Refused(400, "INVALID_PARAMETER_VALUE", "The job must have exactly one owner.")
        self.permissions[on] = access_control_list
        return self.permitted(on)

    def permitted(self, on: str) -> dict[str, Any]:
        """List who may do what, with what is inherited from the folder."""
        allowed = [(one, one["permission_level"], False) for one in self.permissions.get(on, [])]
        allowed.append(({"group_name": "admins"}, "CAN_MANAGE", True))
        access = [
            {
                **{key: one[key] for key in PRINCIPALS if key in one},
                "all_permissions": [{"permission_level": level, "inherited": inherited}],
            }
            for one, level, inherited in allowed
        ]
        return {"object_id": f"/{on}", "access_control_list": access}

    def make_experiment(self, name: str, **given: Any) -> dict[str, Any]:
        self.need_folder(inside(name).rpartition("/")[0])
        if name in [one["name"] for one in self.resources.get("experiments", {}).values()]:
            raise Refused(400, "RESOURCE_ALREADY_EXISTS", f"{name} is there already")
        key = str(next(self.ids))
        tags = [*given.get("tags", ()), {"key": "mlflow.ownerEmail", "value": self.user}]
        kept = {"name": name, "artifact_location": f"dbfs:/databricks/mlflow-tracking/{key}", **given, "tags": tags}
        self._keep("experiments", key, {**kept, "experiment_id": key, "lifecycle_stage": "active"})
        return {"experiment_id": key}

    def experiment(self, experiment_id: str) -> dict[str, Any]:
        return {"experiment": self._of("experiments", experiment_id)}

    def delete_experiment(self, experiment_id: str) -> dict[str, Any]:
        return self._delete("experiments", experiment_id)

    def make_dashboard(self, parent_path: str, serialized_dashboard: str, **given: Any) -> dict[str, Any]:
        self.need_folder(inside(parent_path))
        places = {"catalog": given.pop("dataset_catalog", None), "schema": given.pop("dataset_schema", None)}
        shown = json.loads(serialized_dashboard)
        for dataset in shown["datasets"]:
            dataset |= places
        key = f"{next(self.ids):032x}"
        kept = {
            "dashboard_id": key,
            "parent_path": inside(parent_path),
            "serialized_dashboard": json.dumps(shown),
            "etag": "1",
            "lifecycle_state": "ACTIVE",
        }
        return self._keep("dashboards", key, {**given, **kept})

    def dashboard(self, key: str) -> dict[str, Any]:
        return {name: value for name, value in self._of("dashboards", key).items() if name != "published"}

    def publish(self, key: str, **given: Any) -> dict[str, Any]:
        dashboard = self._of("dashboards", key)
        dashboard["published"] = {"display_name": dashboard["display_name"], "embed_credentials": False, **given}
        return dashboard["published"]

    def published(self, key: str) -> dict[str, Any]:
        return found(self._of("dashboards", key), "published")

    def delete_dashboard(self, key: str) -> dict[str, Any]:
        return self._delete("dashboards", key)

    def _keep(self, kind: str, key: str, settings: dict[str, Any]) -> dict[str, Any]:
        self.resources.setdefault(kind, {})[key] = settings
        return settings

    def _of(self, kind: str, key: str) -> dict[str, Any]:
        return found(self.resources.get(kind, {}), key)

    def _delete(self, kind: str, key: str) -> dict[str, Any]:
        self._of(kind, key)
        del self.resources[kind][key]
        return {}


def _with_defaults(settings: dict[str, Any]) -> dict[str, Any]:
    """Fill in what the Jobs API fills in."""
    tasks = [{"run_if": "ALL_SUCCESS", "email_notifications": {}, **task} for task in settings["tasks"]]
    azure = {"azure_attributes": {"availability": "ON_DEMAND_AZURE"}, "enable_elastic_disk": True}
    clusters = [{**one, "new_cluster": {**azure, **one["new_cluster"]}} for one in settings.get("job_clusters", [])]
    others = {"format": "MULTI_TASK", "email_notifications": {}, "webhook_notifications": {}}
    return {**others, **settings, "tasks": tasks, "job_clusters": clusters}


ON = r"/(?P<on>.+/.+)"
KEY = r"/(?P<key>\w+)"
KIND = rf"{CATALOG}/(?P<kind>{'|'.join(SECURABLES)})"
CALLS = [
    ("GET", r"/\.well-known/databricks-config", Workspace.config),
    ("GET", "/api/2.0/preview/scim/v2/Me", Workspace.me),
    ("GET", f"{FOLDERS}/get-status", Workspace.status),
    ("POST", f"{FOLDERS}/mkdirs", Workspace.make_folder),
    ("POST", f"{FOLDERS}-files/import-file(?P<path>/.+)", Workspace.upload),
    ("GET", f"{FOLDERS}/export", Workspace.download),
    ("POST", f"{FOLDERS}/delete", Workspace.delete_file),
    ("GET", PERMISSIONS + ON, Workspace.permitted),
    ("PUT", PERMISSIONS + ON, Workspace.permit),
    ("POST", f"{JOBS}/create", Workspace.make_job),
    ("GET", f"{JOBS}/get", Workspace.job),
    ("POST", f"{JOBS}/reset", Workspace.reset_job),
    ("POST", f"{JOBS}/delete", Workspace.delete_job),
    ("POST", f"{JOBS}/run-now", Workspace.run_job),
    ("GET", f"{JOBS}/runs/get", Workspace.run),
    ("POST", KIND, Workspace.make_securable),
    ("GET", rf"{KIND}/(?P<name>[^/]+)", Workspace.securable),
    ("DELETE", rf"{KIND}/(?P<name>[^/]+)", Workspace.delete_securable),
    ("GET", f"{CATALOG}/permissions{ON}", Workspace.granted),
    ("PATCH", f"{CATALOG}/permissions{ON}", Workspace.grant),
    ("POST", f"{EXPERIMENTS}/create", Workspace.make_experiment),
    ("GET", f"{EXPERIMENTS}/get", Workspace.experiment),
    ("POST", f"{EXPERIMENTS}/delete", Workspace.delete_experiment),
    ("POST", DASHBOARDS, Workspace.make_dashboard),
    ("GET", DASHBOARDS + KEY, Workspace.dashboard),
    ("DELETE", DASHBOARDS + KEY, Workspace.delete_dashboard),
    ("GET", f"{DASHBOARDS}{KEY}/published", Workspace.published),
    ("POST", f"{DASHBOARDS}{KEY}/published", Workspace.publish),
]


@contextmanager
def serve(workspace: Workspace) -> Iterator[str]:
    """Serve a workspace on loopback, and give its address."""
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            url = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            given = {"content": body} if url.path.startswith(f"{FOLDERS}-files/") else json.loads(body or b"{}")
            try:
                with lock:
                    answer = workspace.answer(self.command, unquote(url.path), {**dict(parse_qsl(url.query)), **given})
                    content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                self._send(200, content)
            except Refused as refused:
                self._refuse(refused.status, refused.code, str(refused))
            except (KeyError, TypeError, ValueError) as error:  # the CLI would try again and again
                self._refuse(400, "MALFORMED_REQUEST", repr(error))

        def _refuse(self, status: int, code: str, message: str) -> None:
            self._send(status, json.dumps({"error_code": code, "message": message}).encode())

        def _send(self, status: int, content: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Print nothing."""

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # the names that http.server asks for

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    with running(server):
        yield f"http://127.0.0.1:{server.server_port}"
