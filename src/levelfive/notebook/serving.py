"""What the notebooks `online` and `deployment` do by their parameters: publish, and act at the online endpoint."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from functools import partial

from levelfive.core.windows import Window
from levelfive.deployment import job
from levelfive.deployment.rollback import Chosen, WayBack
from levelfive.deployment.rolling import RolloutOutcome
from levelfive.deployment.rollout import ALL, RolloutPolicy
from levelfive.deployment.samples import sample_requests
from levelfive.errors import ConfigError
from levelfive.notebook.page import Page
from levelfive.online import job as online_job
from levelfive.online.job import PublishingResult

DAY = timedelta(days=1)


class EndpointAction(StrEnum):
    """What the notebook `deployment` does."""

    DEPLOY = "deploy"
    TRAFFIC = "traffic"
    ROLLBACK = "rollback"


def publish(page: Page) -> PublishingResult | None:
    """Publish what single requests look up, before a version is deployed; any other action asks for nothing of it.

    So a rollback waits for no feature table and no online store, which may be what is broken.

    Raises:
        ConfigError: There is no such action.
        OnlineStoreError: The store cannot be reached.
        RegistryError: The registry did not answer.
        TableError: A feature table is missing.
    """
    if _action(page) is not EndpointAction.DEPLOY:
        return None
    app = page.app
    return online_job.run(app.context, app.registry, app.online_store, as_of=page.as_of)


def endpoint_action(page: Page) -> RolloutOutcome | WayBack | None:
    """Take the action that the parameters name, by default `deploy`.

    - `deploy`: bring the champion to the endpoint and give it `to` percent of the traffic, by default all; in the image
      of `digest`, by default the one that answers now. Where neither is named, as by the schedule, and another rollout
      began within the last day and waits, nothing is done.
    - `traffic`: go on until it has `to` percent.
    - `rollback`: take back what is being rolled out, or what went live last, for what `why`; with `deployed_since`,
      only what began to be rolled out, or went live, at that time or later; with `digest`, only what runs in it.

    Raises:
        ConfigError: There is no such action, or it needs a parameter that is empty.
        DeploymentConflict: The endpoint is not as levelfive leaves it, another rollout is under way, or the champion
            was taken back before.
        DeploymentError: It did not start, was taken back, or Azure refused.
        EvidenceError: There is no row to try the deployment with.
        RegistryError: There is no champion, or its files are not to be had.
    """
    app, as_of, policy = page.app, page.as_of, RolloutPolicy()
    action = _action(page)
    if action is EndpointAction.ROLLBACK:
        if not page["why"]:
            raise ConfigError("parameter why is missing: a rollback says its reason")
        chosen = Chosen(digest=page["digest"] or None, since=page.time("deployed_since"))
        return job.roll_back(app.context, app.site(policy), chosen, as_of=as_of, by=app.starter, reason=page["why"])
    window = Window(as_of - DAY, as_of)
    requests = partial(sample_requests, app.context, window, as_of=as_of, rows=policy.requests)
    site, to = app.site(policy, requests, clock=page["clock"]), page.number("to") if page["to"] else ALL
    if action is EndpointAction.TRAFFIC:
        return job.raise_traffic(app.context, site, as_of=as_of, by=app.starter, to=to)
    waits = None if page["digest"] or page["to"] else DAY
    return job.deploy(
        app.context,
        app.registry,
        site,
        as_of=as_of,
        by=app.starter,
        digest=page["digest"] or None,
        to=to,
        waits=waits,
    )


def _action(page: Page) -> EndpointAction:
    text = page["action"] or EndpointAction.DEPLOY
    if text not in set(EndpointAction):
        raise ConfigError(f"parameter action is one of {', '.join(EndpointAction)}, got {text!r}")
    return EndpointAction(text)
