"""What answers is the champion, or the one before it until the champion can; why nothing does is told."""

import importlib
import sys
import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import served
from in_memory.registry import MemoryBackend

from levelfive.errors import ModelNotFound, NotServing, RegistryError
from levelfive.models.package import Model
from levelfive.online.sqlite_store import SqliteStore
from levelfive.registry.store import CHAMPION, CentralRegistry
from levelfive.serving.live import Live, Repeater


@pytest.fixture(scope="module")
def next_package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return served.saved(served.classifier(trees=3), tmp_path_factory.mktemp("next") / "model")


@pytest.fixture
def backend() -> MemoryBackend:
    return MemoryBackend()


@pytest.fixture
def registry(package: Path, next_package: Path, backend: MemoryBackend) -> CentralRegistry:
    made = served.registered(package, next_package, backend=backend)
    made.set_alias(CHAMPION, "1")
    return made


def why_not(live: Live) -> str:
    with pytest.raises(NotServing) as refused:
        live.scorer  # noqa: B018 - it raises
    assert live.unready(served.NOW) == str(refused.value).split("; ")
    return str(refused.value)


def test_the_champion_answers_and_then_the_next_one(registry: CentralRegistry, store: SqliteStore) -> None:
    live = Live(registry, store)
    before = why_not(live)

    live.refresh()
    first = live.scorer
    registry.set_alias(CHAMPION, "2")
    live.refresh()

    assert before == "model: no version was loaded yet"
    assert (first.served.version, live.scorer.served.version, live.swaps) == ("1", "2", 2)
    assert not live.troubles


def test_a_version_that_is_named_answers_whoever_is_champion(registry: CentralRegistry, store: SqliteStore) -> None:
    live = Live(registry, store, version="2")

    live.refresh()

    assert live.scorer.served.version == "2"


def test_without_a_champion_it_says_so(package: Path, store: SqliteStore) -> None:
    live = Live(served.registered(package), store)

    live.refresh()

    assert "has no champion: promote a version, or name one" in why_not(live)


def test_files_that_are_not_those_that_were_registered_are_not_loaded(
    registry: CentralRegistry, backend: MemoryBackend, store: SqliteStore
) -> None:
    backend._files[registry.name, "1"]["model.pkl"] += b"\0"
    live = Live(registry, store)

    live.refresh()

    assert "are not those that were registered: their hash differs" in why_not(live)


def test_a_version_whose_code_is_not_here_is_told_and_the_one_that_answers_goes_on(
    package: Path, store: SqliteStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = served.registered(package, of_another_place(tmp_path, monkeypatch))
    registry.set_alias(CHAMPION, "1")
    live = Live(registry, store)
    live.refresh()

    registry.set_alias(CHAMPION, "2")
    live.refresh()

    assert live.scorer.served.version == "1"
    assert "(No module named 'of_another_place')" in live.troubles["model"]
    assert live.failures == 1


def of_another_place(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Save a model of a class that cannot be imported any more."""
    (folder / "of_another_place.py").write_text(
        "import numpy as np\n"
        "from sklearn.base import BaseEstimator, ClassifierMixin\n\n\n"
        "class Half(ClassifierMixin, BaseEstimator):\n"
        "    def predict_proba(self, rows):\n"
        "        return np.full((len(rows), 2), 0.5)\n"
    )
    with monkeypatch.context() as there:
        there.syspath_prepend(folder)
        half = importlib.import_module("of_another_place").Half()
        package = served.saved(Model(half, served.CARD), folder / "half")
    del sys.modules["of_another_place"]
    return package


def test_a_registry_that_was_down_is_asked_again(
    registry: CentralRegistry, store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = Live(registry, store)
    with monkeypatch.context() as down:
        down.setattr(registry, "alias", refuse)
        live.refresh()
        before = why_not(live)

    live.refresh()

    assert before == "model: the registry did not answer"
    assert live.scorer.served.version == "1"


def test_a_version_is_waited_for_while_the_registry_is_down(
    registry: CentralRegistry, store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = Live(registry, store, version="9")
    with monkeypatch.context() as down:
        down.setattr(registry, "find", refuse)
        live.refresh()
        before = (why_not(live), live.refusal)

    live.refresh()

    assert before == ("model: the registry did not answer", None)
    assert isinstance(live.refusal, ModelNotFound)


def refuse(_: str) -> str:
    raise RegistryError("the registry did not answer")


def test_a_champion_goes_on_while_the_registry_is_down(
    registry: CentralRegistry, store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = Live(registry, store)
    live.refresh()
    monkeypatch.setattr(registry, "alias", refuse)

    live.refresh()

    assert live.scorer.served.version == "1"
    assert (live.unready(served.NOW), live.troubles) == ([], {"model": "the registry did not answer"})


def test_an_empty_store_is_told_and_what_is_published_is_found(registry: CentralRegistry, tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "empty.db")
    live = Live(registry, store)
    live.refresh()
    before = why_not(live)

    served.publish(store)
    live.refresh_states()

    assert (
        "the online store has no table aircraft, delays, weather: run `levelfive features publish --as-of TIME`"
        in before
    )
    assert live.scorer.reaches_to == "2013-05-01T11:00:00Z"


def test_a_store_that_is_gone_is_told_and_the_champion_stays(
    registry: CentralRegistry, store: SqliteStore, tmp_path: Path
) -> None:
    live = Live(registry, store)
    live.refresh()
    (tmp_path / "online.db").write_bytes(b"no database at all, of more than one hundred bytes" * 4)

    live.refresh_states()

    (why,) = live.unready(served.NOW)
    assert why.startswith("store: ")
    assert live.scorer.served.version == "1"


def test_a_newer_publication_reaches_further(registry: CentralRegistry, store: SqliteStore) -> None:
    live = Live(registry, store)
    live.refresh()
    old = live.unready(served.REACHES_TO + timedelta(hours=3))

    served.publish(store, reaches_to=served.NOW, version=2)
    live.refresh_states()

    assert old == ["store: features reach to 2013-05-01T11:00:00Z, more than 2:00:00 ago: publish newer ones"]
    assert live.scorer.reaches_to == "2013-05-01T12:00:00Z"
    assert (live.swaps, live.unready(served.REACHES_TO + timedelta(hours=3))) == (1, [])


def test_a_next_champion_that_the_store_does_not_suffice_for_waits_for_it(
    package: Path, model: Model, store: SqliteStore, tmp_path: Path
) -> None:
    more = replace(model.card.lookups[0], table="weather_of_today")
    wider = served.saved(
        Model(model.estimator, replace(model.card, lookups=(more, *model.card.lookups[1:]))), tmp_path / "w"
    )
    registry = served.registered(package, wider)
    registry.set_alias(CHAMPION, "1")
    live = Live(registry, store)
    live.refresh()

    registry.set_alias(CHAMPION, "2")
    live.refresh()
    meanwhile = (live.scorer.served.version, dict(live.troubles))
    served.publish(store, tables=[replace(served.TABLES[0], name="weather_of_today")])
    live.refresh()

    assert meanwhile[0] == "1"
    assert "no table weather_of_today" in meanwhile[1]["next version"]
    assert (live.scorer.served.version, live.troubles) == ("2", {})


def test_what_is_repeated_goes_on_after_it_failed_until_it_is_stopped() -> None:
    enough, count = threading.Event(), [0]

    def action() -> None:
        count[0] += 1
        if count[0] == 3:
            enough.set()
        raise RuntimeError("once more")

    repeater = Repeater(action, timedelta(milliseconds=1))
    repeater.start()

    assert enough.wait(10)
    repeater.stop()
    assert not repeater._thread.is_alive()
