"""The aliases `champion` and `challenger`: signposts for people, which follow `promotions` and decide nothing."""

from __future__ import annotations

from levelfive.registry.eligibility import was_compared_with_newest
from levelfive.registry.promotions import Promotion, history
from levelfive.registry.store import CHALLENGER, CHAMPION, CentralRegistry
from levelfive.storage.runs import JobContext
from levelfive.storage.tables import Tables


def sync_aliases(tables: Tables, registry: CentralRegistry) -> Promotion:
    """Point `champion` at the newest champion; a challenger that was compared with another one waits no longer.

    Promotions are read before and after: who writes late, while another one promotes, writes again.

    Raises:
        RegistryError: The registry refused.
    """
    newest, latest = None, history(tables, registry.name)[-1]
    while newest != latest:
        newest = latest
        registry.set_alias(CHAMPION, newest.version)
        latest = history(tables, registry.name)[-1]
    waiting = registry.alias(CHALLENGER)
    if waiting is not None and not was_compared_with_newest(registry.find(waiting), [newest]):
        registry.drop_alias(CHALLENGER)
    return newest


def nominate(context: JobContext, registry: CentralRegistry, version: str) -> None:
    """Let `challenger` show a version that passed the gate against the newest champion, and waits.

    Raises:
        RegistryError: The registry refused.
    """
    if was_compared_with_newest(registry.find(version), history(context.tables, registry.name)):
        registry.set_alias(CHALLENGER, version)


def withdraw(registry: CentralRegistry, version: str) -> None:
    """Let `challenger` no longer show a version that the gate refused when it was judged anew.

    Raises:
        RegistryError: The registry refused.
    """
    if registry.alias(CHALLENGER) == version:
        registry.drop_alias(CHALLENGER)
