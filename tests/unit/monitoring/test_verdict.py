"""What monitoring says of a window: three statements kept apart, and only harm or broken data calls for a person."""

from dataclasses import replace

import pytest

from levelfive.metrics import Estimate
from levelfive.monitoring.drift import Drift
from levelfive.monitoring.verdict import ColumnDrift, Delivered, Delivery, Verdict, judge
from levelfive.policies import MonitoringPolicy

NOTHING = Drift(0.0, 0.0, 0.0, 0.0, None, None, 0.0, 0.0)


def a_column(name: str = "temperature", usual: float | None = 0.1, **moved: float | None) -> ColumnDrift:
    return ColumnDrift(name, replace(NOTHING, **moved), usual)


def a_delivery(rows_a_day: float = 900.0, quarantined: int = 0) -> Delivery:
    landed = (Delivered("flights", 30_000, 30_000 - quarantined, quarantined, 0),)
    return Delivery(landed, rows_a_day=rows_a_day, rows_a_day_at_training=900.0)


def a_skill(low: float, high: float, days: int = 28, rows: int = 25_000) -> Estimate:
    return Estimate((low + high) / 2, low, high, days, rows)


def verdict(
    *columns: ColumnDrift,
    delivery: Delivery | None = None,
    skill: Estimate | None = None,
    at_training: float | None = 0.18,
) -> Verdict:
    return judge(
        columns,
        delivery or a_delivery(),
        skill,
        skill_at_training=at_training,
        policy=MonitoringPolicy(),
    )


def test_a_window_like_the_baseline_gives_no_statement() -> None:
    assert Verdict((), (), (), ()) == verdict(a_column(), skill=a_skill(0.15, 0.2))


def test_a_season_is_unusual_and_outside_and_harms_nobody() -> None:
    summer = a_column("temperature", psi=4.0, outside_share=0.2)

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
    ("broken", "said"),
    [
        (a_column("wind", outside_share=0.26), "wind: 26% of its values lie outside"),
        (a_column("way", scale=1.609, psi=1.9), "way: all its quantiles are 1.61 times"),
        (a_column("way", scale=1 / 1.609, psi=1.9), "way: all its quantiles are 0.622 times"),
        (a_column("wind", null_share_change=0.21), "wind: the share of missing values grew by 21%"),
    ],
)
def test_a_column_of_another_unit_or_without_its_values_is_broken(broken: ColumnDrift, said: str) -> None:
    assert verdict(broken).broken[0].startswith(said)


@pytest.mark.parametrize("moved", [{"scale": 1.4, "psi": 9.0}, {"scale": 1.6, "psi": 0.9}])
def test_a_small_common_factor_or_a_small_change_is_no_other_unit(moved: dict[str, float]) -> None:
    assert not verdict(a_column(**moved)).broken


@pytest.mark.parametrize(
    "at_the_limit",
    [
        {"outside_share": 0.25},
        {"outside_share": 0.5, "scale": 1.07},
        {"scale": 2.0, "psi": 1.0},
        {"null_share_change": 0.2},
    ],
)
def test_a_column_at_a_limit_is_not_broken(at_the_limit: dict[str, float]) -> None:
    assert not verdict(a_column(**at_the_limit)).broken


def test_a_column_is_outside_where_more_than_a_share_of_it_is() -> None:
    assert verdict(a_column("at", outside_share=0.01), a_column("above", outside_share=0.011)).outside == ("above",)


@pytest.mark.parametrize("scale", [1.5, 1 / 1.5])
def test_the_least_factor_of_another_unit_is_one(scale: float) -> None:
    assert verdict(a_column(scale=scale, psi=9.0)).broken


def test_a_column_that_has_not_moved_is_of_no_other_unit() -> None:
    strict = MonitoringPolicy(broken_psi=0.5)

    found = judge([a_column(scale=2.0, psi=0.0)], a_delivery(), None, skill_at_training=None, policy=strict)

    assert not found.broken


def test_a_count_that_grew_a_little_is_not_broken_until_half_of_it_is_outside() -> None:
    assert not verdict(a_column("due", scale=1.07, psi=3.7, outside_share=0.31)).broken
    assert verdict(a_column("pressure", scale=1.07, psi=3.7, outside_share=0.51)).broken
    assert verdict(a_column("due", scale=2.0, psi=0.5, outside_share=0.31)).broken


def test_what_a_column_has_not_does_not_break_it() -> None:
    assert not verdict(a_column(outside_share=None, null_share_change=None, psi=None)).broken


def test_a_delivery_is_broken_by_much_quarantine_or_by_missing_rows() -> None:
    assert not verdict(delivery=a_delivery(quarantined=600)).broken
    assert "601 of 30,000 rows" in verdict(delivery=a_delivery(quarantined=601)).broken[0]
    assert not verdict(delivery=a_delivery(rows_a_day=450)).broken
    assert "449 rows a day" in verdict(delivery=a_delivery(rows_a_day=449)).broken[0]
