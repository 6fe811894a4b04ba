"""An online endpoint of Azure Machine Learning, managed or on Kubernetes, by the SDK `azure-ai-ml`."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from azure.ai.ml import load_online_deployment, load_online_endpoint
from azure.ai.ml.entities import OnlineEndpoint

from levelfive.config import CLOCK_VARIABLE
from levelfive.deployment.azure_calls import PAUSES, NotFound, call_azure
from levelfive.deployment.azure_files import (
    DEPLOYMENT_FILE,
    ENDPOINT_FILE,
    reading,
    refuse_another,
    refuse_what_is_not_there,
)
from levelfive.deployment.azure_models import asset_name
from levelfive.deployment.endpoint import FAILED, READY, Deployment, Endpoint, Package
from levelfive.errors import DeploymentError

if TYPE_CHECKING:
    from azure.ai.ml import MLClient

T = TypeVar("T")

# A deployment's environment variables, by which the service finds its model, checks it, and knows the time.
VARIABLES = {
    "LEVELFIVE_MODEL_NAME": "model",
    "LEVELFIVE_MODEL_VERSION": "version",
    "LEVELFIVE_MODEL_SHA256": "sha256",
    CLOCK_VARIABLE: "clock",
}


@dataclass(frozen=True)
class AzureOnlineEndpoint:
    """One endpoint.

    Args:
        client: Of the Azure ML workspace.
        name: The endpoint's name.
        files: Folder with `endpoint.yml` and `deployment.yml`.
        variables: Environment variables of each deployment, beside those of the files.
        sleep: Waits for a number of seconds.
    """

    client: MLClient
    name: str
    files: Path
    variables: Mapping[str, str] = field(default_factory=dict)
    sleep: Callable[[float], None] = time.sleep

    def read(self) -> Endpoint | None:
        """Look the endpoint up with its deployments, once nobody is changing it; None where there is none.

        Raises:
            DeploymentError: Azure refused, or somebody has been changing it for half an hour.
        """
        return self._until(
            lambda endpoint: endpoint is None or endpoint.state in (READY, FAILED), "to be changed by nobody"
        )

    def create(self) -> None:
        """Make the endpoint as its file says.

        Raises:
            ConfigError: The file is wrong, or asks for what Kubernetes does not have.
            DeploymentError: Azure refused.
        """
        entity = self._of_file()
        self._call("to be made", lambda: self.client.online_endpoints.begin_create_or_update(entity).result())
        self._until(lambda endpoint: endpoint is not None, "to be there")

    def check_file(self) -> None:
        """Refuse a file that asks for what the platform does not have, or for something else than is there.

        Raises:
            ConfigError: It does so, or is wrong.
            DeploymentError: Azure refused.
        """
        wanted = self._of_file()
        with suppress(NotFound):
            refuse_another(wanted, self._call("what it is", lambda: self.client.online_endpoints.get(self.name)))

    def add(self, colour: str, package: Package, tags: Mapping[str, str]) -> None:
        """Make a deployment of a package as its file says, and wait until it is ready.

        Raises:
            ConfigError: The file is wrong.
            DeploymentError: It did not start, or Azure refused.
        """
        of_package = {variable: getattr(package, name) for variable, name in VARIABLES.items()}
        variables = {name: value for name, value in of_package.items() if value} | dict(self.variables)
        overrides: list[dict[str, Any]] = [
            {"name": colour, "endpoint_name": self.name, "tags": dict(tags)},
            {"model": f"azureml:{asset_name(package.model)}:{package.version}", "environment.image": package.image},
            {f"environment_variables.{name}": value for name, value in variables.items()},
        ]
        with reading(self.files / DEPLOYMENT_FILE):
            entity = load_online_deployment(self.files / DEPLOYMENT_FILE, params_override=overrides)
        begin = self.client.online_deployments.begin_create_or_update
        try:
            self._call(f"version {package.version} as {colour}", lambda: begin(entity).result())
        except DeploymentError:
            # One that did not start is there, and failed.
            if not _state(self._look(), colour):
                raise
        self._until(lambda endpoint: _state(endpoint, colour) in (READY, FAILED), f"to have {colour} started")
        if _state(self._look(), colour) != READY:
            raise DeploymentError(
                f"version {package.version} did not start as {colour} of {self.name}: read its log (az ml "
                "online-deployment "
                f"get-logs --endpoint-name {self.name} --name {colour}), mend that, and deploy again"
            )

    def wait(self, colour: str) -> None:
        """Wait until a deployment that somebody began is ready or has failed, or one that goes is gone.

        Raises:
            DeploymentError: It takes more than half an hour.
        """
        final_states = (READY, FAILED, "")
        self._until(lambda endpoint: _state(endpoint, colour) in final_states, f"to have {colour} started, or gone")

    def remove(self, colour: str) -> None:
        """Delete a deployment.

        Raises:
            DeploymentError: Azure refused.
        """
        with suppress(NotFound):
            delete = self.client.online_deployments.begin_delete
            self._call(f"to be without {colour}", lambda: delete(name=colour, endpoint_name=self.name).result())
        self._until(lambda endpoint: endpoint is None or colour not in endpoint.deployments, f"to be without {colour}")

    def route(self, traffic: Mapping[str, int], tags: Mapping[str, str]) -> None:
        """Set the shares of traffic, and tags of the endpoint beside them; an empty text takes a tag away.

        Raises:
            DeploymentError: Azure refused, or there is no endpoint.
        """

        def put() -> None:
            entity = self.client.online_endpoints.get(self.name)
            entity.traffic = dict(traffic)
            entity.tags = {name: value for name, value in {**(entity.tags or {}), **tags}.items() if value}
            self.client.online_endpoints.begin_create_or_update(entity).result()

        def holds(endpoint: Endpoint | None) -> bool:
            return (
                endpoint is not None
                and dict(endpoint.traffic) == dict(traffic)
                and all(endpoint.tags.get(name, "") == value for name, value in tags.items())
            )

        self._call(f"the traffic {dict(traffic)}", put)
        self._until(holds, f"to have the traffic {dict(traffic)}")

    def delete(self) -> None:
        """Delete the endpoint and all of its deployments.

        Raises:
            DeploymentError: Azure refused.
        """
        with suppress(NotFound):
            self._call("to be deleted", lambda: self.client.online_endpoints.begin_delete(self.name).result())
        self._until(lambda endpoint: endpoint is None, "to be gone")

    def address(self) -> tuple[str, str]:
        """Ask for the address that answers, and for a key or token for it.

        Raises:
            DeploymentError: Azure refused.
        """
        uri = self._call("its address", lambda: self.client.online_endpoints.get(self.name)).scoring_uri
        keys = self._call("its keys", lambda: self.client.online_endpoints.get_keys(self.name))
        return str(uri), str(getattr(keys, "primary_key", None) or getattr(keys, "access_token", ""))

    def _of_file(self) -> OnlineEndpoint:
        with reading(self.files / ENDPOINT_FILE):
            entity = load_online_endpoint(self.files / ENDPOINT_FILE, params_override=[{"name": self.name}])
        refuse_what_is_not_there(entity, self.files / ENDPOINT_FILE)
        return entity

    def _look(self) -> Endpoint | None:
        try:
            entity = self._call("what it is", lambda: self.client.online_endpoints.get(self.name))
            entities = self._call(
                "its deployments", lambda: list(self.client.online_deployments.list(endpoint_name=self.name))
            )
        except NotFound:
            return None
        deployments = {
            one.name: Deployment.of_tags(one.name, str(one.provisioning_state), one.tags or {}) for one in entities
        }
        traffic = {name: share for name, share in (entity.traffic or {}).items() if share}
        return Endpoint(self.name, str(entity.provisioning_state), traffic, deployments, dict(entity.tags or {}))

    def _until(self, holds: Callable[[Endpoint | None], bool], what: str) -> Endpoint | None:
        """Look until something is seen to hold: what was written may be read later than it was written."""
        for pause in (*PAUSES, 0):
            state = self._look()
            if holds(state):
                return state
            self.sleep(pause)
        raise DeploymentError(
            f"the endpoint {self.name} was waited for {what}, for half an hour: see in Azure what it does, then run "
            "this again"
        )

    def _call(self, what: str, call: Callable[[], T]) -> T:
        return call_azure(f"endpoint {self.name}", what, call, sleep=self.sleep)


def _state(endpoint: Endpoint | None, colour: str) -> str:
    return endpoint.deployments[colour].state if endpoint is not None and colour in endpoint.deployments else ""
