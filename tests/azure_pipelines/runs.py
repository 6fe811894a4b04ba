"""Walks through an expanded pipeline, and runs it with stages that fail."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

SUCCEEDED, FAILED, SKIPPED = "Succeeded", "Failed", "Skipped"
TOKEN = re.compile(r"\s*(and|or|eq|[(),]|'[^']*'|dependencies\.\w+\.result)")


def jobs(stage: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from stage["jobs"]


def steps(job: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return job["steps"] if "steps" in job else job["strategy"]["runOnce"]["deploy"]["steps"]


def name_of(job: Mapping[str, Any]) -> str:
    return job.get("job") or job["deployment"]


def places(pipeline: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """List all steps, each with the names of its stage and its job."""
    for stage in pipeline["stages"]:
        for job in jobs(stage):
            yield from ((stage["stage"], name_of(job), step) for step in steps(job))


def script(step: Mapping[str, Any]) -> str | None:
    """The shell's part of a step, if it has one."""
    return step.get("bash") or step.get("script") or step.get("inputs", {}).get("inlineScript")


def needs(one: Mapping[str, Any], before: list[str]) -> list[str]:
    """What a stage depends on: by default, on the one before."""
    given = one.get("dependsOn", before[-1:])
    return [given] if isinstance(given, str) else given


def outcome(pipeline: Mapping[str, Any], *failing: str) -> dict[str, str]:
    """Run the stages, of which some fail if they are reached."""
    results: dict[str, str] = {}
    upstream: dict[str, set[str]] = {}
    for stage in pipeline["stages"]:
        name, direct = stage["stage"], needs(stage, list(results))
        upstream[name] = set(direct).union(*(upstream[one] for one in direct))
        if "condition" in stage:
            runs = holds(stage["condition"], {one: results[one] for one in direct})
        else:
            runs = all(results[one] == SUCCEEDED for one in upstream[name])
        results[name] = SKIPPED if not runs else FAILED if name in failing else SUCCEEDED
    return results


def holds(condition: str, results: Mapping[str, str]) -> bool:
    """Evaluate a stage's condition of `and`, `or` and `eq` on the results of what it depends on."""
    tokens, at = [], 0
    while at < len(condition.rstrip()):
        match = TOKEN.match(condition, at)
        assert match, f"not known in a condition: {condition[at:]}"
        tokens.append(match[1])
        at = match.end()

    def value() -> Any:
        token = tokens.pop(0)
        if token.startswith("'"):
            return token.strip("'")
        if token.startswith("dependencies."):
            return results[token.split(".")[1]]
        assert tokens.pop(0) == "("
        arguments = [value()]
        while tokens.pop(0) == ",":
            arguments.append(value())
        if token == "eq":
            return arguments[0] == arguments[1]
        return all(arguments) if token == "and" else any(arguments)

    found = value()
    assert not tokens, f"left over in a condition: {tokens}"
    return found
