"""A client of an Azure ML workspace that keeps state and Azure's rules; a test holds its signatures to the real ones.

Traffic is 0 or 100 in sum, none when an endpoint is made, and goes to deployments that are there. A deployment with
traffic cannot be deleted. What is made, changed or deleted by a request that is cut off goes on, and two reads see it
so. What is read may be what was true before the last writes.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

SUCCEEDED, FAILED = "Succeeded", "Failed"
CREATING, UPDATING, DELETING = "Creating", "Updating", "Deleting"


class Killed(BaseException):
    """The process ended here."""


def refusal(status: int, message: str) -> HttpResponseError:
    kind = ResourceNotFoundError if status == 404 else HttpResponseError
    err = kind(message=message)
    err.status_code = status
    return err


@dataclass
class Cloud:
    """What outlives a client.

    Args:
        fails: Versions of models whose deployments do not start.
        lag: How many reads still show what was true before a write.
        busy: How many calls are answered 429 first.
        dies_after: The call after which the process ends, counted from 1; 0 for never.
    """

    endpoints: dict[str, Any] = field(default_factory=dict)
    deployments: dict[tuple[str, str], Any] = field(default_factory=dict)
    models: dict[tuple[str, str], Any] = field(default_factory=dict)
    files: dict[tuple[str, str], dict[str, bytes]] = field(default_factory=dict)
    fails: set[str] = field(default_factory=set)
    lag: int = 0
    busy: int = 0
    dies_after: int = 0
    calls: list[str] = field(default_factory=list)
    routed: list[dict[str, int]] = field(default_factory=list)
    _ends: list[Callable[[], None]] = field(default_factory=list)
    _reads: int = 0
    _stale: list[tuple[dict[str, Any], dict[tuple[str, str], Any]]] = field(default_factory=list)

    def client(self) -> SimpleNamespace:
        """What stands for `MLClient`."""
        return SimpleNamespace(
            online_endpoints=FakeEndpoints(self), online_deployments=FakeDeployments(self), models=FakeModels(self)
        )

    def call(self, name: str, effect: Callable[[], Any]) -> Any:
        """Do what a call asks for; the process may end right after Azure did it, or refused it."""
        if self.busy:
            self.busy -= 1
            raise refusal(429, "Too many requests.\nTry again after 1 second.")
        self.calls.append(name)
        try:
            return effect()
        finally:
            if len(self.calls) == self.dies_after:
                raise Killed(name)

    def write(self, effect: Callable[[], Any]) -> Any:
        before = (copy.copy(self.endpoints), copy.copy(self.deployments))
        result = effect()
        self._stale = [before] * self.lag
        return result

    def go_on(self, entity: Any, state: str, end: str) -> None:
        """Let something be in a state until the wait for its end, or two reads, are over."""
        entity._provisioning_state = state
        self._ends.append(lambda: setattr(entity, "_provisioning_state", end))
        self._reads = 0

    def end(self) -> None:
        while self._ends:
            self._ends.pop(0)()

    def seen(self) -> tuple[dict[str, Any], dict[tuple[str, str], Any]]:
        """What a read shows."""
        self._reads += 1
        if self._reads > 4:  # each look reads the endpoint and its deployments
            self.end()
        return self._stale.pop() if self._stale else (self.endpoints, self.deployments)

    def as_azure_tells_it(self, endpoint: str) -> None:
        """Let an endpoint be read back from Azure: ids are whole, and words are as its interface has them."""
        entity = self.endpoints[endpoint]
        if hasattr(entity, "compute"):
            entity.compute = f"/subscriptions/s/resourceGroups/g/providers/ml/workspaces/w/computes/{entity.compute}"
        else:
            entity.public_network_access = entity.public_network_access.capitalize()

    def at(self, endpoint: str) -> dict[str, Any]:
        """What a test compares: traffic, the endpoint's tags, and the version of each deployment."""
        entity = self.endpoints.get(endpoint)
        if entity is None:
            return {}
        return {
            "traffic": dict(entity.traffic),
            "tags": dict(entity.tags),
            "versions": {
                name: (one.tags["levelfive_version"], one.provisioning_state)
                for (of, name), one in sorted(self.deployments.items())
                if of == endpoint
            },
        }


@dataclass
class Poller:
    """What a long call returns; the wait for its end is a call too."""

    cloud: Cloud
    end: Callable[[], Any]

    def result(self, timeout: float | None = None) -> Any:
        self.cloud.end()
        return self.cloud.call("wait", self.end)


