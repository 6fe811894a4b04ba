"""What answers is written down beside what is champion, and a champion that does not serve makes the job fail."""

from dataclasses import replace
from datetime import timedelta

import pytest
from deploying import NAME, Killed, MemoryEndpoint, MortalEndpoint, ProbeOf
from in_memory.release import HOUR, LATER, runs

from levelfive.deployment import job, recording
from levelfive.deployment.records import answering, deployments
from levelfive.deployment.rollback import Chosen
from levelfive.deployment.rollout import ALL, RolloutPolicy
from levelfive.deployment.site import Site
from levelfive.errors import ConfigError, DeploymentConflict, DeploymentError, ModelNotFound, RegistryError
from levelfive.registry.tags import PACKAGE_SHA256
from levelfive.reporting.status import status_of

DIGEST, OTHER = "sha256:" + "a" * 64, "sha256:" + "b" * 64
REPOSITORY = "levelfive.azurecr.io/levelfive-serving"
TOMORROW = LATER + timedelta(days=1)


def a_site(online=None, probe=None):
    brought = []
    found = Site(
        NAME, online or MemoryEndpoint(), probe or ProbeOf(), RolloutPolicy(requests=4), REPOSITORY, brought.append
    )
    return found, brought


def deploy(production, site, as_of=TOMORROW, **how):
    return job.deploy(production.context, production.registry, site, as_of=as_of, by="ada", **how)


def rows(production):
    return [
        (one.version, one.share, one.kind, one.deployed_by)
        for one in deployments(production.tables, production.registry.name)
    ]


def test_the_champion_is_deployed_with_the_hash_of_the_registry_and_written_down_once(production):
    version = production.released()
    site, brought = a_site()

    first = deploy(production, site, digest=DIGEST)
    again = deploy(production, site, TOMORROW + HOUR)

    assert (first.share, again.has_changes) == (100, False)
    assert first.package.version == version
    assert first.package.sha256 == production.registry.find(version).tags[PACKAGE_SHA256]
    assert first.package.image == f"{REPOSITORY}@{DIGEST}"
    assert brought == [first.package]
    assert rows(production) == [(version, 100, "rollout", "ada")]
    run = runs(production.tables)[-2]
    assert (run["stage"], run["status"], run["model_version"]) == ("deployment", "succeeded", version)
    assert dict(run["counts"])["requests_at_100"] == 4


