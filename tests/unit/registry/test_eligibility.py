"""What lets a version go live: a whole approval of the verdict that it carries."""

from itertools import combinations

import pytest

from levelfive.core.windows import utc
from levelfive.errors import PromotionConflict, RegistryError, TableConflict, TableError
from levelfive.registry.eligibility import approval_tags, approved, check_approver, check_rival, verdict_tags
from levelfive.registry.gate import GateVerdict, VerdictKind
from levelfive.registry.promotions import Promotion, append
from levelfive.registry.store import RegisteredVersion
from levelfive.registry.tags import SOURCE_MODEL, TRAINED_BY

NOW = utc(2013, 4, 1)
LIVE = Promotion(1, "models.prod.flights", "1", None, NOW, "promote", "ada", "better", "{}", "r1")
PASSED, ANOTHER = (GateVerdict(VerdictKind.BETTER, True, (reason,)) for reason in ("first", "second"))


def a_version(verdict=PASSED, **more):
    return RegisteredVersion("models.prod.flights", "2", {**verdict_tags(verdict, LIVE), **more})


def approved_by(name, found, made=(LIVE,)):
    return approval_tags(found, made, as_of=NOW, by=name, reason=f"{name} read it")


def test_an_approval_is_told_with_who_when_and_why():
    found = a_version(**approved_by("grace", a_version()))

    assert approved(found, [LIVE], NOW) == "approved by grace as of 2013-04-01T00:00:00Z: grace read it"


@pytest.mark.parametrize("verdict", [PASSED, ANOTHER], ids=["the same verdict", "judged anew"])
def test_half_of_an_approval_is_none_even_over_an_earlier_one(verdict):
    earlier = approved_by("grace", a_version())
    later = approved_by("ada", a_version(verdict))
    changed = [name for name, value in later.items() if earlier[name] != value]

    assert len(changed) == 3  # all but when
    for some in (of for many in (1, 2) for of in combinations(changed, many)):
        half = {**earlier, **{name: later[name] for name in some}}
        with pytest.raises(RegistryError, match="waits for an approval"):
            approved(a_version(verdict, **half), [LIVE], NOW)
    assert "ada" in approved(a_version(verdict, **later), [LIVE], NOW)


def test_a_verdict_against_an_earlier_champion_says_as_of_when_to_judge_again():
    later = Promotion(2, LIVE.model_name, "3", "1", utc(2013, 4, 2), "promote", "ada", "better", "{}", "r2")

    for found, again in ((a_version(), "Train again"), (a_version(**{SOURCE_MODEL: "a"}), "Copy it again")):
        with pytest.raises(RegistryError, match=f"{again} as of a time after 2013-04-02T00:00:00Z"):
            check_rival(found, [LIVE, later])


@pytest.mark.parametrize(("refusal", "error"), [(TableConflict, PromotionConflict), (TableError, TableError)])
def test_only_a_conflict_is_called_one(refusal, error):
    class Tables:
        @property
        def control_tables(self):
            raise refusal("no")

    with pytest.raises(error) as raised:
        append(Tables(), LIVE)
    assert type(raised.value) is error


PRINCIPAL = "00000000-0000-0000-0000-000000000003"


@pytest.mark.parametrize(
    ("trained_by", "by", "says"),
    [
        ({TRAINED_BY: "ada@example.com"}, "Ada@example.com", "was trained by ada@example.com, who may not approve it"),
        ({TRAINED_BY: ""}, "grace@example.com", "does not say who trained it"),
        ({}, "grace@example.com", "does not say who trained it"),
        ({TRAINED_BY: "ada@example.com"}, "", "approved by nobody who is known"),
    ],
)
def test_who_trained_a_version_or_is_not_known_lets_it_go_live_nowhere_but_on_a_laptop(trained_by, by, says):
    with pytest.raises(RegistryError, match=says):
        check_approver(a_version(**trained_by), by, trainer_may_approve=False)

    if by:
        check_approver(a_version(**trained_by), by, trainer_may_approve=True)


@pytest.mark.parametrize(("trained_by", "by"), [("ada@example.com", "grace@example.com"), (PRINCIPAL, PRINCIPAL)])
def test_another_person_may_approve_and_so_may_the_service_principal_of_a_pipeline(trained_by, by):
    check_approver(a_version(**{TRAINED_BY: trained_by}), by, trainer_may_approve=False)


def test_nobody_who_is_not_known_approves_on_a_laptop_either():
    with pytest.raises(RegistryError, match="Start a run of its own for the approval"):
        check_approver(a_version(), "", trainer_may_approve=True)