@dataclass
class FakeEndpoints:
    cloud: Cloud

    def get(self, name: str, *, local: bool = False) -> Any:
        def read() -> Any:
            endpoints, _ = self.cloud.seen()
            if name not in endpoints:
                raise refusal(404, f"(ResourceNotFound) The endpoint {name} was not found.")
            return copy.deepcopy(endpoints[name])

        return self.cloud.call("endpoints.get", read)

    def begin_create_or_update(self, endpoint: Any, *, local: bool = False) -> Poller:
        def put() -> None:
            self._check(endpoint)
            entity = copy.deepcopy(endpoint)
            is_new = endpoint.name not in self.cloud.endpoints
            self.cloud.go_on(entity, CREATING if is_new else UPDATING, SUCCEEDED)
            entity._scoring_uri = f"https://{endpoint.name}.example.com/score"
            self.cloud.write(lambda: self.cloud.endpoints.update({endpoint.name: entity}))
            if endpoint.traffic:
                self.cloud.routed.append(dict(endpoint.traffic))

        self.cloud.call("endpoints.begin_create_or_update", put)
        return Poller(self.cloud, lambda: copy.deepcopy(self.cloud.endpoints[endpoint.name]))

    def _check(self, endpoint: Any) -> None:
        traffic = endpoint.traffic or {}
        if endpoint.name not in self.cloud.endpoints and traffic:
            raise refusal(400, "(BadRequest) Traffic cannot be set when an endpoint is created.")
        if sum(traffic.values()) not in (0, 100):
            raise refusal(400, "(BadRequest) The sum of the traffic has to be 0 or 100.")
        for name in traffic:
            deployment = self.cloud.deployments.get((endpoint.name, name))
            if deployment is None or deployment.provisioning_state != SUCCEEDED:
                raise refusal(400, f"(BadRequest) The deployment {name} is not there, or not ready for traffic.")

    def begin_delete(self, name: str | None = None, *, local: bool = False) -> Poller:
        def delete() -> None:
            if name not in self.cloud.endpoints:
                raise refusal(404, f"(ResourceNotFound) The endpoint {name} was not found.")
            self.cloud.go_on(self.cloud.endpoints[name], DELETING, DELETING)
            self.cloud._ends.append(lambda: self.cloud.write(without))

        def without() -> None:
            self.cloud.endpoints.pop(name, None)
            self.cloud.deployments = {key: one for key, one in self.cloud.deployments.items() if key[0] != name}

        self.cloud.call("endpoints.begin_delete", delete)
        return Poller(self.cloud, lambda: None)

    def get_keys(self, name: str) -> SimpleNamespace:
        return self.cloud.call("endpoints.get_keys", lambda: SimpleNamespace(primary_key="the-key", secondary_key=""))


@dataclass
class FakeDeployments:
    cloud: Cloud

    def list(self, endpoint_name: str, *, local: bool = False) -> Iterable[Any]:
        def read() -> Any:
            _, deployments = self.cloud.seen()
            return [copy.deepcopy(one) for (of, _), one in deployments.items() if of == endpoint_name]

        return self.cloud.call("deployments.list", read)

    def begin_create_or_update(
        self,
        deployment: Any,
        *,
        local: bool = False,
        vscode_debug: bool = False,
        skip_script_validation: bool = False,
        local_enable_gpu: bool = False,
        **kwargs: Any,
    ) -> Poller:
        key, version = (deployment.endpoint_name, deployment.name), deployment.tags["levelfive_version"]

        def put() -> None:
            name, _, number = deployment.model.removeprefix("azureml:").partition(":")
            if (name, number) not in self.cloud.models:
                raise refusal(400, f"(BadRequest) The model {name}:{number} was not found.")
            entity = copy.deepcopy(deployment)
            self.cloud.go_on(entity, CREATING, FAILED if version in self.cloud.fails else SUCCEEDED)
            self.cloud.write(lambda: self.cloud.deployments.update({key: entity}))

        def end() -> Any:
            if version in self.cloud.fails:
                raise refusal(200, "(ResourceOperationFailure) The container ended with code 1.\nSee its log.")
            return self.cloud.deployments[key]

        self.cloud.call("deployments.begin_create_or_update", put)
        return Poller(self.cloud, end)

    def begin_delete(self, name: str, endpoint_name: str, *, local: bool | None = False) -> Poller:
        def delete() -> None:
            if (endpoint_name, name) not in self.cloud.deployments:
                raise refusal(404, f"(ResourceNotFound) The deployment {name} was not found.")
            if self.cloud.endpoints[endpoint_name].traffic.get(name):
                raise refusal(400, f"(BadRequest) The deployment {name} has traffic.")
            self.cloud.go_on(self.cloud.deployments[endpoint_name, name], DELETING, DELETING)
            self.cloud._ends.append(lambda: self.cloud.write(without))

        def without() -> None:
            self.cloud.deployments.pop((endpoint_name, name), None)

        self.cloud.call("deployments.begin_delete", delete)
        return Poller(self.cloud, lambda: None)


@dataclass
class FakeModels:
    cloud: Cloud

    def get(self, name: str, version: str | None = None, label: str | None = None) -> Any:
        def read() -> Any:
            if (name, version) not in self.cloud.models:
                raise refusal(404, f"(UserError) The model {name}:{version} was not found.")
            return self.cloud.models[name, version]

        return self.cloud.call("models.get", read)

    def create_or_update(self, model: Any) -> Any:
        def put() -> Any:
            folder = Path(model.path)
            self.cloud.models[model.name, model.version] = SimpleNamespace(tags=dict(model.tags))
            self.cloud.files[model.name, model.version] = {
                path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
            }
            return model

        return self.cloud.call("models.create_or_update", put)
