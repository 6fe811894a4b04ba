"""An endpoint to roll out to, without Azure: what the decisions and the steps of a rollout are tested with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from levelfive.deployment.budget import ProbeAnswer
from levelfive.deployment.endpoint import READY, Deployment, Endpoint, Package
from levelfive.deployment.rollout import RolloutPolicy

NAME = "flight-delay-prod"
MODEL = "levelfive.prod.flight_delay"
IMAGE = "levelfive.azurecr.io/serving@sha256:" + "a" * 64
AT = "2013-05-01T06:00:00+00:00"


def a_package(version: str = "2", **changes: str) -> Package:
    return replace(Package(MODEL, version, version.rjust(64, "0"), IMAGE), **changes)


def an_endpoint(
    versions: Mapping[str, str] | None = None,
    traffic: Mapping[str, int] | None = None,
    *,
    state: str = READY,
    states: Mapping[str, str] | None = None,
    **tags: str,
) -> Endpoint:
    """An endpoint by the versions of its deployments; tags are named without `levelfive_`."""
    deployments = {
        name: Deployment(name, (states or {}).get(name, READY), a_package(version), deployed_at=AT)
        for name, version in (versions or {}).items()
    }
    named = {f"levelfive_{name}": value for name, value in tags.items()}
    return Endpoint(NAME, state, dict(traffic or {}), deployments, named)


@dataclass
class MemoryEndpoint:
    """An `OnlineEndpoint` that keeps what it is told; versions in `fails` do not start."""

    found: Endpoint | None = None
    fails: frozenset[str] = frozenset()
    did: list[str] = field(default_factory=list)

    def read(self) -> Endpoint | None:
        return self.found

    def check_file(self) -> None:
        pass

    def create(self) -> None:
        self.did.append("create")
        self.found = an_endpoint()

    def add(self, colour: str, package: Package, tags: Mapping[str, str]) -> None:
        self.did.append(f"add {colour} {package.version}")
        self._hold({**self._there.deployments, colour: Deployment.of_tags(colour, READY, tags)})

    def wait(self, colour: str) -> None:
        self.did.append(f"wait {colour}")
        ready = replace(self._there.deployments[colour], state=READY)
        self._hold({**self._there.deployments, colour: ready})

    def remove(self, colour: str) -> None:
        self.did.append(f"remove {colour}")
        self._hold({name: one for name, one in self._there.deployments.items() if name != colour})

    def route(self, traffic: Mapping[str, int], tags: Mapping[str, str]) -> None:
        self.did.append(f"route {dict(traffic)}")
        kept = {name: value for name, value in {**self._there.tags, **tags}.items() if value}
        self.found = replace(self._there, traffic=dict(traffic), tags=kept)

    def delete(self) -> None:
        self.did.append("delete")
        self.found = None

    @property
    def _there(self) -> Endpoint:
        assert self.found is not None
        return self.found

    def _hold(self, deployments: Mapping[str, Deployment]) -> None:
        self.found = replace(self._there, deployments=dict(deployments))


class Killed(BaseException):
    """The process ended here."""


class MortalEndpoint:
    """An `OnlineEndpoint` whose process ends right after the n-th call, counted from 1; 0 for never."""

    def __init__(self, online: MemoryEndpoint, dies_after: int = 0) -> None:
        self.online, self.dies_after, self.calls = online, dies_after, 0

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            result = getattr(self.online, name)(*arguments)
            self.calls += 1
            if self.calls == self.dies_after:
                raise Killed(name)
            return result

        return call


@dataclass
class ProbeOf:
    """A probe whose answers are as long, in seconds, and as wrong as is said for the n-th measurement, from 0 on."""

    seconds: Mapping[int, float] = field(default_factory=dict)
    faults: Mapping[int, str] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)

    def __call__(self, deployment: str, version: str, policy: RolloutPolicy) -> Sequence[ProbeAnswer]:
        nth = len(self.asked)
        self.asked.append((deployment, version))
        return [ProbeAnswer(self.seconds.get(nth, 0.01), self.faults.get(nth, ""))] * policy.requests
