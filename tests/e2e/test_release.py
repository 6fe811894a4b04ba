"""One model from development to production: two lakehouses and two registries on one machine, no cloud."""

from __future__ import annotations

import getpass
import shutil
import socket
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from commands import run
from first_champion import AS_OF, LATER
from levelfive.app import App
from levelfive.config import Approval, Settings
from levelfive.errors import ConfigError, ModelNotFound, PromotionConflict, RegistryError, TableError
from levelfive.policies import GatePolicy
from levelfive.predictions import PREDICTIONS, Role
from levelfive.registry import job as registry
from levelfive.registry import tags
from levelfive.registry.aliases import nominate
from levelfive.registry.eligibility import judged, passed_verdict
from levelfive.registry.gate import Verdict, VerdictKind
from levelfive.registry.promotions import PROMOTIONS, Promotion, champion_as_of, history
from levelfive.registry.store import CHALLENGER, CHAMPION, CentralRegistry
from levelfive.runs import RUNS, JobContext
from levelfive.scoring import job as scoring
from levelfive.training import job as training
from levelfive.training.admission import Admission, admit
from levelfive.windows import Window, iso
from registered import files_of

DAY = timedelta(days=1)
SCORED = Window(AS_OF, LATER)


@dataclass(frozen=True)
class Production:
    """An environment with data, a registry and a manual approval of its own; its gate answers to three days."""

    app: App
    context: JobContext
    development: CentralRegistry
    version: str

    def admit(self, as_of: datetime = LATER) -> Admission:
        return admit(self.context, self.app.registry, self.development, version=self.version, as_of=as_of)

    def approve(self, version: str, as_of: datetime = LATER) -> bool:
        how = {"as_of": as_of, "by": "grace", "reason": "calibrated"}
        return registry.approve(self.context, self.app.registry, version=version, **how)

    def promote(self, version: str, as_of: datetime = LATER) -> registry.RegistryResult:
        how = {"as_of": as_of, "by": "release", "approval": Approval.MANUAL}
        return registry.run(self.context, self.app.registry, version=version, **how)

    def rollback(self, as_of: datetime, **only: str | datetime) -> registry.RegistryResult:
        how = {"as_of": as_of, "by": "ada", "reason": "complaints"}
        return registry.rollback(self.context, self.app.registry, **how, **only)

    def score(self, as_of: datetime) -> scoring.ScoringResult:
        return scoring.run(self.context, self.app.registry, window=SCORED, as_of=as_of)

    def newer(self, folder: Path) -> Production:
        """Development makes another version, of the same files."""
        own = self.development
        folder.mkdir()
        made = own.register(own.download(self.version, folder), own.find(self.version).tags)
        return replace(self, version=made)

    def released(self) -> str:
        version = self.admit().version
        self.approve(version)
        self.promote(version)
        return version

    def another(self, like: str) -> str:
        """Register a second version, judged against the present champion and approved: the files of one there is."""
        (folder := self.app.home / f"package-{len(self.app.registry.versions())}").mkdir()
        verdict = passed_verdict(self.app.registry.find(like))
        said = judged(verdict, champion_as_of(self.made(), datetime.max.replace(tzinfo=UTC)))
        version = self.app.registry.register(self.app.registry.download(like, folder), said)
        self.approve(version)
        return version

    def made(self) -> tuple[Promotion, ...]:
        return history(self.app.tables, self.app.registry.name)

    def runs(self) -> list[dict[str, Any]]:
        return sorted(self.app.tables.ledgers.rows(RUNS), key=lambda row: row["started_at"])

    def trail(self) -> list[tuple[str, str, str]]:
        return [(row["room"], row["status"], row["model_version"] or "") for row in self.runs()]


