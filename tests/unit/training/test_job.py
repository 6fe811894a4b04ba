"""What a training refuses before it reads a label, and the traces that this leaves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from in_memory.release import LATER, Environment, runs
from recorded import Kept

from levelfive.core.windows import Window, utc
from levelfive.errors import ConfigError, TableError
from levelfive.training import job as training

BROKEN = Window(utc(2013, 1, 1), utc(2013, 1, 8))


class TrackedRuns:
    """A tracking store that keeps what its runs are about, and how they ended."""

    def __init__(self) -> None:
        self.ended: list[tuple[str, dict[str, str], str]] = []

    @contextmanager
    def run(self, name: str, tags: Mapping[str, str]) -> Iterator[Any]:
        try:
            yield SimpleNamespace(run_id="a-tracked-run")
        except BaseException:
            self.ended.append((name, dict(tags), "FAILED"))
            raise
        self.ended.append((name, dict(tags), "FINISHED"))


def test_a_training_without_labels_fails_in_both_stores_with_what_it_was_asked(production: Environment) -> None:
    tracking = TrackedRuns()
    told = {"code_revision": "abc", "trained_by": "ada@example.com", "decision": "d1"}
    asked = {"without": ("aircraft",), "exclusions": (BROKEN,), **told}

    with pytest.raises(TableError, match="labels does not exist yet: run the stage that writes it first") as refused:
        training.run(production.context, tracking, production.registry, as_of=LATER, **asked)

    (run,) = runs(production.tables)
    assert (run["stage"], run["status"], run["as_of"]) == ("training", "failed", LATER)
    assert (run["error"], run["model_version"]) == (f"TableError: {refused.value}", None)
    parameters = {"without": "aircraft", "excluded": str(BROKEN), **told}
    assert run["parameters"] == parameters
    about = {"as_of": "2013-02-18T06:00:00Z", "use_case": "flight_delay", "run_id": run["run_id"], **parameters}
    assert tracking.ended == [("flight_delay 2013-02-18T06:00:00Z", about, "FAILED")]
    assert production.registry.versions() == ()


def test_all_that_is_said_of_a_training_names_its_run_in_mlflow(production: Environment, recorded: Kept) -> None:
    with pytest.raises(TableError):
        training.run(production.context, TrackedRuns(), production.registry, as_of=LATER)

    assert recorded.spans[-1].fields["mlflow_run_id"] == "a-tracked-run"


def test_a_group_of_features_that_there_is_not_is_refused_before_anything_begins(production: Environment) -> None:
    tracking = TrackedRuns()

    with pytest.raises(ConfigError, match="no feature group 'moon'; known are"):
        training.run(production.context, tracking, production.registry, as_of=LATER, without=("moon",))

    assert (runs(production.tables), tracking.ended) == ([], [])
