"""The files of an endpoint and its deployments: refuses what Azure ML, or an endpoint that is there, would not take."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from azure.ai.ml.entities import KubernetesOnlineEndpoint, OnlineEndpoint

from levelfive.deployment.azure_calls import SDK_ERRORS
from levelfive.errors import ConfigError, first_line

# What an endpoint's file says once, and an endpoint keeps: only a person changes it.
KEPT = ("auth_mode", "compute", "public_network_access")

ENDPOINT_FILE, DEPLOYMENT_FILE = "endpoint.yml", "deployment.yml"


@contextmanager
def reading(file: Path) -> Iterator[None]:
    """Refuse a file that the SDK cannot read.

    Raises:
        ConfigError: It cannot.
    """
    try:
        yield
    except (*SDK_ERRORS, OSError, ValueError, KeyError) as err:
        raise ConfigError(f"{file} is none that Azure ML takes: {first_line(err)}") from err


def refuse_what_is_not_there(entity: Any, file: Path) -> None:
    """Refuse what Azure ML's schema accepts, and the platform does not.

    Raises:
        ConfigError: The file sets traffic, which no deployment can have yet; or, on Kubernetes, Entra tokens or
            mirrored traffic.
    """
    if entity.traffic:
        raise ConfigError(f"{file} sets traffic: a new endpoint has no deployment to give it to. Leave it out")
    if not isinstance(entity, KubernetesOnlineEndpoint):
        return
    if entity.auth_mode not in ("key", "aml_token"):
        raise ConfigError(
            f"{file} has auth_mode {entity.auth_mode}: on Kubernetes, Azure ML has key and aml_token. Choose one of "
            "them, or a managed endpoint"
        )
    if entity.mirror_traffic:
        raise ConfigError(
            f"{file} mirrors traffic, which Azure ML does not do on Kubernetes. Leave it out, or use a managed endpoint"
        )


def refuse_another(wanted: OnlineEndpoint, there: OnlineEndpoint) -> None:
    """Refuse a file that says something else than the endpoint has; what it leaves out may be anything.

    Raises:
        ConfigError: It says something else.
    """
    for name in KEPT:
        says, has = (_plain(getattr(one, name, None)) for one in (wanted, there))
        if says and says != has:
            raise ConfigError(
                f"{ENDPOINT_FILE} says {name} {says}, and the endpoint {there.name} has {has or 'none'} since it was "
                f"made: change the endpoint (az ml online-endpoint update --name {there.name} --set {name}={says}) or "
                f"the file; what Azure does not change needs a new endpoint (`levelfive serving delete {there.name} "
                "--as-of TIME`)"
            )


def _plain(text: str | None) -> str:
    """What the SDK reads, the same of a file and of Azure: a file names what an id of Azure ends with."""
    return re.split("[:/]", (text or "").lower())[-1]
