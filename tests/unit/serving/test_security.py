"""Only who has a token that is valid now may ask, and nobody too often."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from levelfive.errors import ConfigError, RequestError
from levelfive.serving.security import RateLimit, Tokens

OLD, NEW = "old-secret-of-16-or-more", "new-secret-of-16-or-more"


def tokens_in(path: Path, *tokens: str) -> Path:
    path.write_text("".join(f"{token}\n" for token in tokens))
    return path


def refusal(check: Callable[[], None]) -> tuple[int, dict[str, str]] | None:
    """Tell how a request is refused; None where it comes through."""
    try:
        check()
    except RequestError as err:
        return err.status, err.headers
    return None


def is_valid(tokens: Tokens, header: str | None) -> bool:
    refused = refusal(lambda: tokens.check(None if header is None else header.encode()))
    return refused != (401, {"www-authenticate": "Bearer"})


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer ", OLD, f"Basic {OLD}", f"Bearer {OLD}x", "Bearer \xff"]
)
def test_who_has_no_token_is_refused(tmp_path: Path, header: str | None) -> None:
    assert not is_valid(Tokens(tokens_in(tmp_path / "tokens", OLD)), header)


@pytest.mark.parametrize("header", [f"Bearer {OLD}", f"bearer  {OLD} ", f"Bearer {NEW}"])
def test_several_tokens_may_be_valid(tmp_path: Path, header: str) -> None:
    assert is_valid(Tokens(tokens_in(tmp_path / "tokens", OLD, "", NEW)), header)


def test_a_token_is_replaced_without_a_restart(tmp_path: Path) -> None:
    tokens = Tokens(tokens_in(tmp_path / "tokens", OLD))
    tokens_in(tmp_path / "tokens", NEW)

    tokens.refresh()

    assert (is_valid(tokens, f"Bearer {OLD}"), is_valid(tokens, f"Bearer {NEW}")) == (False, True)


def test_where_the_file_goes_away_the_tokens_of_before_stay_valid(tmp_path: Path) -> None:
    tokens = Tokens(tokens_in(tmp_path / "tokens", OLD))
    os.remove(tmp_path / "tokens")

    tokens.refresh()

    assert is_valid(tokens, f"Bearer {OLD}")


@pytest.mark.parametrize("tokens", [(), ("short",), (OLD, "short")])
def test_a_file_without_secrets_is_refused_and_shown_to_nobody(tmp_path: Path, tokens: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError, match="expected a token of 16 characters or more") as refused:
        Tokens(tokens_in(tmp_path / "tokens", *tokens))

    assert not any(token in str(refused.value) for token in tokens)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"tokens: .* cannot be read"):
        Tokens(tmp_path / "tokens")


def test_so_many_requests_a_second_come_through() -> None:
    seconds = [0.0]
    limit = RateLimit(2, lambda: seconds[0])

    def passed() -> int:
        refusals = [refusal(limit.check) for _ in range(5)]
        assert all(one in (None, (429, {"retry-after": "1"})) for one in refusals)
        return refusals.count(None)

    assert passed() == 2
    seconds[0] = 0.5
    assert passed() == 1
    seconds[0] = 60.0
    assert passed() == 2