def test_a_row_that_a_killed_run_did_not_write_is_written_by_the_next(production, monkeypatch):
    production.released()
    site, _ = a_site()
    with monkeypatch.context() as patch:
        patch.setattr(recording, "append_record", lambda tables, record: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            deploy(production, site, digest=DIGEST)
    assert rows(production) == []

    deploy(production, site)

    assert len(rows(production)) == 1


def test_a_later_champion_runs_in_the_image_that_answers_until_another_is_named(production):
    first = production.released()
    site, _ = a_site()
    deploy(production, site, digest=DIGEST)
    second = production.another(first)
    production.promote(second, TOMORROW)

    kept = deploy(production, site, TOMORROW + HOUR)
    renewed = deploy(production, site, TOMORROW + HOUR, digest=OTHER)

    assert (kept.package.version, kept.package.image) == (second, f"{REPOSITORY}@{DIGEST}")
    assert (renewed.package.version, renewed.package.image) == (second, f"{REPOSITORY}@{OTHER}")
    assert [one.share for one in renewed.measurements] == [0, 10, 50, 100]


def test_a_rollout_that_is_waited_for_is_no_change_and_is_written_down_once(production):
    first = production.released()
    site, _ = a_site()
    deploy(production, site, digest=DIGEST)
    deploy(production, site, digest=OTHER, to=10)
    production.promote(production.another(first), TOMORROW)

    for hours in (1, 2):
        waiting = deploy(production, site, TOMORROW + hours * HOUR, waits=timedelta(days=1))

    assert (waiting.package.version, waiting.share, waiting.has_changes) == (first, 10, False)
    assert [(version, share) for version, share, _, _ in rows(production)] == [(first, 100), (first, 10)]
    run = runs(production.tables)[-1]
    assert (run["status"], run["model_version"]) == ("succeeded", first)


def test_by_another_clock_the_same_version_is_deployed_anew(production):
    version = production.released()
    site, _ = a_site()
    deploy(production, replace(site, clock="2026-01-05T00:00Z=2013-04-01T00:00Z"), digest=DIGEST)

    kept = deploy(production, replace(site, clock="2026-01-05T00:00Z=2013-04-01T00:00Z"), TOMORROW + HOUR)
    anew = deploy(production, site, TOMORROW + HOUR)

    assert (kept.has_changes, anew.has_changes) == (False, True)
    assert (anew.package.version, anew.package.clock) == (version, "")


def test_a_champion_beyond_its_budget_is_written_down_and_fails_the_job(production):
    first = production.released()
    site, _ = a_site()
    deploy(production, site, digest=DIGEST)
    second = production.another(first)
    production.promote(second, TOMORROW)
    slow = replace(site, probe=ProbeOf(seconds={1: 3.0}))

    with pytest.raises(DeploymentError, match=f"version {second} was taken back from {NAME}: .* 3,000 ms"):
        deploy(production, slow, TOMORROW + HOUR)
    with pytest.raises(DeploymentConflict, match="--again"):
        deploy(production, site, TOMORROW + 2 * HOUR)

    assert rows(production) == [(first, 100, "rollout", "ada"), (second, 0, "taken_back", "ada")]
    assert runs(production.tables)[-1]["status"] == "failed"


def test_status_tells_what_answers_from_what_is_champion(production):
    first = production.released()
    site, _ = a_site()
    deploy(production, site, digest=DIGEST)
    second = production.another(first)
    production.promote(second, TOMORROW)

    state = status_of(production.context, production.registry, TOMORROW + HOUR)

    assert state.live is not None
    assert state.live.version == second
    assert {name: (one.version, one.deployed_at) for name, one in state.answering.items()} == {NAME: (first, TOMORROW)}


def test_a_rollback_is_written_down_and_what_is_gone_answers_nothing(production):
    first = production.released()
    site, _ = a_site()
    deploy(production, site, digest=DIGEST)
    second = production.another(first)
    production.promote(second, TOMORROW)
    deploy(production, site, TOMORROW + HOUR)

    back = job.roll_back(production.context, site, Chosen(), as_of=TOMORROW + 2 * HOUR, by="ada", reason="complaints")
    again = Chosen(version=second)
    same = job.roll_back(production.context, site, again, as_of=TOMORROW + 3 * HOUR, by="ada", reason="again")
    nothing = job.roll_back(
        production.context, site, Chosen(version="99"), as_of=TOMORROW + 3 * HOUR, by="ada", reason="again"
    )

    assert (back.returns_to.version, nothing) == (first, None)
    assert (same.leaves, same.returns_to, same.at) == (back.leaves, back.returns_to, back.at)
    name, as_of = production.registry.name, TOMORROW + 4 * HOUR
    answers = answering(deployments(production.tables, name), as_of=as_of)
    assert (answers[NAME].version, answers[NAME].reason) == (first, "complaints")

    job.delete(production.context, production.registry, site, as_of=as_of, by="ada")
    job.delete(production.context, production.registry, site, as_of=as_of, by="ada")

    assert answering(deployments(production.tables, name), as_of=as_of) == {}
    assert [kind for _, _, kind, _ in rows(production)] == ["rollout", "rollout", "rollback", "delete"]


def test_traffic_goes_on_with_what_was_deployed_without_any(production):
    first = production.released()
    site, _ = a_site()
    deploy(production, site, digest=DIGEST)
    second = production.another(first)
    production.promote(second, TOMORROW)

    deploy(production, site, TOMORROW + HOUR, to=0)
    for share in (10, 100):
        job.raise_traffic(production.context, site, as_of=TOMORROW + HOUR, by="ada", to=share)

    assert [(version, share) for version, share, _, _ in rows(production)] == [
        (first, 100),
        (second, 10),
        (second, 100),
    ]


class SlowAt(ProbeOf):
    """A probe whose answers are slow once the idle colour has a share."""

    def __init__(self, online, share):
        super().__init__()
        self.online, self.share = online, share

    def __call__(self, deployment, version, policy):
        self.seconds = {len(self.asked): 3.0} if self.online.found.share == self.share else {}
        return super().__call__(deployment, version, policy)


def prepared(production, first, second):
    """Commands, each with what is done before it; a share at which answers are slow, if it is to be taken back."""

    def deploy_of(version, to=ALL, *, again=False):
        return lambda site: deploy(production, site, version=version, digest=DIGEST, to=to, again=again)

    def at_once(call, **how):
        return lambda site: call(production.context, site, as_of=TOMORROW + HOUR, by="ada", **how)

    def back(site, version=None):
        chosen = Chosen(version=version)
        return job.roll_back(production.context, site, chosen, as_of=TOMORROW + HOUR, by="ada", reason="complaints")

    def gone(site):
        return job.delete(production.context, production.registry, site, as_of=TOMORROW + HOUR, by="ada")

    live = [deploy_of(first)]
    return {
        "the first version": ([], deploy_of(first), None),
        "a second version": (live, deploy_of(second), None),
        "a third version": ([*live, deploy_of(second)], deploy_of(first), None),
        "a second version that is slow": (live, deploy_of(second), 50),
        "a part": (live, deploy_of(second, to=10), None),
        "a version that was taken back": (
            [*live, deploy_of(second, to=10), back],
            deploy_of(second, again=True),
            None,
        ),
        "a version without traffic": (live, deploy_of(second, to=0), None),
        "the first version's traffic": ([deploy_of(first, to=0)], at_once(job.raise_traffic, to=ALL), None),
        "traffic": ([*live, deploy_of(second, to=0)], at_once(job.raise_traffic, to=ALL), None),
        "a part of the traffic": ([*live, deploy_of(second, to=0)], at_once(job.raise_traffic, to=10), None),
        "traffic that is slow": ([*live, deploy_of(second, to=10)], at_once(job.raise_traffic, to=ALL), 50),
        "what is live is taken back": ([*live, deploy_of(second)], back, None),
        "its version is taken back": ([*live, deploy_of(second)], lambda site: back(site, second), None),
        "a rollout is taken back": ([*live, deploy_of(second, to=10)], back, None),
        "a deletion": ([*live, deploy_of(second)], gone, None),
    }


def test_killed_after_any_call_a_second_run_ends_as_one_that_was_not_and_writes_the_same_rows(production):
    first = production.released()
    second = production.another(first)

    def end_of(before, command, slow, *, dies_after):
        online = MemoryEndpoint()
        site = replace(a_site(online)[0], name=f"endpoint {len(made)}")
        made.append(site.name)
        for one in before:
            one(site)
        mortal = MortalEndpoint(online, dies_after)
        site = replace(site, online=mortal, probe=ProbeOf() if slow is None else SlowAt(online, slow))
        for _ in range(2 if dies_after else 1):
            try:
                said = command(site)
            except DeploymentError as err:
                said = str(err).replace(site.name, "it")
            except Killed:
                said = None
        rows = [
            (one.version, one.share, one.kind, one.deployed_at, one.reason)
            for one in deployments(production.tables, production.registry.name)
            if one.endpoint == site.name
        ]
        return mortal.calls, (online.found, rows, said if isinstance(said, str) else "")

    made, others = [], {}
    for name, (before, command, slow) in prepared(production, first, second).items():
        calls, expected = end_of(before, command, slow, dies_after=0)
        ends = {last: end_of(before, command, slow, dies_after=last)[1] for last in range(1, calls + 1)}
        others |= {(name, last): end for last, end in ends.items() if end != expected}

    assert others == {}
    assert len(made) > 100


@pytest.mark.parametrize("digest", ["latest", "sha256:abc", f"{REPOSITORY}@{DIGEST}"])
def test_an_image_is_named_by_a_digest_alone(production, digest):
    production.released()

    with pytest.raises(ConfigError, match="a digest sha256:"):
        deploy(production, a_site()[0], digest=digest)


def test_the_first_deployment_has_to_name_an_image_and_its_repository(production):
    production.released()
    site, _ = a_site()

    with pytest.raises(ConfigError, match="give the digest"):
        deploy(production, site)
    with pytest.raises(ConfigError, match="the setting serving_repository, got None"):
        deploy(production, replace(site, repository=None), digest=DIGEST)


def test_nothing_is_deployed_without_a_champion_or_by_a_version_that_is_not_there(production):
    site, _ = a_site()

    with pytest.raises(RegistryError, match="has no champion"):
        deploy(production, site, digest=DIGEST)
    with pytest.raises(ModelNotFound):
        deploy(production, site, digest=DIGEST, version="99")
    assert site.online.found is None
