"""Judges what sample requests to a deployment led to."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from levelfive.deployment.rollout import RolloutPolicy


@dataclass(frozen=True)
class ProbeAnswer:
    """What a request led to: how long it took, and what was wrong with it; nothing, if the text is empty."""

    seconds: float
    fault: str = ""


@dataclass(frozen=True)
class ProbeMeasurement:
    """What the sample requests at one share led to."""

    share: int
    requests: int
    failures: int
    p95: timedelta
    fault: str

    @classmethod
    def of(cls, share: int, answers: Sequence[ProbeAnswer]) -> ProbeMeasurement:
        """Sum up answers: `p95` is by the nearest rank; `fault` is the most frequent one."""
        faults = Counter(one.fault for one in answers if one.fault)
        seconds = sorted(one.seconds for one in answers)
        return cls(
            share=share,
            requests=len(answers),
            failures=sum(faults.values()),
            p95=_quantile(seconds, 0.95),
            fault=faults.most_common(1)[0][0] if faults else "",
        )


def over_budget(measurement: ProbeMeasurement, policy: RolloutPolicy) -> str:
    """Say what of a measurement is beyond the budget; empty where all is within it."""
    failure_percent = 100.0 * measurement.failures / measurement.requests
    if failure_percent > policy.max_failed:
        return (
            f"{measurement.failures} of {measurement.requests} requests failed at {measurement.share} %, "
            f"{policy.max_failed:g} % may: {measurement.fault}"
        )
    if measurement.p95 > policy.max_p95:
        return (
            f"the slowest 5 % of {measurement.requests} answers took {_ms(measurement.p95)} or more "
            f"at {measurement.share} %, {_ms(policy.max_p95)} are allowed"
        )
    return ""


def _quantile(sorted_seconds: Sequence[float], share: float) -> timedelta:
    return timedelta(seconds=sorted_seconds[math.ceil(share * len(sorted_seconds)) - 1])


def _ms(length: timedelta) -> str:
    return f"{length / timedelta(milliseconds=1):,.0f} ms"
