"""A report's account of decisions, gates and promotions, in the order of time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from levelfive.core.windows import iso
from levelfive.reporting.data import DecisionLine, FailureLine, GateLine, PromotionLine, ReportData
from levelfive.reporting.html import Html, bullets, element, section


def history(data: ReportData) -> Html:
    """Tell what was decided and what failed, each with its reasons and what would have changed it."""
    lines = [
        *((line.as_of, _decision(line)) for line in data.decisions),
        *((line.as_of, _gate(line)) for line in data.gates),
        *((line.at, _promotion(line)) for line in data.promotions),
        *((line.as_of, _failure(line)) for line in data.failures),
    ]
    in_time = [line for _, line in sorted(lines, key=lambda line: line[0])]
    shown = element("ol", *in_time, class_="timeline") if in_time else element("p", "Nothing decided yet.")
    return section("history", "Decisions, gates and promotions", shown)


def _decision(line: DecisionLine) -> Html:
    return _event(
        line.as_of,
        "decision",
        f"Decision: {line.action}",
        _because("Because", line.reasons),
        _because("Would have changed it", line.counterfactuals),
    )


def _gate(line: GateLine) -> Html:
    outcome = "passed" if line.passed else "not passed"
    return _event(line.as_of, "gate", f"Gate {outcome}: {line.verdict}", _because("Because", line.reasons))


def _promotion(line: PromotionLine) -> Html:
    after = f", after version {line.previous}" if line.previous else ", the first champion"
    what = f"Promotion: version {line.version}{after} ({line.kind}, by {line.by})"
    return _event(line.at, "promotion", what, _because("Because", (line.reason,)))


def _failure(line: FailureLine) -> Html:
    return _event(line.as_of, "failure", f"Failed: {line.stage}", _because("It said", (line.error,)))


def _event(at: datetime, kind: str, what: str, *details: Html) -> Html:
    moment = element("time", f"{at:%Y-%m-%d %H:%M}", datetime=iso(at))
    return element("li", moment, " ", element("strong", what), *details, class_=kind)


def _because(word: str, reasons: Sequence[str]) -> Html:
    return element("div", f"{word}:", bullets(reasons)) if reasons else Html()
