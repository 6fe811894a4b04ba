"""What single requests saw, beside the batch: counted by feature and day, and told by name."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from levelfive.core.days import number_of
from levelfive.core.windows import Window, to_micros, utc
from levelfive.features.watermarks import WrittenWindow
from levelfive.monitoring.alerts import said_of
from levelfive.monitoring.consistency import FeatureDay, worst_first
from levelfive.monitoring.consistency_anew import TableHistory
from levelfive.monitoring.consistency_compare import LoggedAnswers, compare, feature_days
from levelfive.monitoring.evidence import SERVING, Delivery, Evidence
from levelfive.monitoring.faults import Faults
from levelfive.usecase.policies import MonitoringPolicy

HOUR = timedelta(hours=1)
MONDAY, TUESDAY = date(2013, 5, 6), date(2013, 5, 7)
SERVED_AT = utc(2013, 5, 6, 12)
FEATURES, CATEGORIES = ("wind", "visib", "engine"), ("engine",)


def batch(rows: int = 4) -> pd.DataFrame:
    """Build what the batch join gives: a row has a wind of its own, and a visibility in miles."""
    winds = [10.0 + number for number in range(rows)]
    return pd.DataFrame({"wind": winds, "visib": [10.0] * rows, "engine": ["jet"] * rows})


def compared(
    served: pd.DataFrame,
    again: pd.DataFrame,
    *,
    days: Sequence[date] = (),
    behind: Sequence[bool] = (),
    categories: Sequence[str] = CATEGORIES,
) -> dict[tuple[date, str], FeatureDay]:
    """Compare, with all rows on Monday and nothing behind unless it is said otherwise."""
    rows, features = len(again), tuple(again)
    is_behind = np.array(behind or [False] * rows)
    numbers = np.array([number_of(day) for day in days or [MONDAY] * rows])
    times = np.full(rows, to_micros(SERVED_AT))
    answers = LoggedAnswers(served, again, dict.fromkeys(features, is_behind), numbers, times)
    found = feature_days(compare(answers, features, categories).to_dict("records"))
    return {(one.day, one.feature): one for one in found}


def counts(one: FeatureDay) -> tuple[int, int, int, int]:
    return one.matches, one.mismatches, one.missing, one.extra


def a_feature_day(**fields: Any) -> FeatureDay:
    usual: dict[str, Any] = {"mismatches": 0, "missing": 0, "extra": 0, "behind": 0}
    told: dict[str, Any] = {"max_difference": None, "mean_difference": None, "first_served_at": SERVED_AT}
    return FeatureDay(**{"day": MONDAY, "feature": "wind", "answers": 240, **usual, **told, **fields})


def said(*days: FeatureDay, log_counts: tuple[int, int] = (0, 0)) -> tuple[str, ...]:
    evidence = Evidence(
        columns=(),
        delivery=Delivery((), 100, 100),
        skill=None,
        skill_at_training=None,
        faults=Faults(()),
        policy=MonitoringPolicy(),
        consistency=days,
        log_counts=log_counts,
    )
    return said_of(SERVING, evidence)


def test_the_same_values_match_to_the_last_bit() -> None:
    found = compared(batch(), batch())

    assert [counts(one) for one in found.values()] == [(4, 0, 0, 0)] * 3
    assert (found[MONDAY, "wind"].max_difference, found[MONDAY, "wind"].mean_difference) == (0.0, 0.0)
    assert (found[MONDAY, "engine"].max_difference, found[MONDAY, "engine"].mean_difference) == (None, None)
    assert not any(one.is_wrong for one in found.values())


def test_one_bit_is_a_mismatch() -> None:
    served = batch()
    served.loc[2, "wind"] = np.nextafter(12.0, 13.0)

    one = compared(served, batch())[MONDAY, "wind"]

    assert (counts(one), one.is_wrong) == ((3, 1, 0, 0), True)
    assert one.max_difference == np.nextafter(12.0, 13.0) - 12.0


def test_kilometres_for_miles_are_named_with_their_feature_and_difference() -> None:
    served = batch().assign(visib=lambda rows: rows["visib"] * 1.609344)

    found = compared(served, batch())

    assert {feature for (_, feature), one in found.items() if one.is_wrong} == {"visib"}
    assert counts(found[MONDAY, "visib"]) == (0, 4, 0, 0)
    assert found[MONDAY, "visib"].mean_difference == pytest.approx(6.09344)


def test_only_the_day_of_a_skew_is_named() -> None:
    served = batch()
    served.loc[2:, "visib"] *= 1.609344

    found = compared(served, batch(), days=[MONDAY, MONDAY, TUESDAY, TUESDAY])

    assert {of for of, one in found.items() if one.is_wrong} == {(TUESDAY, "visib")}
    assert found[TUESDAY, "visib"].answers == 2


def test_a_value_of_one_side_alone_is_missing_or_extra() -> None:
    served, again = batch(), batch()
    served.loc[:1, "wind"] = None
    again.loc[2, "wind"] = None
    served.loc[3, "wind"], again.loc[3, "wind"] = None, None
    served.loc[0, "engine"], again.loc[1:2, "engine"] = None, None

    found = compared(served, again)

    assert counts(found[MONDAY, "wind"]) == (1, 0, 2, 1)
    assert counts(found[MONDAY, "engine"]) == (1, 0, 1, 2)
    assert found[MONDAY, "wind"].max_difference is None


def test_values_are_compared_as_the_model_reads_them() -> None:
    served = pd.DataFrame({"seats": [150.0], "rate": np.array([0.1], np.float32), "is_late": ["true"], "tail": ["7"]})
    again = pd.DataFrame({"seats": [150], "rate": [float(np.float32(0.1))], "is_late": [True], "tail": [7.0]})

    found = compared(served, again, categories=("is_late", "tail"))

    assert [counts(one) for one in found.values()] == [(1, 0, 0, 0)] * 4


def test_what_the_last_publication_could_not_hold_is_shown_and_no_wrong() -> None:
    served = batch().assign(wind=9.0)

    one = compared(served, batch(), behind=[True, True, True, True])[MONDAY, "wind"]

    assert (counts(one), one.behind, one.is_wrong) == ((0, 4, 0, 0), 4, False)


def test_matches_are_never_behind() -> None:
    assert compared(batch(), batch(), behind=[True] * 4)[MONDAY, "wind"].behind == 0


def test_of_a_table_that_was_computed_anew_most_answers_have_to_differ() -> None:
    few, most, hardly_any_answers = (
        a_feature_day(computed_anew=True, mismatches=wrong, answers=answers)
        for wrong, answers in ((120, 240), (121, 240), (9, 9))
    )

    assert [one.is_wrong for one in (few, most, hardly_any_answers)] == [False, True, False]


def test_the_alert_names_feature_answers_and_day() -> None:
    assert said(a_feature_day(mismatches=200, missing=12, behind=2)) == (
        "wind differed from the batch in 210 of 240 answers on 2013-05-06",
    )


def test_the_alert_adds_the_days_of_a_feature_up_and_leaves_sound_ones_out() -> None:
    found = said(
        a_feature_day(mismatches=1),
        a_feature_day(mismatches=239, day=TUESDAY, computed_anew=True),
        a_feature_day(feature="temp"),
        a_feature_day(feature="gust", mismatches=240, behind=240),
    )

    assert found == (
        "wind, whose table was computed anew since, differed from the batch in 240 of 480 answers on 2 days from "
        "2013-05-06 to 2013-05-07",
    )


def test_the_alert_names_the_worst_features_and_counts_the_others() -> None:
    found = said(*(a_feature_day(feature=f"f{number}", mismatches=number) for number in range(1, 9)))

    assert [text.split()[0] for text in found] == ["f8", "f7", "f6", "f5", "f4", "so"]
    assert found[-1] == "so did 3 more features, such as f3: see the table consistency"


def test_the_alert_says_how_many_rows_of_the_log_could_not_be_read() -> None:
    assert said(log_counts=(300, 12)) == (
        "12 of 300 rows of the request log could not be read: see the table quarantine, source request_log",
    )
    assert said(log_counts=(300, 0)) == ()


def test_what_nothing_explains_comes_before_what_is_behind() -> None:
    behind, wrong, sound = (a_feature_day(mismatches=240, behind=240), a_feature_day(mismatches=1), a_feature_day())

    assert worst_first([sound, behind, wrong]) == [wrong, behind, sound]


def written(start: datetime, hours: int, version: int) -> WrittenWindow:
    return WrittenWindow("weather", Window(start, start + hours * HOUR), version)


DAWN = utc(2013, 5, 6)
DAY = Window(DAWN, DAWN + 24 * HOUR)


@pytest.mark.parametrize(
    ("windows", "since", "expected"),
    [
        ([written(DAWN, 6, 1), written(DAWN + 6 * HOUR, 6, 2)], DAWN + 6 * HOUR, False),
        ([written(DAWN, 6, 1), written(DAWN + 2 * HOUR, 2, 2)], DAWN + 6 * HOUR, True),
        ([written(DAWN, 6, 1), written(DAWN + 2 * HOUR, 2, 2)], DAWN + 12 * HOUR, False),
        ([written(DAWN - 48 * HOUR, 6, 1), written(DAWN - 48 * HOUR, 6, 2)], DAWN + 6 * HOUR, False),
    ],
    ids=["the next window", "again, later", "again, before the answers", "again, long ago"],
)
def test_a_window_that_was_written_again_after_an_answer_is_told(
    windows: list[WrittenWindow], since: datetime, expected: bool
) -> None:
    history = TableHistory(windows, [(DAWN + 6 * HOUR, 1), (DAWN + 12 * HOUR, 2)], has_times=True)

    assert history.was_computed_anew(DAY, since) is expected


@pytest.mark.parametrize(("newest", "expected"), [(1, False), (2, True)], ids=["as it was", "rebuilt"])
def test_a_table_without_times_is_computed_anew_as_a_whole(newest: int, expected: bool) -> None:
    history = TableHistory([], [(DAWN, 1), (DAWN + 12 * HOUR, newest)], has_times=False)

    assert history.was_computed_anew(DAY, DAWN + 6 * HOUR) is expected
