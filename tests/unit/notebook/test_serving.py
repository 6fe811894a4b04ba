"""The job serving deploys the champion and no other version, does what its parameters say, and takes back alone."""

from types import SimpleNamespace

import pytest
from deploying import NAME, MemoryEndpoint, ProbeOf
from in_memory.release import LATER

from levelfive.core.windows import iso
from levelfive.deployment.rollout import ALL
from levelfive.deployment.site import Site
from levelfive.errors import ConfigError, DeploymentConflict, OnlineStoreError
from levelfive.notebook import serving
from levelfive.notebook.page import Page
from levelfive.notebook.reading import COMMON, PARAMETERS

DIGEST = "sha256:" + "a" * 64
OTHER = "sha256:" + "c" * 64
AS_OF = iso(LATER.replace(day=20))


class Taken(Page):
    """A page whose application has a champion and an endpoint, both in memory."""

    app = None


class Application(SimpleNamespace):
    """An application whose online store cannot be reached."""

    @property
    def online_store(self):
        raise OnlineStoreError("it is down")


@pytest.fixture
def page(production, monkeypatch):
    production.released()
    online, sampled = MemoryEndpoint(), []

    def samples(context, window, *, as_of, rows):
        sampled.append((window, as_of, rows))
        return (b"{}",)

    monkeypatch.setattr(serving, "sample_requests", samples)

    def site(policy, requests=tuple, *, clock=""):
        requests()  # as an application makes them
        return Site(NAME, online, ProbeOf(), policy, "levelfive.azurecr.io/serving", lambda package: None, clock)

    app = Application(context=production.context, registry=production.registry, starter="grace", site=site)

    def given(**values):
        names = (*COMMON, *PARAMETERS["deployment"])
        taken = Taken("deployment", {}, {name: "" for name in names} | {"as_of": AS_OF} | values)
        object.__setattr__(taken, "app", app)
        return taken

    return SimpleNamespace(given=given, online=online, sampled=sampled)


def test_the_champion_is_deployed_by_whoever_started_the_run(page):
    outcome = serving.endpoint_action(page.given(digest=DIGEST))

    assert (outcome.share, outcome.package.image) == (ALL, f"levelfive.azurecr.io/serving@{DIGEST}")
    ((window, as_of, rows),) = page.sampled
    assert (window.end, as_of, rows) == (as_of, LATER.replace(day=20), 50)
    assert "version" not in PARAMETERS["deployment"]


def test_what_is_deployed_knows_the_clock_of_the_job(page):
    clock = "2100-01-05T00:00Z=2013-04-01T00:00Z"

    outcome = serving.endpoint_action(page.given(digest=DIGEST, clock=clock))

    assert outcome.package.clock == clock


def test_it_is_deployed_without_traffic_and_then_given_all(page):
    with pytest.raises(ConfigError, match="from 1 to 100"):
        serving.endpoint_action(page.given(action="traffic", to="0"))

    tested = serving.endpoint_action(page.given(digest=DIGEST, to="0"))
    all_of_it = serving.endpoint_action(page.given(action="traffic"))

    assert (tested.share, all_of_it.share) == (0, ALL)


def test_the_schedule_waits_a_day_for_another_rollout_and_says_so(page):
    serving.endpoint_action(page.given(digest=DIGEST))
    serving.endpoint_action(page.given(digest=OTHER, to="10"))
    page.online.did.clear()

    waiting = [serving.endpoint_action(page.given(as_of=iso(LATER.replace(day=20, hour=hour)))) for hour in (8, 9)]

    assert [(one.package.image[-3:], one.share, one.has_changes) for one in waiting] == [("ccc", 10, False)] * 2
    assert "nothing was done, as this rollout waits" in waiting[0].note
    assert (page.online.did, page.online.found.share) == ([], 10)
    with pytest.raises(DeploymentConflict, match="has 10 % of the traffic"):
        serving.endpoint_action(page.given(as_of=iso(LATER.replace(day=22))))


def test_who_names_an_image_or_a_share_is_told_of_another_rollout(page):
    serving.endpoint_action(page.given(digest=DIGEST))
    serving.endpoint_action(page.given(digest=OTHER, to="10"))

    for named in ({"digest": DIGEST}, {"to": "100"}):
        with pytest.raises(DeploymentConflict, match="has 10 % of the traffic"):
            serving.endpoint_action(page.given(**named))


def test_a_rollback_says_why_and_since_when(page):
    serving.endpoint_action(page.given(digest=DIGEST))
    later = iso(LATER.replace(day=21))

    with pytest.raises(ConfigError, match="parameter why is missing"):
        serving.endpoint_action(page.given(action="rollback"))
    assert serving.endpoint_action(page.given(action="rollback", why="x", deployed_since=later)) is None
    assert page.online.found.traffic == {"blue": 100}


def test_a_rollback_takes_back_only_what_the_run_that_asks_deployed(page):
    serving.endpoint_action(page.given(digest=DIGEST))
    rollback = {"action": "rollback", "why": "x", "as_of": iso(LATER.replace(day=21))}
    for others in ({"digest": "sha256:" + "b" * 64}, {"deployed_since": iso(LATER.replace(day=21))}):
        serving.endpoint_action(page.given(digest=OTHER, to="10"))

        assert serving.endpoint_action(page.given(**rollback, **others)) is None
        assert page.online.found.share == 10

    back = serving.endpoint_action(page.given(**rollback, digest=OTHER, deployed_since=AS_OF))

    assert back.leaves.image.endswith(OTHER)
    assert page.online.found.traffic == {"blue": ALL}


@pytest.mark.parametrize("action", ["rollback", "traffic"])
def test_where_nothing_is_deployed_nothing_is_published_and_no_store_is_asked(page, action):
    assert serving.publish(page.given(action=action)) is None
    with pytest.raises(OnlineStoreError, match="it is down"):
        serving.publish(page.given(action="deploy"))


@pytest.mark.parametrize("wrong", ["delete", "promote", "Deploy"])
def test_another_action_is_refused(page, wrong):
    with pytest.raises(ConfigError, match=f"deploy, traffic, rollback, got '{wrong}'"):
        serving.endpoint_action(page.given(action=wrong))
    with pytest.raises(ConfigError, match=f"deploy, traffic, rollback, got '{wrong}'"):
        serving.publish(page.given(action=wrong))