@pytest.fixture
def development(loop, tmp_path: Path) -> tuple[CentralRegistry, str]:
    """Development's registry, and the version in it that its gate passed."""
    theirs, folder = loop.app.registry, tmp_path / "packages"
    own = CentralRegistry(f"sqlite:///{tmp_path}/development.db", theirs.name, artefacts=tmp_path / "development")
    made: dict[str, str] = {}
    for version in (loop.trained.candidate_version, loop.trained.version):
        (folder / version).mkdir(parents=True)
        kept = theirs.find(version).tags
        of = {tags.REFIT_OF: made[kept[tags.REFIT_OF]]} if tags.REFIT_OF in kept else {}
        made[version] = own.register(theirs.download(version, folder / version), {**kept, **of})
    return own, made[loop.trained.version]


@pytest.fixture
def production(loop, development, tmp_path: Path, request: pytest.FixtureRequest) -> Production:
    """The same files have landed there, and no model was ever live."""
    home, schema = tmp_path / "home", f"prod_{abs(hash(request.node.name)) % 10**8}"
    shutil.copytree(loop.app.home, home, ignore=shutil.ignore_patterns("registry", "tracking", PROMOTIONS, RUNS))
    (home / "lakehouse" / "whole_path.db").rename(home / "lakehouse" / f"{schema}.db")
    app = App.local(home, Settings(table_schema=schema, environment="prod", approval=Approval.MANUAL))
    use_case = replace(app.use_case, gate=GatePolicy(min_days=2, min_rows=100, margin=1.0))
    return Production(app, JobContext(app.tables, use_case, app.context.features), *development)


def test_a_model_goes_from_development_to_production_and_back(production: Production, tmp_path: Path) -> None:
    central, hours = production.app.registry, [LATER + timedelta(hours=hour) for hour in range(6)]
    newer = production.newer(tmp_path / "newer")

    one = production.admit()
    with pytest.raises(RegistryError, match=rf"registry approve {one.version}") as refused:
        production.promote(one.version)
    production.approve(one.version)
    production.promote(one.version)
    scored = production.score(hours[1])
    two = newer.admit(hours[1])
    production.approve(two.version, hours[2])
    production.promote(two.version, hours[2])
    production.score(hours[3])
    production.rollback(hours[4], version=two.version, since=hours[2])
    production.score(hours[5])

    found = central.find(one.version).tags
    assert found[tags.SOURCE_MODEL] == production.development.name == "levelfive.local.flight_delay"
    assert found[tags.SOURCE_REGISTRY] == production.development.uri
    assert found[tags.SOURCE_VERSION] == production.version
    theirs = production.development.find(production.version).tags
    for name in (tags.PACKAGE_SHA256, tags.CODE_REVISION, tags.TRACKING_RUN, tags.TRAINING_SET_SHA256):
        assert found[name] == theirs[name] != ""
    assert (one.verdict.kind, two.verdict.kind) == (VerdictKind.BETTER, VerdictKind.NOT_WORSE)
    assert scored.rows > 500
    roles = {row["role"] for row in production.app.tables.read(PREDICTIONS).select("role").distinct().collect()}
    assert roles == {Role.CHAMPION}
    assert (central.alias(CHAMPION), central.alias(CHALLENGER)) == (one.version, None)

    def copied(version: str) -> dict[str, str]:
        source = production.development
        return {"version": version, "source_model": source.name, "source_registry": source.uri}

    approval = {"by": "grace", "reason": "calibrated"}
    rolled_back = {"version": two.version, "since": str(hours[2]), "by": "ada", "reason": "complaints"}
    window = {"window": str(SCORED), "version": "None"}
    runs, told = production.runs(), ("room", "status", "model_version", "as_of", "parameters", "error")
    assert [tuple(row[name] for name in told) for row in runs] == [
        ("admission", "succeeded", one.version, LATER, copied(production.version), None),
        ("registry", "failed", one.version, LATER, {"version": one.version, "by": "release"}, said_of(refused.value)),
        ("registry", "succeeded", one.version, LATER, {"approve": one.version, **approval}, None),
        ("registry", "succeeded", one.version, LATER, {"version": one.version, "by": "release"}, None),
        ("scoring", "succeeded", one.version, hours[1], window, None),
        ("admission", "succeeded", two.version, hours[1], copied(newer.version), None),
        ("registry", "succeeded", two.version, hours[2], {"approve": two.version, **approval}, None),
        ("registry", "succeeded", two.version, hours[2], {"version": two.version, "by": "release"}, None),
        ("scoring", "succeeded", two.version, hours[3], window, None),
        ("registry", "succeeded", one.version, hours[4], {"rollback": "True", **rolled_back}, None),
        ("scoring", "succeeded", one.version, hours[5], window, None),
    ]
    approved = [f"approved by grace as of {iso(when)}: calibrated" for when in (LATER, hours[2])]
    assert production.made() == (
        Promotion(
            seq=1,
            model_name="levelfive.prod.flight_delay",
            version=one.version,
            previous_version=None,
            promoted_at=LATER,
            kind="promote",
            promoted_by="release",
            reason="; ".join([*one.verdict.reasons, approved[0]]),
            verdict=one.verdict.to_json(),
            run_id=runs[3]["run_id"],
        ),
        Promotion(
            seq=2,
            model_name="levelfive.prod.flight_delay",
            version=two.version,
            previous_version=one.version,
            promoted_at=hours[2],
            kind="promote",
            promoted_by="release",
            reason="; ".join([*two.verdict.reasons, approved[1]]),
            verdict=two.verdict.to_json(),
            run_id=runs[7]["run_id"],
        ),
        Promotion(
            seq=3,
            model_name="levelfive.prod.flight_delay",
            version=one.version,
            previous_version=None,
            promoted_at=hours[4],
            kind="rollback",
            promoted_by="ada",
            reason=f"back from version {two.version}: complaints",
            verdict=one.verdict.to_json(),
            run_id=runs[9]["run_id"],
        ),
    )


