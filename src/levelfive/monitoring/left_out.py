"""What a person lets trainings leave out of a window that called one."""

from __future__ import annotations

from enum import StrEnum


class LeftOut(StrEnum):
    """Which rows of an acknowledged window are left out of trainings: flagged days are those of broken deliveries."""

    FLAGGED = "flagged"
    NOTHING = "nothing"
    WINDOW = "window"
