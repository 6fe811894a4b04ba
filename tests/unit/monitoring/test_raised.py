"""Which alerts a window raises: each once, as urgent and from the limits that the use case says, with their cause."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder

from levelfive import BINARY, REGRESSION, AlertRule, Multiclass, Quantiles, Severity, Task
from levelfive.core.windows import utc
from levelfive.errors import ConfigError
from levelfive.monitoring.alerts import check_rules
from levelfive.monitoring.causes import importance_of, likely_causes
from levelfive.monitoring.drift_statistics import OUTSIDE_SHARE, PSI, ColumnDrift
from levelfive.monitoring.evidence import Delivered, Delivery, Evidence, Newest
from levelfive.monitoring.faults import Fault, Faults
from levelfive.monitoring.raised import Raised, raised
from levelfive.monitoring.strange import ValueKind
from levelfive.monitoring.verdict import judge_window
from levelfive.statistics.metrics import Estimate
from levelfive.usecase.alert_rules import rule_for
from levelfive.usecase.policies import MonitoringPolicy

JUNE = date(2013, 6, 1)
SINCE = utc(2013, 5, 25)
DAY = timedelta(days=1)


def a_column(
    name: str, *, psi: float = 0.0, outside: float = 0.0, since: datetime | None = None, importance: float | None = None
) -> ColumnDrift:
    drift = ColumnDrift(name, {PSI: psi, OUTSIDE_SHARE: outside}, {PSI: 0.1}, p_value=0.5)
    return replace(drift, alarm_since=since, importance=importance)


def evidence(*columns: ColumnDrift, rules: tuple[AlertRule, ...] = (), **known: object) -> Evidence:
    landed = (Delivered("flights", 1000, 990, 10, 0), Delivered("weather", 1000, 990, 10, 0))
    usual = {
        "columns": columns,
        "delivery": Delivery(landed, 900.0, 900.0),
        "skill": None,
        "skill_at_training": 0.2,
        "faults": Faults(),
        "policy": MonitoringPolicy(alerts=rules),
        "task": BINARY,
    }
    return Evidence(**{**usual, **known})


def by_id(of: Evidence) -> dict[str, Raised]:
    return {one.alert_id: one for one in raised(of)}


def test_a_calm_window_raises_nothing() -> None:
    assert raised(evidence(a_column("temp"))) == ()


def test_a_season_is_one_alert_whose_columns_stand_by_their_importance() -> None:
    """Forty-seven alerts a month teach people to look away."""
    shares = {"column 30": 0.5, "column 07": 0.2}
    names = [f"column {number:02}" for number in range(47)]
    columns = [a_column(name, psi=1.0, since=SINCE, importance=shares.get(name)) for name in names]

    found = by_id(evidence(*columns, importance=shares))

    (season,) = found.values()
    assert (season.alert_id, season.severity) == ("drift_lasts", Severity.WARNING)
    assert season.text.startswith(
        "47 of the 47 columns that the model rests on most moved together, as in a new season, since 2013-05-25: "
        "column 30 (10.0 times its usual PSI, 50% of what the model rests on), column 07 ("
    )
    assert season.text.endswith(" and 44 more")
    assert season.cause == ("column 30", "column 07", "column 00")


def test_what_moved_in_one_window_alone_is_said_in_its_verdict_and_to_nobody() -> None:
    known = evidence(a_column("temp", psi=1.0))

    assert (raised(known), judge_window(known).unusual) == ((), ("temp",))


def test_columns_outside_are_one_alert_by_their_importance() -> None:
    columns = [a_column(f"column {number:02}", outside=0.1) for number in range(47)]

    (found,) = raised(evidence(*columns, importance={"column 30": 0.5, "column 07": 0.2}))

    assert (found.alert_id, found.severity) == ("columns_outside", Severity.INFO)
    assert found.text.startswith("47 columns: column 30, column 07, column 00, ")
    assert found.text.endswith(", ...")


def test_the_cause_of_what_lists_columns_is_the_first_of_these_and_no_other() -> None:
    columns = (
        a_column("(score)", psi=0.9, since=SINCE),
        a_column("temp", psi=0.2, since=SINCE, importance=0.1),
        a_column("wind", psi=9.0, importance=0.6),  # it moved in one window alone
        a_column("visib", outside=0.2, importance=0.05),
    )
    shares = {"temp": 0.1, "wind": 0.6, "visib": 0.05}
    broken = Faults((Fault("humid", JUNE, ValueKind.NULLS, 1.0, 0.0),))

    found = by_id(evidence(*columns, importance=shares, faults=broken))

    assert found["drift_lasts"].cause == ("temp",)
    assert found["columns_outside"].cause == ("visib",)


def test_no_column_is_the_cause_of_a_source_that_is_late() -> None:
    late = Newest("weather", SINCE, 30 * DAY, DAY)
    delivery = Delivery((), 900.0, 900.0, newest=(late,))

    found = by_id(evidence(a_column("temp", psi=9.0), delivery=delivery))

    assert found["source_is_late:weather"].cause == ()


def test_a_column_that_a_rule_names_has_an_alert_of_its_own() -> None:
    rule = AlertRule("drift_lasts", of="price", severity=Severity.CRITICAL)
    columns = (a_column("temp", psi=0.2, since=SINCE), a_column("price", psi=0.3, since=SINCE))

    found = by_id(evidence(*columns, rules=(rule,)))

    assert found.keys() == {"drift_lasts", "drift_lasts:price"}
    of_price = found["drift_lasts:price"]
    assert of_price.severity is Severity.CRITICAL
    assert of_price.text == "price: PSI 0.300, 3.0 times what is usual, since 2013-05-25"
    assert "price" not in found["drift_lasts"].text


def test_a_limit_of_a_column_is_that_of_the_verdict_too() -> None:
    drifts = (a_column("price", psi=0.3, outside=0.05), a_column("temp", psi=0.3, outside=0.05))
    rules = (AlertRule("columns_outside", of="temp", limit=0.1),)

    assert judge_window(evidence(*drifts, rules=rules)).outside == ("price",)


@pytest.mark.parametrize(("of", "ids"), [("", set()), ("weather", {"much_is_quarantined:flights"})])
def test_a_limit_is_of_a_source_or_of_all(of: str, ids: set[str]) -> None:
    landed = tuple(Delivered(name, 1000, 960, 40, 0, (JUNE,)) for name in ("flights", "weather"))
    rule = AlertRule("much_is_quarantined", of=of, limit=0.05)

    found = by_id(evidence(rules=(rule,), delivery=Delivery(landed, 900.0, 900.0)))

    assert found.keys() == ids
    assert [one.finding.days for one in found.values()] == [(JUNE,)] * len(ids)


@pytest.mark.parametrize(
    ("rows", "quarantined", "is_said"),
    [(15, 1, False), (100, 3, False), (100, 6, True), (5, 5, True), (1, 1, False), (30_000, 601, True)],
)
def test_a_stray_row_of_a_few_is_not_much_quarantine(rows: int, quarantined: int, is_said: bool) -> None:
    landed = (Delivered("flights", rows, rows - quarantined, quarantined, 0, (JUNE,)),)

    found = by_id(evidence(delivery=Delivery(landed, 900.0, 900.0)))

    assert found.keys() == ({"much_is_quarantined:flights"} if is_said else set())


def test_what_is_found_of_a_column_on_several_days_and_in_several_ways_is_one_alert() -> None:
    faults = (
        Fault("temp", JUNE, ValueKind.NULLS, 1.0, 0.0),
        Fault("temp", JUNE + DAY, ValueKind.FREQUENT, 0.9, 0.1),
    )

    (found,) = raised(evidence(faults=Faults(columns=faults)))

    assert found.alert_id == "column_is_broken:temp"
    assert found.finding.days == (JUNE, JUNE + DAY)
    assert not found.finding.lacks_values
    assert found.text.count("; ") == 1


def an_estimate(low: float, high: float, days: int = 7, rows: int = 900) -> Estimate:
    return Estimate((low + high) / 2, low, high, days, rows)


@pytest.mark.parametrize(
    ("metric", "limit", "low", "high", "is_raised"),
    [
        ("auc", 0.65, 0.6, 0.64, True),
        ("auc", 0.65, 0.6, 0.66, False),
        ("log_loss", 0.4, 0.41, 0.5, True),
        ("log_loss", 0.4, 0.3, 0.35, False),
        ("calibration", 0.05, 0.06, 0.08, True),
        ("calibration", 0.05, -0.08, -0.06, True),
        ("calibration", 0.05, -0.04, 0.04, False),
    ],
)
def test_a_metric_is_beyond_its_limit_where_its_whole_interval_is(
    metric: str, limit: float, low: float, high: float, is_raised: bool
) -> None:
    rule = AlertRule("metric_is_beyond", of=metric, limit=limit)

    found = by_id(evidence(rules=(rule,), metrics={"": {metric: an_estimate(low, high)}}))

    assert found.keys() == ({f"metric_is_beyond:{metric}"} if is_raised else set())


@pytest.mark.parametrize(
    ("task", "metric"),
    [
        (Multiclass("weather", ["sun", "rain"]), "calibration_rain"),
        (Quantiles("wait", [0.1, 0.9]), "calibration_p10"),
        (REGRESSION, "bias"),
    ],
)
@pytest.mark.parametrize(("low", "high", "is_raised"), [(-0.01, 0.01, False), (0.19, 0.21, True), (-0.21, -0.19, True)])
def test_a_metric_of_which_0_is_best_may_lie_too_high_and_too_low_whatever_the_task(
    task: Task, metric: str, low: float, high: float, is_raised: bool
) -> None:
    rule = AlertRule("metric_is_beyond", of=metric, limit=0.05)

    found = by_id(evidence(rules=(rule,), task=task, metrics={"": {metric: an_estimate(low, high)}}))

    assert bool(found) is is_raised


def test_a_limit_of_a_slice_is_of_that_slice_and_holds_no_retraining_back() -> None:
    rule = AlertRule("metric_is_beyond", of="auc", slice="origin=JFK", limit=0.65)
    metrics = {name: {"auc": an_estimate(0.5, 0.6)} for name in ("", "origin=JFK", "origin=EWR")}
    known = evidence(a_column("temp", psi=9.0), rules=(rule,), metrics=metrics)

    (found,) = (one for one in raised(known) if one.alert == "metric_is_beyond")

    assert found.alert_id == "metric_is_beyond:auc:origin=JFK"
    assert found.text == "auc of origin=JFK 0.550 [0.500, 0.600], wholly beyond 0.65"
    assert found.cause == ("temp",)
    assert judge_window(known).harmful == ()


@pytest.mark.parametrize("few", [{"days": 4}, {"rows": 499}])
def test_few_days_or_rows_say_nothing_of_a_metric(few: dict[str, int]) -> None:
    rule = AlertRule("metric_is_beyond", of="auc", limit=0.65)

    assert raised(evidence(rules=(rule,), metrics={"": {"auc": an_estimate(0.5, 0.6, **few)}})) == ()


def test_broken_columns_are_the_likeliest_cause_and_then_those_that_moved_most_among_the_important() -> None:
    columns = [a_column("a", psi=2.0), a_column("b", psi=1.0), a_column("c", psi=3.0), a_column("calm")]
    faults = (Fault("d", JUNE, ValueKind.NULLS, 1.0, 0.0), Fault("(score)", JUNE, ValueKind.FACTOR, 1.0, 0.0))

    assert likely_causes(columns, (), {}) == ("c", "a", "b")
    assert likely_causes(columns, faults, {}) == ("d", "c", "a")
    assert likely_causes(columns, (), {"a": 0.1, "b": 0.6, "calm": 0.3}) == ("b", "a")


def test_of_several_rules_the_one_that_names_more_counts_and_others_fill_it_up() -> None:
    rules = (
        AlertRule("drift_lasts", of="price", limit=0.5),
        AlertRule("drift_lasts", severity=Severity.WARNING, limit=0.2, windows=3, of_them=2),
    )

    found = rule_for(rules, "drift_lasts", "price")

    assert (found.limit, found.severity, found.windows, found.of_them) == (0.5, Severity.WARNING, 3, 2)
    assert rule_for(rules, "drift_lasts", "temp").limit == 0.2
    assert rule_for(rules, "columns_outside", "price") == AlertRule("columns_outside", "price")


@pytest.mark.parametrize(
    "wrong",
    [{"alert": ""}, {"slice": "JFK"}, {"limit": float("nan")}, {"windows": 3}, {"windows": 2, "of_them": 3}],
)
def test_a_rule_that_makes_no_sense_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=r"an AlertRule takes .*correct the use case"):
        AlertRule(**{"alert": "drift_lasts", **wrong})


def test_a_rule_for_an_alert_that_there_is_not_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"there is no alert column_is_braken: correct .*column_is_broken"):
        check_rules([AlertRule("column_is_braken"), AlertRule("column_is_broken")])


def test_a_limit_on_the_skill_is_one_on_harm() -> None:
    skill = an_estimate(0.05, 0.08)

    assert by_id(evidence(skill=skill)).keys() == set()
    found = by_id(evidence(skill=skill, rules=(AlertRule("skill_is_lost", limit=0.5),)))
    assert found["skill_is_lost"].severity is Severity.CRITICAL


def test_what_an_encoder_made_of_a_column_counts_for_the_column() -> None:
    columns = ColumnTransformer(
        [("place", OneHotEncoder(), ["origin"]), ("rest", "passthrough", ["origin_delay", "distance"])]
    )
    rows = pd.DataFrame({"origin": list("abcabcab"), "origin_delay": range(8), "distance": [0.0] * 8})
    forest = RandomForestRegressor(n_estimators=3, random_state=0)
    model = Pipeline([("columns", columns), ("model", forest)]).fit(rows, [0, 1, 2, 0, 4, 5, 3, 4])

    found = importance_of(model, tuple(rows.columns))

    shares = forest.feature_importances_
    assert found == pytest.approx({"origin": shares[:3].sum(), "origin_delay": shares[3], "distance": 0.0})
    assert 0 < found["origin"] < 1


def test_an_estimator_that_does_not_say_what_it_rests_on_has_no_importance() -> None:
    assert importance_of(Pipeline([("model", LogisticRegression())]), ("distance",)) == {}
    assert importance_of(LogisticRegression(), ("distance",)) == {}