def test_the_commands_bring_a_version_to_production_and_back(
    production: Production, capsys: pytest.CaptureFixture[str]
) -> None:
    app, source = production.app, production.development
    settings = {"table_schema": app.tables.schema, "environment": "prod", "approval": "manual"}
    (app.home / "levelfive.yml").write_text("".join(f"{name}: {value}\n" for name, value in settings.items()))
    of_theirs = ["--from-model", source.name, "--from-registry", source.uri]
    now, later = ["--as-of", iso(LATER)], ["--as-of", iso(LATER + timedelta(hours=1))]

    def says(code: int, *words: str, room: str = "registry") -> str:
        assert run(app.home, *filter(None, [room]), *words) == code
        said = capsys.readouterr()
        return " ".join((said.out + said.err).split())

    theirs = production.version
    assert "has no copy of version" in says(2, "promote", theirs, *now, *of_theirs)
    copied = says(0, "copy", theirs, *now, *of_theirs)
    assert f"Version {theirs} of {source.name} is version 2 of {app.registry.name}." in copied
    assert "gate: better" in copied
    assert "waits for an approval" in says(2, "promote", theirs, *now, *of_theirs)
    approval = says(0, "approve", theirs, *now, *of_theirs, "--by", "grace", "--reason", "calibrated")
    assert approval == f"Version 2 of {app.registry.name} is approved by grace."
    assert "is now the champion" in says(0, "promote", theirs, *now, *of_theirs)
    assert "was already the champion" in says(0, "promote", "2", *now)

    assert f"source version │ {theirs}" in says(0, "show", "2")
    compared = says(0, "compare", "1", "2")
    assert "approved by │ │ grace" in compared
    assert "│ features │" not in compared
    listed = says(0, "list", *later)
    assert listed.count(" yes ") == 1
    (promotion,) = production.made()
    assert promotion.promoted_by == getpass.getuser()
    assert says(0, "approve", "2", *now, "--by", "ada", "--reason", "late").endswith("is the champion already.")
    app.registry.set_alias(CHAMPION, "1")
    repair = "points at 1, promotions say 2: repair it with `levelfive registry promote 2"
    assert repair in says(0, "status", *later, room="")
    nothing_live = says(0, "status", "--as-of", iso(AS_OF), room="")
    assert nothing_live.startswith(f"No champion of {app.registry.name} as of")
    assert repair in nothing_live
    assert "was already the champion" in says(0, "promote", "2", *now)
    assert "points at" not in says(0, "status", *later, room="")
    assert "approved by grace" in says(0, "history", *later)
    assert "nothing to take back" in says(0, "rollback", *later, "--since", iso(LATER + DAY), "--reason", "a test")
    assert "there is nothing to go back to" in says(2, "rollback", *later, "--reason", "a test")
    other = ["--version", "1", "--reason", "a test"]
    assert "nothing to take back" in says(0, "rollback", *later, *other)
    assert "which version of" in says(2, "rollback", *later, *of_theirs, "--reason", "a test")
    its_copy = ["--version", theirs, *of_theirs, "--reason", "a test"]
    assert "there is nothing to go back to" in says(2, "rollback", *later, *its_copy)


