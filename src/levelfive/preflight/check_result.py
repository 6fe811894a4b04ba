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


class CheckOutcome(StrEnum):
    """What the workspace answered."""

    OK = "ok"
    MISSING = "missing"
    UNKNOWN = "not answered"
    SKIPPED = "not needed"


@dataclass(frozen=True)
class CheckResult:
    """What a check found, why, and the statement that repairs it."""

    answer: CheckOutcome
    reason: str
    remedy: str = ""

    @property
    def is_fine(self) -> bool:
        """Whether a deployment need not stop for it."""
        return self.answer in (CheckOutcome.OK, CheckOutcome.SKIPPED)


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


def ok(reason: str) -> CheckResult:
    """Say that nothing is missing."""
    return CheckResult(CheckOutcome.OK, reason)


def skipped(reason: str) -> CheckResult:
    """Say that the target needs no such thing."""
    return CheckResult(CheckOutcome.SKIPPED, reason)


def missing(reason: str, remedy: str) -> CheckResult:
    """Say what is missing, and what repairs it."""
    return CheckResult(CheckOutcome.MISSING, reason, remedy)


def not_answered(err: Exception, remedy: str = "") -> CheckResult:
    """Say that the workspace gave no answer, and which error it gave instead."""
    message = " ".join(str(err).split()).partition(SDK_CONFIGURATION)[0]
    return CheckResult(CheckOutcome.UNKNOWN, f"{type(err).__name__}: {message}", remedy)


def together(*results: CheckResult) -> CheckResult:
    """Make one result of several, all of which must be fine: what is missing counts before what is not answered."""
    for answer in (CheckOutcome.MISSING, CheckOutcome.UNKNOWN):
        if any(result.answer is answer for result in results):
            wrong = [result for result in results if not result.is_fine]
            remedies = "; ".join(result.remedy for result in wrong if result.remedy)
            return CheckResult(answer, "; ".join(result.reason for result in wrong), remedies)
    return CheckResult(CheckOutcome.OK, "; ".join(result.reason for result in results))


def guarded(check: Callable[[Question], CheckResult], question: Question) -> CheckResult:
    """Run a check; an error is its result, and stops no other check."""
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
