"""Judges what sample requests to a deployment led to."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from levelfive.deployment.rollout import RolloutPolicy


@dataclass(frozen=True)
class Answer:
    """What a request led to: how long it took, and what was wrong with it; nothing, if the text is empty."""

    seconds: float
    fault: str = ""


@dataclass(frozen=True)
class Measurement:
    """What the sample requests at one share led to."""

    share: int
    requests: int
    failed: int
    p50: timedelta
    p95: timedelta
    fault: str

    @classmethod
    def of(cls, share: int, answers: Sequence[Answer]) -> Measurement:
        """Sum up answers: quantiles are of all of them, by the nearest rank; `fault` is the most frequent one."""
        faults = Counter(one.fault for one in answers if one.fault)
        seconds = sorted(one.seconds for one in answers)
        return cls(
            share=share,
            requests=len(answers),
            failed=sum(faults.values()),
            p50=_quantile(seconds, 0.5),
            p95=_quantile(seconds, 0.95),
            fault=faults.most_common(1)[0][0] if faults else "",
        )


def over_budget(measured: Measurement, policy: RolloutPolicy) -> str:
    """Say what of a measurement is beyond the budget; empty where all is within it."""
    failed = 100.0 * measured.failed / measured.requests
    if failed > policy.max_failed:
        return (
            f"{measured.failed} of {measured.requests} requests failed at {measured.share} %, {policy.max_failed:g} % "
            "may: "
            f"{measured.fault}"
        )
    if measured.p95 > policy.max_p95:
        return (
            f"the slowest 5 % of {measured.requests} answers took {_ms(measured.p95)} or more at {measured.share} %, "
            f"{_ms(policy.max_p95)} are allowed"
        )
    return ""


def _quantile(ordered: Sequence[float], share: float) -> timedelta:
    return timedelta(seconds=ordered[math.ceil(share * len(ordered)) - 1])


def _ms(length: timedelta) -> str:
    return f"{length / timedelta(milliseconds=1):,.0f} ms"
