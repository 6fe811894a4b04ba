"""What monitoring says of a window, in statements kept apart: harm, broken data and real time call for a person."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from levelfive.core.windows import utc
from levelfive.monitoring.drift_statistics import OUTSIDE_SHARE, PSI, ColumnDrift
from levelfive.monitoring.evidence import Delivered, Delivery, Evidence
from levelfive.monitoring.faults import Fault, Faults
from levelfive.monitoring.strange import ValueKind
from levelfive.monitoring.verdict import WindowVerdict, judge_window
from levelfive.online.staleness import Behind
from levelfive.statistics.metrics import Estimate
from levelfive.usecase.policies import MonitoringPolicy

JUNE = date(2013, 6, 1)
HOUR = timedelta(hours=1)


def a_column(
    name: str = "temperature", *, psi: float = 0.0, outside: float = 0.0, usual: float | None = 0.1
) -> ColumnDrift:
    return ColumnDrift(name, {PSI: psi, OUTSIDE_SHARE: outside}, {} if usual is None else {PSI: usual})


def a_delivery(rows_a_day: float = 900.0, quarantined: int = 0) -> Delivery:
    landed = (Delivered("flights", 30_000, 30_000 - quarantined, quarantined, 0),)
    return Delivery(landed, rows_a_day=rows_a_day, rows_a_day_at_training=900.0)


def of_columns(*columns: str) -> Delivery:
    """Build a delivery of which all columns rest on one source."""
    return replace(a_delivery(), columns={"flights": frozenset(columns)})


def broken_on(column: str, day: date) -> Fault:
    return Fault(column, day, ValueKind.NULLS, 1.0, 0.0)


def a_skill(low: float, high: float, days: int = 28, rows: int = 25_000) -> Estimate:
    return Estimate((low + high) / 2, low, high, days, rows)


def verdict(
    *columns: ColumnDrift,
    delivery: Delivery | None = None,
    skill: Estimate | None = None,
    at_training: float | None = 0.18,
    faults: Faults | None = None,
    online: Behind | None = None,
) -> WindowVerdict:
    return judge_window(
        Evidence(
            columns=columns,
            delivery=delivery or a_delivery(),
            skill=skill,
            skill_at_training=at_training,
            faults=faults or Faults(),
            policy=MonitoringPolicy(),
            online=online,
            max_staleness=HOUR,
        )
    )


def test_a_window_like_the_baseline_gives_no_statement() -> None:
    assert WindowVerdict((), (), (), ()) == verdict(a_column(), skill=a_skill(0.15, 0.2))


def test_a_season_is_unusual_and_outside_and_harms_nobody() -> None:
    summer = a_column("temperature", psi=4.0, outside=0.2)

    found = verdict(summer, skill=a_skill(0.12, 0.2))

    assert (found.outside, found.unusual) == (("temperature",), ("temperature",))
    assert (found.harmful, found.broken) == ((), ())


def test_a_column_is_unusual_only_above_what_its_own_days_give() -> None:
    columns = (a_column("at", psi=0.1), a_column("above", psi=0.11), a_column("not known", usual=None, psi=9.0))

    assert verdict(*columns).unusual == ("above",)


@pytest.mark.parametrize(("low", "high", "harms"), [(-0.3, -0.1, True), (0.0, 0.044, True), (0.0, 0.046, False)])
def test_a_model_harms_where_its_skill_lies_wholly_below_a_share_of_that_at_training(
    low: float, high: float, harms: bool
) -> None:
    assert harms == bool(verdict(skill=a_skill(low, high)).harmful)


def test_a_skill_that_reaches_what_is_asked_for_does_no_harm() -> None:
    assert not verdict(skill=a_skill(0.0, 0.045)).harmful


@pytest.mark.parametrize(
    ("at_training", "asked_for"),
    [(0.18, "4.5% that is asked for, 18.0% at training"), (None, "0.0% that is asked for")],
)
def test_harm_is_said_with_the_skill_and_what_is_asked_for(at_training: float | None, asked_for: str) -> None:
    found = verdict(skill=a_skill(-0.3, -0.1), at_training=at_training)

    assert found.harmful == (
        f"skill -20.0% [-30.0%, -10.0%], wholly below the {asked_for}: the model is hardly better than a constant "
        "prediction, or worse",
    )


def test_without_a_known_skill_at_training_a_model_harms_where_a_constant_is_better() -> None:
    assert verdict(skill=a_skill(-0.2, -0.01), at_training=None).harmful
    assert not verdict(skill=a_skill(-0.2, 0.01), at_training=None).harmful


@pytest.mark.parametrize("few", [{"days": 4}, {"rows": 499}])
def test_few_days_or_rows_say_nothing_of_the_model(few: dict[str, int]) -> None:
    assert not verdict(skill=a_skill(-0.5, -0.4, **few)).harmful


def test_just_enough_days_and_rows_say_something_of_the_model() -> None:
    assert verdict(skill=a_skill(-0.5, -0.4, days=5, rows=500)).harmful


def test_a_skill_without_an_interval_says_nothing() -> None:
    assert not verdict(skill=a_skill(float("nan"), float("nan"))).harmful


@pytest.mark.parametrize(
    ("kind", "value", "usual", "said"),
    [
        (ValueKind.FACTOR, 1.609, 1.0, "way: its quantiles are 1.61 times what they were, another unit? on 2013-06-01"),
        (ValueKind.NULLS, 0.21, 0.0, "way: 21% of the rows have no value, usually 0% on 2013-06-01"),
        (ValueKind.FREQUENT, 1.0, 0.1, "way: 100% of the values are the same one, usually 10% on 2013-06-01"),
        (
            ValueKind.OUTSIDE,
            0.5,
            0.0,
            "way: 50% of the values are new or far outside the training's range, usually 0% on",
        ),
    ],
)
def test_a_broken_column_is_said_with_its_value_and_what_is_usual(
    kind: ValueKind, value: float, usual: float, said: str
) -> None:
    (found,) = verdict(faults=Faults((Fault("way", JUNE, kind, value, usual),))).broken

    assert found.startswith(said)


def test_the_days_of_a_broken_column_are_said_once() -> None:
    days = [JUNE, JUNE + timedelta(days=1), JUNE + timedelta(days=3)]

    (found,) = verdict(faults=Faults(tuple(Fault("way", day, ValueKind.NULLS, 0.5, 0.0) for day in days))).broken

    assert found.endswith("on 3 days from 2013-06-01 to 2013-06-04")


def test_a_broken_column_calls_a_person_and_leaves_nothing_out() -> None:
    found = verdict(faults=Faults((broken_on("way", JUNE),)), delivery=of_columns("way", "from", "to"))

    assert (bool(found.broken), found.left_out) == (True, ())


def test_days_on_which_half_of_a_source_s_columns_are_broken_are_left_out() -> None:
    faults = Faults((broken_on("way", JUNE), broken_on("to", JUNE), broken_on("way", JUNE + timedelta(days=1))))

    found = verdict(faults=faults, delivery=of_columns("way", "from", "to"))

    assert found.left_out == (JUNE,)
    of_source, of_column = found.broken
    assert of_source.startswith("flights: 2 of its 3 columns are broken on 2013-06-01, such as to: 100% of the rows")
    assert of_column.startswith("way: ")
    assert of_column.endswith(" on 2013-06-02")  # the day before is said with its source


def test_days_that_lack_rows_or_hold_much_quarantine_are_left_out() -> None:
    missing = (Fault("(score)", JUNE, ValueKind.FACTOR, 300.0, 900.0),)
    landed = (replace(a_delivery(quarantined=601).source_counts[0], days=(JUNE + timedelta(days=2),)),)

    found = verdict(delivery=replace(a_delivery(), missing=missing, source_counts=landed))

    assert found.left_out == (JUNE, JUNE + timedelta(days=2))
    assert found.broken[1:] == ("2013-06-01: 300 rows, usually 900: rows are missing",)


def test_a_file_with_much_quarantine_leaves_no_day_out_where_its_source_is_not_broken() -> None:
    landed = (replace(a_delivery(quarantined=300).source_counts[0], days=(JUNE,)),)

    found = verdict(delivery=replace(a_delivery(), source_counts=landed))

    assert (found.broken, found.left_out) == ((), ())


def test_a_season_that_moves_all_of_a_column_is_not_broken() -> None:
    assert not verdict(a_column(outside=0.9, psi=9.0)).broken


def test_a_column_is_outside_where_more_than_a_share_of_it_is() -> None:
    assert verdict(a_column("at", outside=0.01), a_column("above", outside=0.011)).outside == ("above",)


def test_nothing_is_said_of_a_column_without_statistics() -> None:
    said = verdict(ColumnDrift("empty", {}, {PSI: 0.1}))

    assert (said.outside, said.unusual, said.broken) == ((), (), ())


def test_a_delivery_is_broken_by_much_quarantine_or_by_missing_rows() -> None:
    assert not verdict(delivery=a_delivery(quarantined=600)).broken
    assert "601 of 30,000 rows" in verdict(delivery=a_delivery(quarantined=601)).broken[0]
    assert not verdict(delivery=a_delivery(rows_a_day=450)).broken
    assert "449 rows a day" in verdict(delivery=a_delivery(rows_a_day=449)).broken[0]


def test_an_online_store_may_be_behind_as_far_as_its_policy_says() -> None:
    at = utc(2013, 6, 1, 12)

    allowed, late = (verdict(a_column(), online=Behind(at, at - by)) for by in (HOUR, HOUR + timedelta(seconds=1)))

    assert allowed == WindowVerdict((), (), (), ())
    assert (late.harmful, late.broken) == ((), ())
    assert late.serving == (
        "at 2013-06-01T12:00:00Z the online store reached to 2013-06-01T10:59:59Z, 1:00:01 behind, and 1:00:00 is "
        "allowed: look at the runs of features and of their publication",
    )
