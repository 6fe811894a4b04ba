"""Training sets lose a person's rows, and packages the examples that were among them: what is left keeps its hash."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from in_memory.registry import MemoryBackend
from in_memory.release import AS_OF, a_model
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from levelfive.erasure.models import Examples, TrainingSets, category_of, knowledge_of
from levelfive.erasure.person import KeyValues, Person
from levelfive.models.package import EXAMPLE, SERVING_EXAMPLE, SMOKE, Model, check_repeats, save
from levelfive.registry import tags
from levelfive.registry.store import CentralRegistry
from levelfive.statistics.baseline import Baseline, profile_baseline
from levelfive.training.dataset import write_snapshot
from levelfive.training.register import EXAMPLES

NAME, RUN = "levelfive.dev.shop", "a-run"
# Of 200 rows, the last 100 go to a package, and the first 20 of those become its smoke rows.
OF_ADA = (3, 103, 117, 150)  # the second one's distance is 154.5
BY_NAME = Person(KeyValues(("customer",), frozenset({("ada",)})), kinds={"customer": "string"})
BY_KEY = Person(
    KeyValues(("passport",), frozenset({("x",)})),
    KeyValues(("order_id",), frozenset((str(number),) for number in OF_ADA)),
    kinds={"passport": "string", "order_id": "long"},
)


def trained_on(of_ada: Sequence[int] = OF_ADA) -> pd.DataFrame:
    numbers = np.arange(200)
    names = ["ada" if number in of_ada else f"c{number}" for number in numbers]
    return pd.DataFrame({"order_id": numbers, "customer": names, "distance": numbers * 1.5, "label": numbers % 2.0})


def baseline_of(rows: pd.DataFrame) -> Baseline:
    score = np.full(len(rows), 0.5)
    return profile_baseline(rows[["customer"]], ("customer",), label=rows["label"].to_numpy(), score=score)


@dataclass
class MemoryTracking:
    """What erasing asks of `Tracking`; files by run and path."""

    files: dict[tuple[str, str], bytes] = field(default_factory=dict)

    def runs(self) -> tuple[str, ...]:
        return tuple(sorted({run_id for run_id, _ in self.files}))

    def download(self, run_id: str, path: str, folder: Path) -> Path | None:
        found = {name: content for (of, name), content in self.files.items() if of == run_id}
        chosen = {name: content for name, content in found.items() if name == path or name.startswith(f"{path}/")}
        for name, content in chosen.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        return folder / path if chosen else None

    def replace(self, run_id: str, file: Path, folder: str) -> None:
        self.files[run_id, f"{folder}/{file.name}"] = file.read_bytes()


@dataclass
class Stores:
    """A version in a registry, and the run that it was trained in."""

    backend: MemoryBackend
    tracking: MemoryTracking

    @property
    def registry(self) -> CentralRegistry:
        return self.backend.opened(NAME)

    def examples(self, person: Person = BY_NAME) -> Examples:
        return Examples(self.registry, self.tracking, person)

    def sets(self, person: Person = BY_NAME) -> TrainingSets:
        return TrainingSets(self.tracking, person)

    def file(self, name: str) -> bytes:
        return self.backend._files[NAME, "1"][name]

    def smoke(self, folder: Path) -> list[float]:
        (folder / SMOKE).write_bytes(self.file(SMOKE))
        return list(pd.read_parquet(folder / SMOKE)["distance"])


def made(folder: Path, rows: pd.DataFrame, model: Model | None = None) -> Stores:
    stores = Stores(MemoryBackend(), MemoryTracking())
    package = folder / "model"
    save(model or a_model(AS_OF), rows.tail(EXAMPLES), package)
    stores.registry.register(package, {})
    snapshot = write_snapshot(rows, folder)
    stores.tracking.files[RUN, "training_set/training_set.parquet"] = snapshot.path.read_bytes()
    for file in package.iterdir():
        stores.tracking.files[RUN, f"model/{file.name}"] = file.read_bytes()
    return stores


@pytest.fixture
def stores(tmp_path: Path) -> Stores:
    return made(tmp_path, trained_on())


@pytest.mark.parametrize("person", [BY_NAME, BY_KEY], ids=["by name", "by the key of their rows"])
def test_a_package_loses_their_examples_and_the_version_is_as_sound_as_before(
    stores: Stores, person: Person, tmp_path: Path
) -> None:
    assert stores.examples(person).count().rows == 4  # two rows, in the registry and in the run

    removal = stores.examples(person).erase()

    assert (removal.rows, removal.left) == (4, ())
    others = [number * 1.5 for number in range(100, 120) if number not in OF_ADA]
    assert stores.smoke(tmp_path) == others
    example = json.loads(stores.file(EXAMPLE))
    assert (example["columns"], example["data"]) == (["distance"], [[value] for value in others[:5]])
    assert json.loads(stores.file(SERVING_EXAMPLE)) == {"dataframe_split": example}
    check_repeats(stores.registry.download("1", tmp_path))
    assert stores.tracking.files[RUN, f"model/{SMOKE}"] == stores.file(SMOKE)
    assert stores.examples(person).erase().rows == 0


def test_a_training_set_loses_their_rows_and_keeps_all_else(stores: Stores, tmp_path: Path) -> None:
    assert (stores.sets().count().rows, stores.sets().erase().rows, stores.sets().erase().rows) == (4, 4, 0)

    (tmp_path / "left").write_bytes(stores.tracking.files[RUN, "training_set/training_set.parquet"])
    left, before = pd.read_parquet(tmp_path / "left"), trained_on()
    pd.testing.assert_frame_equal(left, before[before["customer"] != "ada"].reset_index(drop=True))


def test_what_cannot_be_made_again_is_said(stores: Stores) -> None:
    assert stores.sets().erase().consequences == ("the trainings of the tracked runs a-run, on the same rows",)
    assert stores.sets().erase().consequences == ()


def test_where_no_other_example_is_left_other_rows_take_their_place(tmp_path: Path) -> None:
    stores = made(tmp_path, trained_on(range(100, 120)))

    assert stores.examples().erase().rows == 40

    assert stores.smoke(tmp_path) == [number * 1.5 for number in (*range(80, 100),)]
    check_repeats(stores.registry.download("1", tmp_path))


@pytest.mark.parametrize("written", range(4))
def test_a_run_that_was_killed_between_two_files_or_before_the_hash_is_completed(
    stores: Stores, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: int
) -> None:
    calls, replaced, tagged = itertools.count(), stores.backend.replace, stores.backend.client.set_model_version_tag

    def replace_until_killed(name: str, version: str, files: Path) -> None:
        if next(calls) == written:
            raise KeyboardInterrupt
        replaced(name, version, files)

    def tag_until_killed(*args: Any) -> None:
        if args[2] == tags.PACKAGE_SHA256:
            raise KeyboardInterrupt
        tagged(*args)

    with monkeypatch.context() as patch:
        patch.setattr(stores.backend, "replace", replace_until_killed)
        patch.setattr(stores.backend.client, "set_model_version_tag", tag_until_killed)
        with pytest.raises(KeyboardInterrupt):
            stores.examples().erase()

    assert stores.examples().erase().rows == (2 if written == 3 else 4)

    check_repeats(stores.registry.download("1", tmp_path))
    for name in (EXAMPLE, SERVING_EXAMPLE):
        assert "154.5" not in stores.file(name).decode()
    assert 154.5 not in stores.smoke(tmp_path)


def test_a_registry_that_lets_no_file_be_changed_is_said_each_time_until_the_version_is_deleted(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MemoryBackend, "can_replace", False)
    files, sha256 = dict(stores.backend._files[NAME, "1"]), stores.registry.find("1").tags[tags.PACKAGE_SHA256]

    said = [stores.examples().erase().left, stores.sets().erase().left, stores.examples().erase().left]

    words = (
        "version 1 of levelfive.dev.shop holds 2 rows of people who were forgotten as examples, which cannot be "
        "replaced: train again, promote, and delete the version in the registry"
    )
    assert said == [(words,), (), (words,)]
    assert files == stores.backend._files[NAME, "1"]
    assert stores.registry.find("1").tags == {tags.PACKAGE_SHA256: sha256, tags.HOLDS_FORGOTTEN: "2"}


def test_files_that_are_gone_hold_nobody_and_others_than_were_registered_are_said(stores: Stores) -> None:
    stores.backend.change_file(NAME, "1", SMOKE, b"other")
    (said,) = stores.examples().count().left
    assert said == "version 1 has other files than were registered: delete it in the registry"

    stores.backend.lose_files(NAME, "1")
    assert stores.examples().count().left == ()


def test_a_model_that_knows_them_as_a_category_is_said(tmp_path: Path) -> None:
    rows = trained_on()
    card = replace(a_model(AS_OF).card, features=("customer",), categorical=("customer",))
    estimator = make_pipeline(OneHotEncoder(handle_unknown="ignore"), LogisticRegression())
    estimator.fit(rows[["customer"]], rows["label"])
    baseline = baseline_of(rows)
    stores = made(tmp_path, rows, Model(estimator, replace(card, baseline=baseline.to_json())))

    (said,) = stores.examples().erase().left

    assert said.startswith("version 1 of levelfive.dev.shop knows customer of theirs as a category: train again")
    assert "ada" not in said


@pytest.mark.parametrize(
    ("value", "knows"), [("c0", "knows"), ("c199", "knows"), ("bob", "")], ids=["frequent", "rare", "unknown"]
)
def test_a_category_is_known_by_the_profile_however_rare_it_is(value: str, knows: str) -> None:
    baseline = baseline_of(trained_on())
    card = replace(a_model(AS_OF).card, categorical=("customer",), baseline=baseline.to_json())

    assert "c199" not in baseline.categorical["customer"].frequent
    assert knowledge_of(card, "customer", value) == knows
    assert knowledge_of(card, "town", value) == ""


@pytest.mark.parametrize(
    ("kind", "value", "category"),
    [("long", "7", "7"), ("double", "7.0", "7"), ("decimal(9,2)", "7.50", "7.5"), ("string", "7.0", "7.0")],
)
def test_a_value_is_a_category_as_trainings_write_it(kind: str, value: str, category: str) -> None:
    person = Person(KeyValues(("customer",), frozenset({(value,)})), kinds={"customer": kind})

    assert category_of(person) == {"customer": category}


def test_what_a_profile_cannot_tell_may_be_known() -> None:
    """A candidate has no profile, and one of very many categories has no rare ones."""
    baseline = baseline_of(trained_on())
    profile = replace(baseline.categorical["customer"], others=None)
    many = replace(baseline, categorical={"customer": profile})
    card = replace(a_model(AS_OF).card, categorical=("customer",))

    said = [knowledge_of(replace(card, baseline=text), "customer", "bob") for text in ("", many.to_json())]

    assert said == ["may know", "may know"]


def test_a_run_without_a_training_set_has_no_rows(stores: Stores) -> None:
    del stores.tracking.files[RUN, "training_set/training_set.parquet"]

    assert (stores.sets().erase().rows, stores.examples().erase().rows) == (0, 0)
