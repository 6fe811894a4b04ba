"""Reads the one call of a script step, and finds what it names and does not exist."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, reduce
from pathlib import Path
from typing import Any

from azure_pipelines.runs import places, script
from bundle.offline import ROOT, Deployment, read
from bundle.targets import deployment
from typer.core import TyperGroup

from levelfive.notebook.registry_steps import RegistryStep
from levelfive.notebook.serving import EndpointAction

INSTALLER = ("bash", "deploy/azure-pipelines/install-cli.sh")
"""A file of a published artefact: it has lost the permission to execute."""
BUILDER = ("bash", "deploy/azure-pipelines/build-image.sh")
APPLIER = ("bash", "deploy/azure-pipelines/apply-overlay.sh")
OPERATORS = re.compile(r"[;&|<>]+|\(.*")
# What a shell would run within a word: but for this one, only variables of the pipeline are written like it.
CONTENTS = ("$(cat HEAD)", "$(cat DIGEST)")
SUBSTITUTION = re.compile(r"\$\([^)]*[^\w.)][^)]*\)|`")
# What may follow `databricks bundle`, each option with whether it takes a value.
BUNDLE = {
    "validate": {},
    "plan": {"-o": True},
    "deploy": {"--plan": True, "--auto-approve": False, "--select": True},
    "run": {"--params": True},
}
EVERYWHERE = {"-t": True, "--var": True}


class CallError(Exception):
    """A script is not one call of make, levelfive or `databricks bundle`."""


@dataclass(frozen=True)
class Call:
    """The words of a call, and the file that its output goes to."""

    words: tuple[str, ...]
    output: str | None = None

    @property
    def is_bundle(self) -> bool:
        return self.words[:2] == ("databricks", "bundle")

    @property
    def verb(self) -> str:
        return self.words[2]

    @property
    def job(self) -> str | None:
        return self.words[3] if self.is_bundle and self.verb == "run" else None

    def given(self, option: str) -> list[str]:
        return [value for name, value in zip(self.words, self.words[1:], strict=False) if name == option]

    @property
    def target(self) -> str:
        (target,) = self.given("-t")
        return target

    @property
    def params(self) -> dict[str, str]:
        return dict(pair.split("=", 1) for text in self.given("--params") for pair in text.split(","))

    @property
    def shape(self) -> tuple[str, ...]:
        """What a person types, whatever the values."""
        if self.words[:2] == APPLIER:
            return self.words[:3]
        if self.words[:2] in (INSTALLER, BUILDER):
            return self.words[:2]
        if not self.is_bundle:
            return tuple(word.partition("=")[0] for word in self.words if not word.startswith("ARGS="))
        options = sorted(word for word in self.words if word.startswith("-"))
        step = [f"{name}={self.params[name]}" for name in ("step", "action") if name in self.params]
        return (self.verb, self.job or "", self.target, *options, *sorted(self.params), *step)


def parse(script: str) -> Call:
    """Read a script that must be a single call; its output may go to a file.

    Raises:
        CallError: It is something else.
    """
    lexer = shlex.shlex(script, posix=True, punctuation_chars=";&|<>")
    lexer.whitespace_split = True
    lexer.commenters = ""
    if "\n" in script.strip() or SUBSTITUTION.search(reduce(lambda text, one: text.replace(one, ""), CONTENTS, script)):
        raise CallError(f"more than one call: {script!r}")
    words = list(lexer)
    output = None
    if len(words) > 2 and words[-2] == ">":
        output, words = words[-1], words[:-2]
    if any(OPERATORS.fullmatch(word) for word in words):
        raise CallError(f"more than one call: {script!r}")
    call = Call(tuple(words), output)
    known = words[:1] in (["make"], ["levelfive"]) or call.words[:2] in (INSTALLER, BUILDER, APPLIER)
    if not (known or (call.is_bundle and len(words) > 2)):
        raise CallError(f"neither make nor levelfive nor databricks bundle: {script!r}")
    return call


def calls_of(pipeline: Mapping[str, Any], stage: str) -> list[Call]:
    """Read the calls of a stage of an expanded pipeline, in their order."""
    return [parse(text) for of, _, step in places(pipeline) if of == stage and (text := script(step))]


@dataclass(frozen=True)
class Project:
    """What calls may name."""

    makefile: str
    command: TyperGroup
    root: Path = ROOT

    def faults(self, call: Call) -> Iterator[str]:
        """Say what a call names and does not exist."""
        if call.is_bundle:
            yield from _faults_of_bundle(call)
        elif call.words[0] == "make":
            yield from self._faults_of_make(call)
        elif call.words[0] == "levelfive":
            yield from _faults_of_command(self.command, call.words[1:])
        elif call.words[:2] == BUILDER:
            if len(call.words) != 6 or not (self.root / BUILDER[1]).is_file():
                yield f"{BUILDER[1]} takes a repository, a base, a tag and a place, and has to be there"
        elif call.words[:2] == APPLIER:
            if len(call.words) != 5 or not (self.root / APPLIER[1]).is_file():
                yield f"{APPLIER[1]} takes an overlay, a cluster and a deployment, and has to be there"
        elif len(call.words) != 3 or not (self.root / INSTALLER[1]).is_file():
            yield f"{INSTALLER[1]} takes a version, and has to be there"

    def _faults_of_make(self, call: Call) -> Iterator[str]:
        recipes = _recipes(self.makefile)
        targets = [word for word in call.words[1:] if "=" not in word]
        yield from (f"make has no target {one}" for one in targets if one not in recipes)
        for name in (word.partition("=")[0] for word in call.words[1:] if "=" in word):
            if not any(f"$({name})" in recipes.get(target, "") for target in targets):
                yield f"make {' '.join(targets)} does not take {name}"


@cache
def _declared() -> dict[str, Any]:
    return read(ROOT)


def _recipes(makefile: str) -> dict[str, str]:
    found = re.finditer(r"^([a-z][a-z0-9-]*):(?!=).*\n((?:\t.*\n)*)", makefile, re.MULTILINE)
    return {match[1]: match[2] for match in found}


def _faults_of_command(command: Any, words: tuple[str, ...]) -> Iterator[str]:
    shared = {option for one in command.params for option in one.opts}
    while words[:1] and words[0] in shared:  # each with its value
        words = words[2:]
    while hasattr(command, "commands"):
        name, words = (words[0], words[1:]) if words else ("", ())
        found = command.commands.get(name)
        if found is None:
            yield f"{command.name} has no command {name!r}"
            return
        command = found
    known = {option for one in command.params for option in one.opts}
    yield from (f"{command.name} has no option {one}" for one in words if one.startswith("-") and one not in known)


def _faults_of_bundle(call: Call) -> Iterator[str]:
    if call.verb not in BUNDLE:
        yield f"databricks bundle {call.verb} is not used here"
        return
    options = BUNDLE[call.verb] | EVERYWHERE
    words = iter(call.words[4:] if call.verb == "run" else call.words[3:])
    for word in words:
        if word not in options:
            yield f"databricks bundle {call.verb} takes no {word}"
        elif options[word]:
            next(words, None)
    declared = _declared()
    if len(call.given("-t")) != 1 or call.target not in declared["targets"]:
        yield f"not one target of the bundle: {call.given('-t')}"
        return
    yield from (
        f"no variable {one}" for one in call.given("--var") if one.partition("=")[0] not in declared["variables"]
    )
    found = deployment(call.target)
    for name in call.given("--select"):
        kind, _, key = name.partition(".")
        if key not in found.resources.get(kind, {}):
            yield f"no resource {name}"
    if call.verb == "run":
        yield from _faults_of_run(call, found)


def _faults_of_run(call: Call, found: Deployment) -> Iterator[str]:
    job: dict[str, Any] | None = found.jobs.get(call.job or "")
    if job is None:
        yield f"no job {call.job}"
        return
    known = {one["name"] for one in job["parameters"]}
    yield from (f"the job {call.job} has no parameter {name}" for name in call.params if name not in known)
    if "step" in known and call.params.get("step") not in set(RegistryStep):
        yield f"the job {call.job} has no step {call.params.get('step')!r}"
    if "action" in known and call.params.get("action") not in set(EndpointAction):
        yield f"the job {call.job} has no action {call.params.get('action')!r}"
