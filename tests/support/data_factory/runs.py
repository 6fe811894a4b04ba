"""Runs the factory's pipelines against a made-up workspace, and says which jobs they start with which parameters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

from data_factory.expressions import compute, is_expression, parts
from data_factory.template import Deployed

TUESDAY = datetime(2013, 4, 2, 6, tzinfo=UTC)
MONDAY = datetime(2013, 4, 8, 6, tzinfo=UTC)
A_DAY = timedelta(days=1)


class PipelineFailed(Exception):
    """A Fail activity was reached."""


@dataclass(frozen=True)
class Started:
    """A job that was started, by the id that the workspace gave it."""

    job_id: str
    parameters: dict[str, str]


@dataclass
class Factory:
    """A factory beside a workspace whose jobs are told by id and name.

    Attributes:
        deployed: What the template makes.
        jobs: Names of jobs by their ids; the workspace answers as its Jobs API does.
        started: The jobs that were started, in order.
        asked: The addresses that web activities asked.
    """

    deployed: Deployed
    jobs: Mapping[int, str]
    started: list[Started] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def fire(self, trigger: str, outcome: Mapping[str, Any]) -> None:
        """Run what a trigger starts; `outcome` is what `trigger()` gives."""
        properties = self.deployed.of("triggers")[trigger]
        for one in [properties["pipeline"]] if "pipeline" in properties else properties["pipelines"]:
            values = self._value(one["parameters"], {"trigger": lambda: outcome})
            self.run(one["pipelineReference"]["referenceName"], values)

    def run(self, name: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Run a pipeline; what it returns is what it sets as its return value."""
        pipeline = self.deployed.of("pipelines")[name]
        declared = pipeline.get("parameters", {})
        defaults = {key: one["defaultValue"] for key, one in declared.items() if "defaultValue" in one}
        values = {**defaults, **parameters}
        if values.keys() != declared.keys():
            raise KeyError(f"{name} takes {sorted(declared)}, got {sorted(values)}")
        outputs: dict[str, Any] = {}
        context = {"pipeline": lambda: {"parameters": values}, "activity": lambda key: {"output": outputs[key]}}
        self._activities(pipeline["activities"], context, outputs)
        return outputs.get("", {})

    def _activities(
        self, activities: list[dict[str, Any]], context: Mapping[str, Any], outputs: dict[str, Any]
    ) -> None:
        for activity in in_order(activities):
            outputs[activity["name"]] = self._activity(activity, context, outputs)

    def _activity(self, activity: dict[str, Any], context: Mapping[str, Any], outputs: dict[str, Any]) -> Any:
        given = activity["typeProperties"]
        match activity["type"]:
            case "WebActivity":
                return self._jobs_api(self._value(given["url"], context))
            case "IfCondition":
                branch = "ifTrueActivities" if self._value(given["expression"], context) else "ifFalseActivities"
                self._activities(given.get(branch, []), context, outputs)
            case "Fail":
                raise PipelineFailed(self._value(given["message"], context))
            case "SetVariable":
                outputs[""] = {one["key"]: self._value(one["value"], context) for one in given["value"]}
            case "ExecutePipeline":
                called = self.run(given["pipeline"]["referenceName"], self._value(given["parameters"], context))
                return {"pipelineReturnValue": called}
            case "ForEach":
                for item in self._value(given["items"], context):
                    self._activities(given["activities"], {**context, "item": lambda item=item: item}, outputs)
            case "DatabricksJob":
                parameters = self._value(given["jobParameters"], context)
                self.started.append(Started(self._value(given["jobId"], context), parameters))
            case kind:
                raise NotImplementedError(kind)
        return {}

    def _jobs_api(self, url: str) -> dict[str, Any]:
        self.asked.append(url)
        (name,) = parse_qs(urlsplit(url).query)["name"]
        found = [{"job_id": key, "settings": {"name": one}} for key, one in self.jobs.items() if one == name]
        return {"jobs": found, "has_more": False} if found else {"has_more": False}  # no jobs, no list

    def _value(self, value: Any, context: Mapping[str, Any]) -> Any:
        if isinstance(value, Mapping):
            if value.get("type") == "Expression":
                return self._value(value.get("value", value.get("content")), context)
            return {key: self._value(item, context) for key, item in value.items()}
        if not is_expression(value):
            return value
        found = [one if isinstance(one, str) else compute(one, context) for one in parts(value)]
        return found[0] if len(found) == 1 else "".join(map(str, found))


def started(factory: Factory, jobs: Mapping[str, Any]) -> list[tuple[str, dict[str, str]]]:
    """What a factory started: the keys of the bundle's jobs, and the parameters that they got."""
    keys = {job["name"]: key for key, job in jobs.items()}
    return [(keys[factory.jobs[int(one.job_id)]], one.parameters) for one in factory.started]


def outcome(end: datetime, length: timedelta = A_DAY, *, fired: datetime | None = None) -> dict[str, Any]:
    """What `trigger()` gives of a window, with a time of firing that is as exact as Azure's."""
    fired = fired or end + timedelta(minutes=15)
    return {
        "outputs": {"windowStartTime": written(end - length), "windowEndTime": written(end)},
        "scheduledTime": written(fired),
        "startTime": fired.strftime("%Y-%m-%dT%H:%M:%S.4061448Z"),
    }


def written(moment: datetime) -> str:
    """Write a time as Data Factory does."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def in_order(activities: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Each activity after those that it waits for; the last of those that may begin, as nothing else orders them."""
    waiting, done = list(activities), set[str]()
    while waiting:
        ready = [one for one in waiting if waited_for(one) <= done]
        if not ready:
            raise ValueError(f"these wait for each other, or for none: {[one['name'] for one in waiting]}")
        yield ready[-1]
        done.add(ready[-1]["name"])
        waiting.remove(ready[-1])


def waited_for(activity: Mapping[str, Any]) -> set[str]:
    """The activities that one waits for."""
    return {one["activity"] for one in activity.get("dependsOn", [])}