def test_a_rollback_works_while_the_newest_versions_files_are_gone_and_leaves_history_whole(
    production: Production,
) -> None:
    first = production.released()
    again, later = production.another(first), LATER + timedelta(hours=1)
    production.promote(again, later)
    shutil.rmtree(files_of(production.app.registry, again))

    back = registry.rollback(
        production.context, production.app.registry, as_of=later + timedelta(hours=1), by="ada", reason="complaints"
    )

    assert back.promotion.version == first
    made = production.made()
    assert [(one.version, one.kind) for one in made] == [(first, "promote"), (again, "promote"), (first, "rollback")]
    live = champion_as_of(made, later + timedelta(minutes=30))
    assert live is not None
    assert live.version == again
    # And the loop goes on.
    app, next_day = production.app, LATER + DAY
    trained = training.run(production.context, app.tracking, app.registry, as_of=next_day)
    assert trained.version is not None
    assert app.registry.alias(CHALLENGER) == trained.version
    # What is trained again is there again.
    shutil.rmtree(files_of(app.registry, trained.version))
    fresh = replace(app)
    repeated = training.run(production.context, fresh.tracking, fresh.registry, as_of=next_day)
    assert repeated.version is not None
    assert int(repeated.version) > int(trained.version)
    assert fresh.registry.load_if_there(repeated.version) is not None


def test_a_rollback_takes_back_what_was_promoted_since_and_nothing_else(production: Production) -> None:
    first = production.released()
    hours = [LATER + timedelta(hours=hour) for hour in range(1, 5)]

    untouched = production.rollback(hours[0], since=hours[0])
    assert (untouched.promoted, untouched.promotion.version) == (False, first)

    again = production.another(first)
    production.promote(again, hours[1])
    taken_back = production.rollback(hours[2], since=hours[1])
    assert (taken_back.promoted, taken_back.promotion.version) == (True, first)

    # As a task that is tried again does: the alias was not moved yet.
    production.app.registry.set_alias(CHAMPION, again)
    repeated = production.rollback(hours[2], since=hours[1])
    assert (repeated.promoted, repeated.promotion) == (False, taken_back.promotion)
    assert production.app.registry.alias(CHAMPION) == first
    assert production.rollback(hours[3], since=hours[1]).promoted is False  # the stage that is run again
    assert [one.kind for one in production.made()] == ["promote", "promote", "rollback"]


def test_a_rollback_of_one_version_leaves_what_others_promoted_since(production: Production) -> None:
    hours = [LATER + timedelta(hours=hour) for hour in range(1, 5)]
    own = production.another(production.released())
    production.promote(own, hours[0])
    theirs = production.another(own)
    production.promote(theirs, hours[1])

    kept = production.rollback(hours[2], version=own, since=hours[0])
    assert (kept.promoted, kept.promotion.version) == (False, theirs)

    assert production.rollback(hours[2], version=theirs).promotion.version == own
    assert production.rollback(hours[3], version=own).promoted is False  # it was not promoted, but gone back to


