"""What a check of the workspace is given, and what it finds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, TypeVar

from levelfive.errors import ConfigError

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

    from levelfive.preflight.target import Target

T = TypeVar("T")

# Everybody is in the first group of an account, and in the second one of a workspace.
EVERYBODY = frozenset({"account users", "users"})
SDK_CONFIGURATION = ". Config: "  # begins what the SDK appends to a refusal
# The SDK's own errors and those of the network are OSErrors; a ValueError is an answer that it cannot read.
NO_ANSWER = (OSError, ValueError, ConfigError)


class Answer(StrEnum):
    """What the workspace answered."""

    OK = "ok"
    MISSING = "missing"
    UNKNOWN = "not answered"
    SKIPPED = "not needed"


@dataclass(frozen=True)
class Finding:
    """What a check found, why, and the statement that repairs it."""

    answer: Answer
    reason: str
    remedy: str = ""

    @property
    def is_fine(self) -> bool:
        """Whether a deployment need not stop for it."""
        return self.answer in (Answer.OK, Answer.SKIPPED)


@dataclass(frozen=True)
class Principal:
    """Somebody to whom things are granted, by name or through a group.

    Attributes:
        name: A user's name, or the application id of a service principal.
        groups: The groups they are in.
        short_name: What development mode puts into the names of their resources.
        entitlements: What the workspace lets them do beside what is granted on objects.
    """

    name: str
    groups: frozenset[str] = frozenset()
    short_name: str = ""
    entitlements: frozenset[str] = frozenset()

    @property
    def names(self) -> frozenset[str]:
        """Every name under which a grant reaches them."""
        return self.groups | EVERYBODY | {self.name}


@dataclass(frozen=True)
class Question:
    """What every check knows.

    Attributes:
        client: The workspace to ask.
        target: The target of the bundle.
        principal: Whom the jobs run as.
        caller: Who asks, and would deploy; None if the workspace does not say.
    """

    client: WorkspaceClient
    target: Target
    principal: Principal
    caller: Principal | None

    @property
    def asked_by_it(self) -> bool:
        """Whether the principal itself asks: what it is shown, it may use."""
        return self.caller is not None and self.caller.name == self.principal.name


def ok(reason: str) -> Finding:
    """Say that nothing is missing."""
    return Finding(Answer.OK, reason)


def skipped(reason: str) -> Finding:
    """Say that the target needs no such thing."""
    return Finding(Answer.SKIPPED, reason)


def missing(reason: str, remedy: str) -> Finding:
    """Say what is missing, and what repairs it."""
    return Finding(Answer.MISSING, reason, remedy)


def not_answered(err: Exception, remedy: str = "") -> Finding:
    """Say that the workspace gave no answer, and which error it gave instead."""
    message = " ".join(str(err).split()).partition(SDK_CONFIGURATION)[0]
    return Finding(Answer.UNKNOWN, f"{type(err).__name__}: {message}", remedy)


def together(*findings: Finding) -> Finding:
    """Make one finding of several, all of which must be fine: what is missing counts before what is not answered."""
    for answer in (Answer.MISSING, Answer.UNKNOWN):
        if any(finding.answer is answer for finding in findings):
            wrong = [finding for finding in findings if not finding.is_fine]
            remedies = "; ".join(finding.remedy for finding in wrong if finding.remedy)
            return Finding(answer, "; ".join(finding.reason for finding in wrong), remedies)
    return Finding(Answer.OK, "; ".join(finding.reason for finding in findings))


def guarded(check: Callable[[Question], Finding], question: Question) -> Finding:
    """Run a check; an error is its finding, and stops no other check."""
    try:
        return check(question)
    except NO_ANSWER as err:
        return not_answered(err)


def found_or_none(ask: Callable[[], T]) -> T | None:
    """Ask for an object; None if the workspace says that there is none, by whichever of its two errors."""
    from databricks.sdk.errors import InvalidParameterValue, NotFound

    try:
        return ask()
    except (NotFound, InvalidParameterValue):  # some services call an id that they do not know an invalid one
        return None
