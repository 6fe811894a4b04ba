"""What a use case decides about going live and training again: the limits that gate and policy judge by."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class NoEvidence(StrEnum):
    """What the gate does when the data cannot tell the candidate from the champion."""

    KEEP_CHAMPION = "keep_champion"
    PROMOTE = "promote"


@dataclass(frozen=True)
class GatePolicy:
    """When a candidate may replace the champion, or become the first one.

    Args:
        holdout_days: Days before `as_of` that the candidate does not train on and is judged by.
        min_days: Fewer days with labels than this are not enough evidence.
        min_rows: Fewer labelled rows than this are not enough evidence.
        margin: A candidate whose loss may be this much above the champion's is not worse (loss units).
        confidence: Of the two-sided interval of the paired difference.
        min_skill: The first champion's loss must be this share below that of a constant prediction.
        no_evidence: What to do when the evidence is not enough.
    """

    holdout_days: int = 14
    min_days: int = 7
    min_rows: int = 500
    margin: float = 0.002
    confidence: float = 0.9
    min_skill: float = 0.02
    no_evidence: NoEvidence = NoEvidence.KEEP_CHAMPION
