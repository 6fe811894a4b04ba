"""Ids of batches: the same use case, window, version and role are the same batch."""

from __future__ import annotations

import hashlib

from levelfive.core.windows import Window, iso


def batch_id(use_case: str, window: Window, model_name: str, version: str, *, role: str) -> str:
    """Derive the id of a batch: 16 hexadecimal digits."""
    parts = (use_case, iso(window.start), iso(window.end), model_name, version, role)
    return hashlib.sha256("|".join(parts).encode()).hexdigest()[:16]
