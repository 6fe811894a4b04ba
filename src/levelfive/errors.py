"""Every error that levelfive raises on purpose.

LevelfiveError
├── ConfigError            a setting, parameter or use case is wrong; nothing was started
│   └── AsOfError          the logical time is malformed or lies before the data
├── MachineError           the machine lacks something (Java, an extra of the wheel)
├── DataError              landing files or tables are not what was promised
│   ├── LandingError       a file is missing, unreadable, empty, changed or delivered twice
│   └── ContractError      a file breaks its source's contract as a whole
├── TableError             a table is missing, or a write was refused
│   └── TableConflict      another writer committed first
├── OnlineStoreError       the online store cannot be reached, or does not hold what was asked for
│   ├── NotKept            the time that was asked for lies before what is kept
│   └── OnlineStoreConflict    another publication came first
├── EvidenceError          too little data to train or to judge
├── DeploymentError        an online endpoint refused, or what was deployed does not do
│   └── DeploymentConflict the endpoint is not as levelfive leaves it, or another rollout is under way
├── RequestError           a request to the service is none that it answers
├── NotServing             the service cannot answer now
├── UploadError            Azure Storage took no file
└── RegistryError          the central registry refused, or does not hold what was asked for
    ├── ModelNotFound      the registry's own not-found answer
    ├── DamagedModel       a version's files are gone, or not those that were registered
    └── PromotionConflict  another writer took the next place in the promotions
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Mapping


def unusable(err: OSError) -> str:
    """Say what the system refused: a place that cannot be read or written, or a full disk."""
    place = "" if err.filename is None else f"{err.filename} "
    why = err.strerror or str(err) or type(err).__name__
    if err.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{place}cannot be written: {why}. Free space there, or name another place"
    return f"{place}cannot be read or written: {why}. Name another place, or ask for the right to use this one"


def first_line(err: BaseException | None) -> str:
    """Say what an error says, in one line."""
    message = str(getattr(err, "message", err))
    return next((line.strip() for line in message.splitlines() if line.strip()), type(err).__name__)


def require(is_met: bool, demand: str, *, got: object, remedy: str, error: type[LevelfiveError]) -> None:
    """Refuse a value that does not meet a demand: the message says what was expected, what came, and what to do.

    Raises:
        LevelfiveError: The demand is not met; it is of the kind `error`.
    """
    if not is_met:
        raise error(f"{demand}, got {got!r}; {remedy}")


class LevelfiveError(Exception):
    """Base of all errors raised on purpose: the message says what was expected, what came, what to do."""


class ConfigError(LevelfiveError):
    """A setting, parameter or use case is wrong."""


class AsOfError(ConfigError):
    """The logical time is malformed, or lies before the data."""


class MachineError(LevelfiveError):
    """The machine lacks something that levelfive needs."""


class DataError(LevelfiveError):
    """Landing files or tables are not what was promised."""


class LandingError(DataError):
    """A landing file is missing, unreadable, empty, changed or delivered twice."""


class ContractError(DataError):
    """A landing file breaks the contract of its source as a whole."""


class TableError(LevelfiveError):
    """A table is missing, or a write was refused."""


class TableConflict(TableError):
    """Another writer committed first."""


class OnlineStoreError(LevelfiveError):
    """The online store cannot be reached, or does not hold what was asked for."""


class NotKept(OnlineStoreError):
    """The time that was asked for lies before what the online store keeps."""


class OnlineStoreConflict(OnlineStoreError):
    """Another publication came first."""


class EvidenceError(LevelfiveError):
    """There is too little data to train a model or to judge one."""


class DeploymentError(LevelfiveError):
    """An online endpoint refused, did not answer, or what was deployed to it does not do."""


class DeploymentConflict(DeploymentError):
    """An online endpoint is not as levelfive leaves it, or another rollout is under way."""


class RequestError(LevelfiveError):
    """A request to the service is none that it answers.

    Attributes:
        status: Of HTTP, from 400 to 499.
        headers: What goes with the answer.
    """

    def __init__(self, message: str, *, status: int = 422, headers: Mapping[str, str] | None = None) -> None:
        """Say what of the request is wrong, and what is wanted."""
        super().__init__(message)
        self.status = status
        self.headers = dict(headers or {})


class NotServing(LevelfiveError):
    """The service cannot answer now: a model, a table or the store is not there."""


class UploadError(LevelfiveError):
    """Azure Storage did not take a file, or did not answer."""


class RegistryError(LevelfiveError):
    """The central registry refused, or does not hold what was asked for."""


class ModelNotFound(RegistryError):
    """The registry answered that a model or version does not exist."""


class DamagedModel(RegistryError):
    """The files of a version are gone, or not those that were registered."""


class PromotionConflict(RegistryError):
    """Another writer took the next place in the promotions first."""


class translating:
    """Raises what an error of the block is translated into; ours, and those for which that is None, pass as they are.

    Args:
        translate: Finds the error of ours for one of a library.

    Raises:
        LevelfiveError: What the error was translated into.
    """

    def __init__(self, translate: Callable[[Exception], LevelfiveError | None]) -> None:
        """Remember how to translate."""
        self._translate = translate

    def __enter__(self) -> None:
        """Begin the block."""

    def __exit__(self, _: object, err: BaseException | None, __: object) -> None:
        """Translate the error that ended the block."""
        if isinstance(err, Exception) and not isinstance(err, LevelfiveError):
            ours = self._translate(err)
            if ours is not None:
                raise ours from err
