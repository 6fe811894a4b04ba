"""What a use case decides about going live, training again and answering requests: the limits that are judged by."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from datetime import timedelta
from enum import StrEnum

from levelfive.errors import ConfigError, require
from levelfive.usecase.alert_rules import AlertRule, Severity, rule_for


class NoEvidence(StrEnum):
    """What the gate does when the data cannot tell the candidate from the champion."""

    KEEP_CHAMPION = "keep_champion"
    PROMOTE = "promote"


@dataclass(frozen=True)
class GatePolicy:
    """When a candidate may replace the champion, or become the first one.

    Args:
        holdout_days: The newest days with labels; the candidate does not train on them and is judged by them.
        min_days: Fewer days with labels than this are not enough evidence.
        min_rows: Fewer labelled rows than this are not enough evidence.
        margin: A candidate whose mean loss is less than this above the champion's is not worse. Its unit is that of
            the loss: of a binary task log loss, in nats a row, for which the default is made; of a regression squared
            error, in the square of the label's unit, so that 25.0 are 5 minutes where labels are in minutes.
        confidence: Of the two-sided interval of the paired difference.
        min_skill: The first champion's loss must be this share below that of a constant prediction.
        no_evidence: What to do when the evidence is not enough.

    Raises:
        ConfigError: A value makes no sense.
    """

    holdout_days: int = 14
    min_days: int = 7
    min_rows: int = 500
    margin: float = 0.002
    confidence: float = 0.9
    min_skill: float = 0.02
    no_evidence: NoEvidence = NoEvidence.KEEP_CHAMPION

    def __post_init__(self) -> None:
        """Refuse values that make no sense."""
        _check(self, "holdout_days", "at least 1", self.holdout_days >= 1)
        _check(self, "min_days", "at least 0", self.min_days >= 0)
        _check(self, "min_rows", "at least 0", self.min_rows >= 0)
        _check(self, "margin", "finite", math.isfinite(self.margin))
        _check(self, "confidence", "between 0 and 1", 0 < self.confidence < 1)
        _check(self, "min_skill", "finite, below 1", -math.inf < self.min_skill < 1)
        _check(self, "no_evidence", f"one of {', '.join(NoEvidence)}", self.no_evidence in set(NoEvidence))


@dataclass(frozen=True)
class MonitoringPolicy:
    """From which values on monitoring says something of a window.

    Args:
        false_discovery_rate: Of the columns that are called unusual, at most this share is so by chance, on average.
        least_psi: A column whose PSI is not above this raises no alarm, however rarely that happens by chance.
        outside_share: A column is outside the training's range where more than this share of its values are.
        broken_quarantined_share: Above this share of quarantined rows the delivery is broken, if they are more than
            chance makes of half that share.
        broken_volume_share: Fewer rows a day than this share of the training's are a delivery that lacks rows.
        harmful_skill_share: The model harms where its skill lies wholly below this share of that at training.
        min_days: Fewer days of mature labels say nothing of the model.
        min_rows: Fewer mature rows say nothing of the model.
        alerts: What is wanted otherwise of some alerts; by default, an alert is open while the last window raises it.
        told_from: Destinations are told of alerts that are at least so urgent; the others are in the table alone.
        messages_an_hour: So many messages an hour go to a destination at most; what is beyond is put together.
        messages_a_day: And so many within 24 hours.

    Raises:
        ConfigError: A value makes no sense.
    """

    false_discovery_rate: float = 0.1
    least_psi: float = 0.1
    outside_share: float = 0.01
    broken_quarantined_share: float = 0.02
    broken_volume_share: float = 0.5
    harmful_skill_share: float = 0.25
    min_days: int = 5
    min_rows: int = 500
    alerts: tuple[AlertRule, ...] = ()
    told_from: Severity = Severity.WARNING
    messages_an_hour: int = 10
    messages_a_day: int = 30

    def __post_init__(self) -> None:
        """Refuse values that make no sense."""
        _check(self, "false_discovery_rate", "between 0 and 1", 0 < self.false_discovery_rate < 1)
        _check(self, "least_psi", "finite, at least 0", 0 <= self.least_psi < math.inf)
        for name in ("messages_an_hour", "messages_a_day"):
            _check(self, name, "at least 1", getattr(self, name) >= 1)
        for name in (field.name for field in fields(self) if field.name.endswith("_share")):
            if name != "harmful_skill_share":  # of a skill, not of a whole
                _check(self, name, "from 0 to 1", 0 <= getattr(self, name) <= 1)
        _check(self, "harmful_skill_share", "finite", math.isfinite(self.harmful_skill_share))
        _check(self, "min_days", "at least 0", self.min_days >= 0)
        _check(self, "min_rows", "at least 0", self.min_rows >= 0)

    def rule(self, alert: str, of: str = "", slice_: str = "") -> AlertRule:
        """Find what is wanted of an alert, of a column, source or metric, and a slice."""
        return rule_for(self.alerts, alert, of, slice_)

    @property
    def slices(self) -> tuple[tuple[str, str], ...]:
        """The slices that alerts are wanted of: column and value of each."""
        return tuple(dict.fromkeys(rule.slice_parts for rule in self.alerts if rule.slice))

    def limit(self, alert: str, of: str, default: float) -> float:
        """Find from which value on an alert of something is raised."""
        limit = self.rule(alert, of).limit
        return default if limit is None else limit


@dataclass(frozen=True)
class RetrainingPolicy:
    """When the live model is trained again; a trigger whose limit is None is switched off.

    Drift, calibration, bias and loss are triggers of windows: each must be met in `of_them` of the last `windows`
    and in the latest one. Drift is off by default: on the flights it came to a schedule of the same count.

    Args:
        windows: How many of the last windows are looked at.
        of_them: A trigger of windows must be met in at least this many of them.
        drifted_share: At least this share of the columns is unusual.
        calibration: Of binary tasks: the interval of mean score minus label rate lies wholly further from 0 than this.
        bias: Of regressions: the interval of mean score minus mean label lies wholly further from 0 than this, in the
            label's unit. Only the use case knows how much is much: there is no default.
        loss_excess: The interval of the skill lies wholly below the skill at training less this. Skill is
            1 - loss / loss of the constant prediction of the window's own mean label.
        label_growth: The labelled rows have grown by at least this share since the training.
        max_age: The model was trained at least this long ago.
        min_rows: A window with fewer mature labelled rows does not count.
        min_days: A window with fewer days of mature labels does not count.
        cooldown: No retraining sooner than this after the last decision to retrain.

    Raises:
        ConfigError: A value makes no sense.
    """

    windows: int = 3
    of_them: int = 2
    drifted_share: float | None = None
    calibration: float | None = 0.05
    loss_excess: float | None = 0.02
    label_growth: float | None = 0.35
    max_age: timedelta | None = timedelta(days=120)
    min_rows: int = 500
    min_days: int = 5
    cooldown: timedelta = timedelta(days=6)
    bias: float | None = None

    def __post_init__(self) -> None:
        """Refuse values that make no sense."""
        _check(self, "windows", "at least 1", self.windows >= 1)
        _check(self, "of_them", f"from 1 to windows ({self.windows})", 1 <= self.of_them <= self.windows)
        if self.drifted_share is not None:
            _check(self, "drifted_share", "above 0 and at most 1", 0 < self.drifted_share <= 1)
        if self.calibration is not None:
            _check(self, "calibration", "finite, at least 0", 0 <= self.calibration < math.inf)
        if self.bias is not None:
            _check(self, "bias", "finite, at least 0", 0 <= self.bias < math.inf)
        if self.loss_excess is not None:
            _check(self, "loss_excess", "finite, at least 0", 0 <= self.loss_excess < math.inf)
        if self.label_growth is not None:
            _check(self, "label_growth", "finite, above 0", 0 < self.label_growth < math.inf)
        if self.max_age is not None:
            _check(self, "max_age", "longer than 0", self.max_age > timedelta(0))
        _check(self, "min_rows", "at least 0", self.min_rows >= 0)
        _check(self, "min_days", "at least 0", self.min_days >= 0)
        _check(self, "cooldown", "at least 0", self.cooldown >= timedelta(0))

    def offset(self, metric: str | None) -> float | None:
        """Find the limit of a task's `offset`, by the name of that metric; None where there is none."""
        return {"calibration": self.calibration, "bias": self.bias}.get(metric or "")


@dataclass(frozen=True)
class ServingPolicy:
    """What the online store keeps for single requests, and how old it may become.

    Args:
        history: A request whose prediction time lies so long before the end of what is known is answered as it would
            have been then; an earlier one is refused.
        max_staleness: A request whose prediction time lies longer than this after the end of what is known is refused.
            Within it, what was known last is used. By default, features that are computed once a day may be half a day
            late.

    Raises:
        ConfigError: A value makes no sense.
    """

    history: timedelta = timedelta(days=1)
    max_staleness: timedelta = timedelta(hours=36)

    def __post_init__(self) -> None:
        """Refuse values that make no sense."""
        _check(self, "history", "longer than 0", self.history > timedelta(0))
        _check(self, "max_staleness", "at least 0", self.max_staleness >= timedelta(0))


def _check(policy: object, name: str, demand: str, is_met: bool) -> None:
    whole = f"{name} of a {type(policy).__name__} must be {demand}"
    require(is_met, whole, got=getattr(policy, name), remedy="correct the use case", error=ConfigError)
