"""Names in the tracking store: every store takes them, and no two things share one."""

import re
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlflow.utils.validation import MAX_ENTITY_KEY_LENGTH, path_not_unique

from levelfive import BINARY
from levelfive.training.tracking import name_of, slice_name

TAKEN = re.compile(r"[A-Za-z0-9_\-. ]+")

texts = st.text(alphabet=st.sampled_from("a-./ &m2x\u00e9(n)"), max_size=6) | st.text(min_size=90, max_size=95)


def test_plain_names_stay_as_they_are() -> None:
    assert name_of("classifier__max_depth 2.0") == "classifier__max_depth 2.0"
    assert slice_name("holdout", "aircraft_known", "true") == "holdout.aircraft_known.true"


@pytest.mark.parametrize(
    ("value", "name"),
    [("AT&T", "AT-26-T"), ("2013-01", "2013--01"), ("3.5", "3-2e-5"), (None, "-missing"), ("(null)", "-28-null-29-")],
)
def test_signs_become_their_codes(value: str | None, name: str) -> None:
    assert slice_name("holdout", "carrier", value) == f"holdout.carrier.{name}"


@given(st.lists(st.tuples(texts, st.none() | texts), unique=True, max_size=10))
def test_no_two_slices_share_a_name_that_every_store_takes(slices: list[tuple[str, str | None]]) -> None:
    names = [slice_name("holdout", column, value) for column, value in slices]

    assert len(set(names)) == len(slices)
    for name in (f"{name}.{metric.name}.high" for name in names for metric in BINARY.metrics):
        assert TAKEN.fullmatch(name)
        assert not path_not_unique(name)
        assert len(name) <= MAX_ENTITY_KEY_LENGTH


def test_no_two_texts_share_a_name() -> None:
    texts = ("a", "a-", "a--", "a-61-", "a/", "x" * 300, "x" * 301, "\u00e9")

    assert all(name_of(one) != name_of(other) for one, other in combinations(texts, 2))