def test_rollbacks_go_back_by_the_newest_promotion_of_each_version(production: Production) -> None:
    hours = [LATER + timedelta(hours=hour) for hour in range(1, 7)]
    first = production.released()
    second = production.another(first)
    production.promote(second, hours[0])
    production.admit(hours[1])
    production.approve(first, hours[1])
    production.promote(first, hours[1])
    third = production.another(first)
    production.promote(third, hours[2])

    back = [production.rollback(hour).promotion.version for hour in hours[3:5]]

    assert back == [first, second]


def test_a_version_goes_on_to_a_third_environment_and_is_judged_by_its_candidate_there_too(
    production: Production, tmp_path: Path
) -> None:
    version = production.released()
    third = CentralRegistry(f"sqlite:///{tmp_path}/third.db", "levelfive.third.model", artefacts=tmp_path / "third")
    shutil.rmtree(files_of(production.development, production.version))

    admitted = admit(production.context, third, production.app.registry, version=version, as_of=LATER)

    refitted = third.find(admitted.version).tags
    candidate = third.load(refitted[tags.REFIT_OF]).card
    assert candidate.trained_until < third.load(admitted.version).card.trained_until
    assert (refitted[tags.SOURCE_MODEL], refitted[tags.SOURCE_VERSION]) == (production.app.registry.name, version)
    assert admitted.verdict.passed


def test_a_version_that_is_admitted_again_is_the_same_one(production: Production) -> None:
    first, second = production.admit(), production.admit()

    assert first.version == second.version
    candidate, copied = production.app.registry.versions()
    assert (copied.version, copied.tags[tags.REFIT_OF]) == (first.version, candidate.version)


def test_a_verdict_does_not_count_once_another_version_is_champion(production: Production) -> None:
    waiting = production.admit().version
    production.approve(waiting)
    overtaking = production.another(waiting)
    production.promote(overtaking)

    later = LATER + timedelta(hours=1)
    with pytest.raises(
        RegistryError, match=rf"another champion \(none\) than the newest one \({overtaking}\)\. Copy it"
    ):
        production.promote(waiting, later)

    assert production.app.registry.alias(CHALLENGER) is None
    assert production.admit(later).version == waiting
    with pytest.raises(RegistryError, match=r"by grace, is of before it was judged anew"):
        production.promote(waiting, later)
    production.approve(waiting, later)
    assert production.promote(waiting, later).promotion.previous_version == overtaking


def test_an_approval_does_not_outlive_the_rollback_of_what_it_let_go_live(production: Production) -> None:
    hours = [LATER + timedelta(hours=hour) for hour in range(1, 4)]
    again = production.another(production.released())
    production.promote(again, hours[0])
    assert production.approve(again, hours[0]) is False  # it is live
    production.rollback(hours[1])

    with pytest.raises(RegistryError, match=r"by grace, is of before .* rolled back"):
        production.promote(again, hours[2])
    production.approve(again, hours[2])
    assert production.promote(again, hours[2]).promoted


def test_an_approval_counts_for_the_verdict_that_was_read(production: Production) -> None:
    version = production.admit().version
    production.approve(version)
    production.app.registry.tag(version, judged(Verdict(VerdictKind.NOT_WORSE, True, ("another",)), None))

    with pytest.raises(RegistryError, match=r"by grace, is of before it was judged anew"):
        production.promote(version)
    assert production.made() == ()


def test_a_verdict_that_nobody_can_read_is_refused(production: Production) -> None:
    version = production.admit().version
    production.app.registry.tag(version, {tags.VERDICT: "passed"})

    with pytest.raises(RegistryError, match=r"verdict that cannot be read.*Copy it again"):
        production.approve(version)


def test_a_version_that_waits_is_the_challenger_until_it_is_champion(production: Production) -> None:
    central, waiting = production.app.registry, production.admit().version
    assert (central.alias(CHALLENGER), central.alias(CHAMPION)) == (waiting, None)

    production.approve(waiting)
    production.promote(waiting)

    assert (central.alias(CHALLENGER), central.alias(CHAMPION)) == (None, waiting)


