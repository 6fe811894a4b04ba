"""What `Tables.lock` must do where it keeps others away: on a laptop, and in memory."""

import threading
from typing import Protocol

from levelfive.storage.tables import Tables

LONG_ENOUGH_TO_ENTER = 0.3
AT_ONCE = 30.0


class HasLock(Protocol):
    lock = Tables.lock


def check_that_one_piece_of_work_waits_for_the_other(tables: HasLock) -> None:
    """While a piece of work is done, the same one waits and another one does not."""
    done: list[str] = []

    def work(what: str) -> None:
        with tables.lock(what):
            done.append(what)

    same, other = (threading.Thread(target=work, args=(what,), daemon=True) for what in ("same", "other"))
    with tables.lock("same"):
        same.start()
        other.start()
        other.join(AT_ONCE)
        same.join(LONG_ENOUGH_TO_ENTER)
        assert done == ["other"]
    same.join(AT_ONCE)
    assert done == ["other", "same"]
