"""Finds what a pipeline or a trigger refers to and does not have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from data_factory.expressions import Reference, expressions, parts, references
from data_factory.runs import waited_for

NESTED = ("activities", "ifTrueActivities", "ifFalseActivities")
# https://learn.microsoft.com/azure/data-factory/control-flow-system-variables
OF_TRIGGERS = {
    "TumblingWindowTrigger": {
        ("outputs", "windowStartTime"),
        ("outputs", "windowEndTime"),
        ("scheduledTime",),
        ("startTime",),
    },
    "ScheduleTrigger": {("scheduledTime",), ("startTime",)},
    "BlobEventsTrigger": {("startTime",)},
}


@dataclass(frozen=True)
class Place:
    """An activity, the names of those that end before it begins, and whether a loop holds it."""

    activity: Mapping[str, Any]
    before: frozenset[str]
    looped: bool


def places(
    activities: list[dict[str, Any]], before: frozenset[str] = frozenset(), looped: bool = False
) -> Iterator[Place]:
    """List all activities, those within others too."""
    by_name = {one["name"]: one for one in activities}

    def earlier(name: str) -> frozenset[str]:
        waits_for = waited_for(by_name[name]) & by_name.keys()
        return frozenset(waits_for).union(*(earlier(one) for one in waits_for))

    for name, activity in by_name.items():
        here = before | earlier(name)
        yield Place(activity, here, looped)
        for key in NESTED:
            loops = looped or activity["type"] == "ForEach"
            yield from places(activity["typeProperties"].get(key, []), here, loops)


def activities(pipelines: Mapping[str, Any], kind: str) -> list[tuple[str, Mapping[str, Any]]]:
    """List the activities of a kind, each with the name of its pipeline."""
    return [
        (name, place.activity)
        for name, pipeline in pipelines.items()
        for place in places(pipeline["activities"])
        if place.activity["type"] == kind
    ]


def lost_in_pipeline(pipeline: Mapping[str, Any], pipelines: Mapping[str, Any]) -> list[str]:
    """List the references of a pipeline's expressions that lead nowhere."""
    found = list(places(pipeline["activities"]))
    kinds = {place.activity["name"]: place.activity for place in found}

    def leads_somewhere(reference: Reference, place: Place) -> bool:
        match reference.name, reference.arguments, reference.path:
            case "pipeline", (), ("parameters", name):
                return name in pipeline.get("parameters", {})
            case "variables", (name,), ():
                return name in pipeline.get("variables", {})
            case "item", (), ():
                return place.looped
            case "activity", (name,), ("output", *path):
                if name not in place.before:
                    return False
                if kinds[name]["type"] != "ExecutePipeline":
                    return bool(path)
                called = pipelines[kinds[name]["typeProperties"]["pipeline"]["referenceName"]]
                return path in [["pipelineReturnValue", key] for key in returned(called)]
        return False

    lost = []
    for place in found:
        given = {key: value for key, value in place.activity["typeProperties"].items() if key not in NESTED}
        own = [reference for text in expressions(given) for reference in referred(text)]
        lost += [f"{place.activity['name']}: {one}" for one in own if not leads_somewhere(one, place)]
    return lost


def lost_in_trigger(trigger: Mapping[str, Any]) -> list[str]:
    """List the references of a trigger's expressions that it cannot give."""
    found = [reference for text in expressions(trigger) for reference in referred(text)]
    known = OF_TRIGGERS[trigger["type"]]
    return [str(one) for one in found if (one.name, one.arguments) != ("trigger", ()) or one.path not in known]


def referred(text: str) -> Iterator[Reference]:
    """List what a text of Data Factory refers to."""
    for part in parts(text):
        if not isinstance(part, str):
            yield from references(part)


def returned(pipeline: Mapping[str, Any]) -> set[str]:
    """The keys of what a pipeline returns."""
    return {
        one["key"]
        for place in places(pipeline["activities"])
        if place.activity["typeProperties"].get("setSystemVariable")
        for one in place.activity["typeProperties"]["value"]
    }