def test_what_was_compared_with_an_earlier_champion_does_not_wait(production: Production) -> None:
    central, live = production.app.registry, production.released()
    waiting = production.another(live)
    nominate(production.context, central, waiting)
    stale = production.another(live)
    central.tag(stale, {tags.JUDGED_AGAINST: tags.NO_CHAMPION})

    nominate(production.context, central, stale)

    assert central.alias(CHALLENGER) == waiting


def test_a_champion_whose_files_are_gone_can_be_replaced_by_a_release(production: Production, tmp_path: Path) -> None:
    live, newer = production.released(), production.newer(tmp_path / "newer")
    shutil.rmtree(files_of(production.app.registry, live))
    later = replace(newer, app=replace(production.app))  # which has not loaded it

    admitted = later.admit(LATER + timedelta(hours=1))

    assert admitted.verdict.reasons[0] == (
        f"the files of the champion, version {live}, are gone or damaged: nothing is compared with it"
    )
    later.approve(admitted.version, LATER + timedelta(hours=1))
    promotion = later.promote(admitted.version, LATER + timedelta(hours=1)).promotion
    assert (promotion.version, promotion.previous_version) == (admitted.version, live)


def test_a_champion_that_is_released_again_is_not_judged_against_itself(production: Production) -> None:
    live = production.released()
    before = production.app.registry.find(live).tags

    again = production.admit(LATER + timedelta(hours=1))

    assert (again.version, again.verdict.passed) == (live, True)
    assert production.app.registry.find(live).tags == before
    assert production.promote(live, LATER + timedelta(hours=1)).promoted is False


def test_a_champion_that_was_refused_while_another_one_was_live_is_released_again(production: Production) -> None:
    hours = [LATER + timedelta(hours=hour) for hour in range(1, 4)]
    first = production.released()
    production.promote(production.another(first), hours[0])
    production.app.registry.tag(first, judged(Verdict(VerdictKind.WORSE, False, ("worse",)), production.made()[-1]))
    production.rollback(hours[1])

    again = production.admit(hours[2])

    assert (again.version, again.verdict.passed) == (first, True)


def test_a_release_does_not_displace_a_champion_that_it_is_not_better_than(production: Production) -> None:
    live, later = production.another(production.released()), LATER + timedelta(hours=1)
    production.promote(live, later)
    waiting = production.admit(later + timedelta(minutes=30)).version
    assert production.app.registry.alias(CHALLENGER) == waiting
    strict = replace(production.context.use_case, gate=GatePolicy(min_days=2, min_rows=100, margin=-1.0))
    stricter = replace(production, context=replace(production.context, use_case=strict))

    again = stricter.admit(later + timedelta(hours=1))

    assert (again.version, again.verdict.passed) == (waiting, False)
    assert production.app.registry.alias(CHALLENGER) is None
    with pytest.raises(RegistryError, match="did not pass the gate"):
        production.promote(again.version, later + timedelta(hours=1))
    assert production.made()[-1].version == live


def test_a_version_whose_files_were_changed_is_not_admitted(production: Production) -> None:
    package = files_of(production.development, production.version)
    (card,) = package.rglob("levelfive.json")
    card.write_text(card.read_text().replace('"seed": 2013', '"seed": 2014'))

    with pytest.raises(RegistryError, match="their hash differs"):
        production.admit()

    with pytest.raises(ModelNotFound):
        production.app.registry.find("1")
    assert production.trail()[-1][:2] == ("admission", "failed")


