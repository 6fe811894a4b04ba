"""What answers now: the registry's champion, bound to what the online store holds; both are looked at again and again.

The next champion is loaded beside the one that answers, and takes its place in one step.
"""

from __future__ import annotations

import logging
import threading
import traceback
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from levelfive.core.windows import iso
from levelfive.errors import LevelfiveError, ModelNotFound, NotServing, RegistryError, first_line
from levelfive.online.store import OnlineStore, TableState
from levelfive.registry.store import CHAMPION, CentralRegistry
from levelfive.serving.requests import MAX_ROWS
from levelfive.serving.scorer import Scorer
from levelfive.serving.version import ServedVersion, version_of
from levelfive.telemetry.tracing import event

_PATIENCE = 1.0  # seconds
MODEL, STORE, TABLES, NEXT = "model", "store", "tables", "next version"


class Live:
    """Holds the scorer that answers.

    Args:
        registry: Where versions come from; None where `take` is given the only one.
        store: Where features are read; None for a version without lookups.
        version: The version to serve; by default, the registry's champion.
        max_staleness: See `Scorer`; by default, what the version says.
        max_rows: How many rows one request may ask for.
    """

    def __init__(
        self,
        registry: CentralRegistry | None,
        store: OnlineStore | None,
        *,
        version: str | None = None,
        max_staleness: timedelta | None = None,
        max_rows: int = MAX_ROWS,
    ) -> None:
        """Begin with nothing; see `refresh`."""
        self._registry, self._store, self._version = registry, store, version
        self._max_staleness, self._max_rows = max_staleness, max_rows
        self._states: Mapping[str, TableState] = {}
        self._served_versions: list[ServedVersion] = []  # the newest, and the one that answers until the newest can
        self._binding = threading.Lock()
        self._scorer: Scorer | None = None
        self.troubles: dict[str, str] = {MODEL: "no version was loaded yet"}
        self.refusal: ModelNotFound | None = None
        """Why there is nothing to wait for: the registry answered that it does not have the version to serve."""
        self.failures = 0
        self.swaps = 0

    @property
    def scorer(self) -> Scorer:
        """What answers.

        Raises:
            NotServing: Nothing does; the message says why.
        """
        if self._scorer is None:
            raise NotServing("; ".join(f"{name}: {why}" for name, why in self.troubles.items()))
        return self._scorer

    def refresh(self) -> None:
        """Look at store and registry."""
        self.refresh_states()
        self.refresh_version()

    def refresh_states(self) -> None:
        """Look at what the store holds."""
        if self._store is None:
            return
        try:
            states = self._store.states()
        except LevelfiveError as err:
            self._note(STORE, err)
            return
        self.troubles.pop(STORE, None)
        if states != self._states:
            with self._binding:
                self._states = states
                self._bind()

    def refresh_version(self) -> None:
        """Look which version is to answer, and load it if it is another one; the one that answers goes on meanwhile."""
        if self._registry is None:
            return
        try:
            next_version = self._registry.alias(CHAMPION) if self._version is None else self._version
            if next_version is None:
                raise NotServing(f"{self._registry.name} has no champion: promote a version, or name one (--version)")
            if self._served_versions and self._served_versions[0].version == next_version:
                self.troubles.pop(MODEL, None)
                return
            self.take(version_of(self._registry, next_version))
        except LevelfiveError as err:
            self._note(MODEL, err)
            if self._version is not None and isinstance(err, ModelNotFound):
                self.refusal = err
        except Exception as err:  # whatever a version's own code raises as it is loaded
            self._note(MODEL, _not_loaded(err))

    def take(self, served_version: ServedVersion) -> None:
        """Let a version answer, as soon as it can."""
        with self._binding:
            answering = [] if self._scorer is None else [self._scorer.served]
            self._served_versions = [served_version, *answering]
            self.troubles.pop(MODEL, None)
            self._bind()

    def unready(self, now: datetime) -> list[str]:
        """List why no request should be sent here; none where it should."""
        if self._scorer is None:
            return [f"{name}: {why}" for name, why in self.troubles.items()]
        reasons = [f"{name}: {self.troubles[name]}" for name in (STORE, TABLES) if name in self.troubles]
        until, limit = self._scorer.known_until, self._scorer.max_staleness
        if until is not None and limit is not None and now > until + limit:
            reasons.append(f"{STORE}: features reach to {iso(until)}, more than {limit} ago: publish newer ones")
        return reasons

    def _bind(self) -> None:
        """Let the newest version answer that fits what the store holds."""
        errors = []
        for served_version in self._served_versions:
            limit = served_version.model.card.max_staleness if self._max_staleness is None else self._max_staleness
            try:
                scorer = Scorer(served_version, self._states, self._store, max_staleness=limit, max_rows=self._max_rows)
            except LevelfiveError as err:
                errors.append(err)
                continue
            self._answer_by(scorer)
            if errors:
                self._note(NEXT, errors[0])
            return
        if errors:
            self._note(TABLES, errors[0])

    def _answer_by(self, scorer: Scorer) -> None:
        before, self._scorer = self._scorer, scorer
        self.troubles.pop(TABLES, None)
        if scorer.served is self._served_versions[0]:
            self._served_versions = self._served_versions[:1]
            self.troubles.pop(NEXT, None)
        if before is None or before.served is not scorer.served:
            self.swaps += 1
            served_version = scorer.served
            event(
                "version_served",
                model=served_version.name,
                version=served_version.version,
                path=scorer.path,
                reason=served_version.reason,
            )

    def _note(self, what: str, err: LevelfiveError) -> None:
        self.failures += 1
        if self.troubles.get(what) != str(err):
            event("serving_trouble", level=logging.WARNING, about=what, why=str(err))
        self.troubles[what] = str(err)


def _not_loaded(err: Exception) -> LevelfiveError:
    why = f"{type(err).__name__}: {first_line(err)}"
    return RegistryError(f"the version cannot be loaded here ({why}): install what it was trained with")


class Repeater:
    """Does something again and again in a thread of its own, until it is stopped.

    Args:
        action: What is done.
        every: How long to wait in between.
    """

    def __init__(self, action: Callable[[], None], every: timedelta) -> None:
        """Make the thread."""
        self._action, self._every = action, every.total_seconds()
        self._stop_event = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Do it now, and from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Do it no more; a daemon that hangs is left behind."""
        self._stop_event.set()
        self._thread.join(timeout=_PATIENCE)

    def _run(self) -> None:
        while True:
            try:
                self._action()
            except Exception:  # what goes wrong once is tried again; nobody waits for this thread
                event("repeated_action_failed", level=logging.ERROR, trace=traceback.format_exc())
            if self._stop_event.wait(self._every):
                return
