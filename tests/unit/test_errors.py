"""An error of a library is translated into one of ours, which says what to do."""

import pytest

from levelfive.errors import ConfigError, LevelfiveError, TableError, translating


def of_a_key(err: Exception) -> LevelfiveError | None:
    return TableError(f"no table {err.args[0]}: make it") if isinstance(err, KeyError) else None


def test_an_error_is_raised_as_what_it_is_translated_into() -> None:
    with pytest.raises(TableError, match="no table flights: make it") as raised, translating(of_a_key):
        raise KeyError("flights")

    assert isinstance(raised.value.__cause__, KeyError)


@pytest.mark.parametrize("err", [ValueError("a mistake"), KeyboardInterrupt()], ids=["a mistake", "an interruption"])
def test_what_has_no_translation_passes_as_it_is(err: BaseException) -> None:
    with pytest.raises(type(err)) as raised, translating(of_a_key):
        raise err

    assert raised.value is err


def test_an_error_of_ours_is_not_translated_again() -> None:
    ours = ConfigError("no such source")

    with pytest.raises(ConfigError) as raised, translating(lambda err: TableError(str(err))):
        raise ours

    assert raised.value is ours