@pytest.mark.parametrize(
    ("drift", "error", "words"),
    [
        (lambda table: None, TableError, "flight_history"),
        (lambda table: table.drop("late_rate_28d"), ConfigError, "late_rate_28d"),
        (lambda table: table.withColumn("late_rate_28d", F.lit("much")), ConfigError, "late_rate_28d"),
    ],
    ids=["no table", "no column", "another type"],
)
def test_a_model_whose_features_production_lacks_is_refused_before_anything_goes_live(
    production: Production, drift: Callable[[DataFrame], DataFrame | None], error: type[Exception], words: str
) -> None:
    tables = production.app.tables
    drifted = drift(tables.read("flight_history"))
    folder = production.app.home / "lakehouse" / f"{tables.schema}.db" / "flight_history"
    if drifted is None:
        shutil.rmtree(folder)
    else:
        drifted.write.format("delta").mode("overwrite").option("overwriteSchema", True).save(str(folder))

    with pytest.raises(error, match=words):
        production.admit()

    assert production.trail()[-1][:2] == ("admission", "failed")
    assert production.app.registry.alias(CHALLENGER) is None
    assert production.made() == ()


def test_a_candidate_that_no_gate_passed_is_not_admitted(production: Production) -> None:
    candidate = production.development.find(production.version).tags[tags.REFIT_OF]

    with pytest.raises(RegistryError, match="carries no verdict"):
        replace(production, version=candidate).admit()


def test_killed_between_the_gate_and_the_alias_a_second_run_repairs_the_alias(
    production: Production, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = production.admit().version
    production.approve(version)

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(production.app.registry, "set_alias", die)
        with pytest.raises(KeyboardInterrupt):
            production.promote(version)
    assert production.app.registry.alias(CHAMPION) is None

    again = production.promote(version)

    assert (again.promoted, production.app.registry.alias(CHAMPION)) == (False, version)
    assert len(production.made()) == 1


def test_who_moves_the_alias_late_moves_it_to_the_newest_champion(
    production: Production, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, central = production.admit().version, production.app.registry
    production.approve(first)
    point = central.set_alias

    def overtaken(alias: str, version: str) -> None:
        """Before the alias is moved, another promotion is made and moves it."""
        monkeypatch.setattr(central, "set_alias", point)
        production.promote(production.another(first), LATER + timedelta(hours=1))
        point(alias, version)

    monkeypatch.setattr(central, "set_alias", overtaken)
    production.promote(first)

    newest = production.made()[-1].version
    assert newest != first
    assert production.app.registry.alias(CHAMPION) == newest


def test_while_a_registry_is_down_nothing_changes_and_each_step_can_be_taken_later(
    production: Production, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        nobody = f"http://127.0.0.1:{taken.getsockname()[1]}"
    ours = production.app.registry
    down = CentralRegistry(nobody, ours.name)
    source = {"version": production.version, "as_of": LATER}

    with pytest.raises(RegistryError, match=f"{nobody} did not answer"):
        admit(production.context, ours, CentralRegistry(nobody, production.development.name), **source)
    with pytest.raises(RegistryError, match=f"{nobody} did not answer"):
        admit(production.context, down, production.development, **source)
    assert production.trail() == [("admission", "failed", "")] * 2
    version = production.admit().version
    production.approve(version)
    how = {"as_of": LATER, "by": "release", "approval": Approval.MANUAL}
    with pytest.raises(RegistryError, match=f"{nobody} did not answer"):
        registry.run(production.context, down, version=version, **how)
    assert (production.made(), ours.alias(CHAMPION), ours.alias(CHALLENGER)) == ((), None, version)

    assert production.promote(version).promoted


def test_of_two_promotions_at_once_one_wins_and_the_other_is_told(
    production: Production, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = production.admit().version
    production.approve(first)
    other = production.another(first)
    seen = registry.history

    def overtaken(*of: object) -> tuple:
        """Look at the promotions; before this one writes, another run writes."""
        found = seen(*of)
        monkeypatch.setattr(registry, "history", seen)
        production.promote(other)
        return found

    monkeypatch.setattr(registry, "history", overtaken)
    with pytest.raises(PromotionConflict, match="another writer"):
        production.promote(first)

    assert [one.version for one in production.made()] == [other]
    assert production.app.registry.alias(CHAMPION) == other


def said_of(error: Exception) -> str:
    """How the row of a failed run tells its error."""
    return f"{type(error).__name__}: {error}"
