"""Walks through an expanded pipeline, and runs it with stages that fail."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

SUCCEEDED, WITH_ISSUES, FAILED = "Succeeded", "SucceededWithIssues", "Failed"
SKIPPED, CANCELED = "Skipped", "Canceled"
FUNCTIONS = ("and", "or", "not", "eq", "in", "canceled")
TOKEN = re.compile(rf"\s*((?:{'|'.join(FUNCTIONS)})(?=\()|[(),]|'[^']*'|dependencies\.\w+\.result)")


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


def outcome(pipeline: Mapping[str, Any], *failing: str, **ending: str) -> dict[str, str]:
    """Run the stages, of which some fail, or end in another way, if they are reached; `Canceled` cancels the run."""
    ending |= dict.fromkeys(failing, FAILED)
    results: dict[str, str] = {}
    upstream: dict[str, set[str]] = {}
    for stage in pipeline["stages"]:
        name, direct = stage["stage"], needs(stage, list(results))
        upstream[name] = set(direct).union(*(upstream[one] for one in direct))
        if "condition" in stage:
            canceled = CANCELED in results.values()
            runs = holds(stage["condition"], {one: results[one] for one in direct}, canceled=canceled)
        else:
            runs = all(results[one] in (SUCCEEDED, WITH_ISSUES) for one in upstream[name])
        results[name] = ending.get(name, SUCCEEDED) if runs else SKIPPED
    return results


def holds(condition: str, results: Mapping[str, str], *, canceled: bool = False) -> bool:
    """Evaluate a stage's condition on the results of what it depends on, and on whether the run was cancelled."""
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
        arguments = []
        while tokens.pop(0) != ")":
            if tokens[0] != ")":
                arguments.append(value())
        match token:
            case "canceled":
                return canceled
            case "not":
                return not arguments[0]
            case "eq" | "in":
                return arguments[0] in arguments[1:]
            case _:
                return all(arguments) if token == "and" else any(arguments)

    found = value()
    assert not tokens, f"left over in a condition: {tokens}"
    return found
