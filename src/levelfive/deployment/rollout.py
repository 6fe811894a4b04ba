"""Decides what comes next on the way of a package to all of the traffic; asks nobody, changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto

from levelfive.deployment.endpoint import (
    BEFORE,
    FAILED,
    LIVE,
    LIVE_SINCE,
    LONGEST_TAG,
    READY,
    REFUSED,
    REFUSED_AT,
    REFUSED_BECAUSE,
    Deployment,
    Endpoint,
    Package,
)
from levelfive.errors import ConfigError, DeploymentConflict

ALL = 100
# What to type next.
DEPLOY = "levelfive serving deploy --as-of TIME"
FINISH = "levelfive serving traffic 100 --as-of TIME"
TAKE_BACK = "levelfive serving rollback --as-of TIME --reason WHY"


@dataclass(frozen=True)
class RolloutPolicy:
    """How a package gets its traffic.

    Args:
        steps: Shares of the traffic in percent, rising to 100.
        requests: How many sample requests are sent to the deployment at each share, 0 included.
        max_failed: How many of a hundred of them may fail.
        max_p95: What the slowest 5 % of the answers must stay below.
        hold: How long the requests of one share are spread over.

    Raises:
        ConfigError: A value is out of its range.
    """

    steps: tuple[int, ...] = (10, 50, ALL)
    requests: int = 50
    max_failed: float = 0.0
    max_p95: timedelta = timedelta(milliseconds=300)
    hold: timedelta = timedelta(0)

    def __post_init__(self) -> None:
        """Check what a person set."""
        if list(self.steps) != sorted(set(self.steps)) or not self.steps or self.steps[0] < 1 or self.steps[-1] != ALL:
            raise ConfigError(
                f"steps of a rollout rise from 1 or more to {ALL} percent, got {self.steps!r}; say 10,50,100"
            )
        if self.requests < 1 or not 0 <= self.max_failed <= ALL or self.max_p95 <= timedelta(0):
            raise ConfigError(
                "a rollout needs 1 request or more, 0 to 100 percent that may fail, and a latency above 0"
            )


class RolloutAction(Enum):
    """What has to be done before a package can be given traffic.

    To begin is to take off the endpoint what earlier rollouts left: what was live before is about to go.
    """

    CREATE_ENDPOINT = auto()
    BEGIN = auto()
    WAIT = auto()
    REMOVE = auto()
    ADD = auto()
    ROLL_OUT = auto()
    NOTHING = auto()


def next_action(endpoint: Endpoint | None, package: Package, *, again: bool = False) -> RolloutAction:
    """Decide the next action on the way of a package to its place.

    Args:
        endpoint: What there is.
        package: What is to answer.
        again: Whether a package that was taken back once may be tried again.

    Raises:
        DeploymentConflict: The endpoint is not as levelfive leaves it, another rollout is under way, or the package was
            taken back.
    """
    if endpoint is None:
        return RolloutAction.CREATE_ENDPOINT
    check(endpoint)
    live, new = endpoint.live, endpoint.new
    if live is not None and live.package == package and endpoint.share == 0:
        return RolloutAction.NOTHING
    if endpoint.tags.get(REFUSED) == package.identity and not again:
        raise DeploymentConflict(
            f"version {package.version} was taken back from {endpoint.name}: {endpoint.tags.get(REFUSED_BECAUSE)}. "
            "Mend that and deploy it with --again, or roll back in the registry too (`levelfive registry rollback "
            "--as-of TIME --reason WHY`)"
        )
    if endpoint.share and (new is None or new.package != package):
        raise DeploymentConflict(
            f"{_holds(new)} has {endpoint.share} % of the traffic of {endpoint.name}: finish that rollout "
            f"(`{FINISH}`), or take it back (`{TAKE_BACK}`)"
        )
    if any(endpoint.tags.get(tag) for tag in (BEFORE, REFUSED)):
        return RolloutAction.BEGIN
    if new is None:
        return RolloutAction.ADD
    if new.state not in (READY, FAILED):
        return RolloutAction.WAIT
    return RolloutAction.ROLL_OUT if new.is_ready and new.package == package else RolloutAction.REMOVE


def check(endpoint: Endpoint) -> None:
    """Refuse an endpoint whose traffic somebody else has set, or that is being changed.

    Raises:
        DeploymentConflict: It is so.
    """
    if endpoint.state != READY:
        raise DeploymentConflict(
            f"{endpoint.name} is {endpoint.state}: wait for who changes it, or see in Azure why it failed, then run "
            "this again"
        )
    others = endpoint.traffic.keys() - {endpoint.tags.get(LIVE), endpoint.idle_colour}
    has_live_tag, total = LIVE in endpoint.tags, sum(endpoint.traffic.values())
    if (
        others
        or (has_live_tag and endpoint.live is None)
        or total != (ALL if has_live_tag else endpoint.share)
        or total not in (0, ALL)
    ):
        raise DeploymentConflict(
            f"the traffic of {endpoint.name} is {dict(endpoint.traffic)}, and its tag {LIVE} says "
            f"{endpoint.tags.get(LIVE)!r}: "
            f"levelfive did not leave it so. Give the tag and all traffic to one of blue and green in Azure, then run "
            "this again"
        )


def traffic_of(endpoint: Endpoint, share: int) -> dict[str, int]:
    """Give the idle colour a share, and what is live the rest; alone, a deployment has all or nothing."""
    if endpoint.live is None:
        return {endpoint.idle_colour: ALL} if share else {}
    both = {endpoint.live.name: ALL - share, endpoint.idle_colour: share}
    return {name: percent for name, percent in both.items() if percent}


def within_reach(endpoint: Endpoint, to: int) -> int:
    """Tell which share a rollout to `to` ends with: beside a first version no other one answers, it has all or none."""
    return to if endpoint.live is not None or to == ALL else endpoint.share


def next_share(endpoint: Endpoint, steps: Sequence[int], to: int) -> int:
    """Decide which share comes after the present one, on the way to `to`; where nothing is live, all at once."""
    if endpoint.live is None:
        return ALL
    return min([step for step in (*steps, to) if endpoint.share < step <= to], default=to)


def check_share(to: int) -> None:
    """Refuse a share that no rollout can reach.

    Raises:
        ConfigError: It is none.
    """
    if not 1 <= to <= ALL:
        raise ConfigError(f"a share is a whole number from 1 to {ALL} percent, got {to}; 0 is `{TAKE_BACK}`")


def rolling_out(endpoint: Endpoint | None, to: int) -> Deployment:
    """Find the deployment whose share is to rise.

    Raises:
        ConfigError: The share is none that can be reached.
        DeploymentConflict: There is none, it is not ready, or it has more already.
    """
    check_share(to)
    if endpoint is None:
        raise DeploymentConflict(f"there is no endpoint yet: `{DEPLOY}` makes it")
    check(endpoint)
    new = endpoint.new
    if (
        new is None
        or not new.is_ready
        or new.package is None
        or any(endpoint.tags.get(tag) for tag in (BEFORE, REFUSED))
    ):
        raise DeploymentConflict(f"{endpoint.name} has no version that is being rolled out: `{DEPLOY}` begins")
    if endpoint.share > to:
        raise DeploymentConflict(
            f"{_holds(new)} has {endpoint.share} % already, not {to} %; to take it back: `{TAKE_BACK}`"
        )
    return new


TAGS_OF_BEGIN = {BEFORE: "", REFUSED: "", REFUSED_BECAUSE: "", REFUSED_AT: ""}


def tags_of_live(endpoint: Endpoint, at: str) -> dict[str, str]:
    """The tags that make the idle colour the live one; what a rollback would go to is the one from before."""
    before = "" if endpoint.live is None else endpoint.live.name
    return {**TAGS_OF_BEGIN, LIVE: endpoint.idle_colour, LIVE_SINCE: at, BEFORE: before}


def tags_of_refusal(package: Package, because: str, at: str) -> dict[str, str]:
    """The tags that keep a package from being tried again by itself."""
    return {REFUSED: package.identity, REFUSED_BECAUSE: because[:LONGEST_TAG], REFUSED_AT: at}


def _holds(deployment: Deployment | None) -> str:
    version = "an unknown version" if deployment is None or deployment.package is None else deployment.package.version
    return f"version {version}" if deployment and deployment.package else version
