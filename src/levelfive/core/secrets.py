"""Secrets by reference: a setting says where a secret is, and holds none itself."""

from __future__ import annotations

import os
import re
from collections.abc import Callable

from levelfive.errors import ConfigError

REFERENCE = r"^(env:[A-Za-z_][A-Za-z0-9_]*|secrets/[A-Za-z0-9_.@-]+/[A-Za-z0-9_.@-]+)$"
"""`env:NAME`, a variable of the process, or `secrets/SCOPE/KEY`, a secret of the workspace."""
_VARIABLE = "env:"


def is_reference(text: str) -> bool:
    """Tell whether a text says where a secret is, see `REFERENCE`."""
    return re.match(REFERENCE, text) is not None


def read_secret(reference: str, of_workspace: Callable[[str, str], str]) -> str:
    """Find a secret.

    Args:
        reference: As `REFERENCE` says.
        of_workspace: Reads a secret of the workspace by its scope and key.

    Raises:
        ConfigError: It is not there, or is empty.
    """
    if reference.startswith(_VARIABLE):
        secret = os.environ.get(reference.removeprefix(_VARIABLE), "")
    else:
        _, scope, key = reference.split("/")
        secret = of_workspace(scope, key)
    if not secret.strip():
        raise ConfigError(f"there is no secret at {reference}, or it is empty: put it there, or correct the setting")
    return secret.strip()
