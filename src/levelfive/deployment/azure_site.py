"""An online endpoint of Azure Machine Learning as the place to deploy to."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from levelfive.config import LOG_VARIABLE, Settings
from levelfive.deployment.azure_ml import AzureOnlineEndpoint
from levelfive.deployment.azure_models import bring_model
from levelfive.deployment.probe import HttpProbe
from levelfive.deployment.rollout import RolloutPolicy
from levelfive.deployment.site import Site
from levelfive.registry.store import CentralRegistry
from levelfive.usecase.columns import REQUEST_LOG

if TYPE_CHECKING:
    from azure.ai.ml import MLClient


def azure_site(
    client: MLClient,
    settings: Settings,
    registry: CentralRegistry,
    policy: RolloutPolicy,
    *,
    requests: Sequence[bytes],
    clock: str,
) -> Site:
    """Describe the endpoint of the settings.

    Args:
        client: Of the workspace of Azure Machine Learning.
        settings: Name the endpoint, its files, where its images are, and where its request log belongs.
        registry: The central registry, whose files are brought.
        policy: Steps and budget of its rollouts.
        requests: Bodies of sample requests.
        clock: By which it answers; see `Package`.
    """
    variables = {"LEVELFIVE_USE_CASE": settings.use_case}
    if settings.landing_location is not None:
        variables[LOG_VARIABLE] = f"{settings.landing_location.rstrip('/')}/{REQUEST_LOG}"
    online = AzureOnlineEndpoint(client, settings.endpoint_name, settings.endpoint_files, variables)
    return Site(
        settings.endpoint_name,
        online,
        HttpProbe(online.address, requests),
        policy,
        settings.serving_repository,
        bring=partial(bring_model, client, registry),
        clock=clock,
    )
