"""One model from development to production: two lakehouses and two registries on one machine, no cloud."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from commands import run
from first_champion import AS_OF, LATER, TRAINER, on_shop
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from registered import files_of

from levelfive.app import App
from levelfive.config import Approval, Settings
from levelfive.core.windows import Window, iso
from levelfive.errors import ConfigError, RegistryError, TableError
from levelfive.registry import job as registry
from levelfive.registry import tags
from levelfive.registry.approval import approve
from levelfive.registry.eligibility import passed_verdict, verdict_tags
from levelfive.registry.gate import VerdictKind
from levelfive.registry.go_live import RegistryResult
from levelfive.registry.promotions import PROMOTIONS, Promotion, champion_as_of, history
from levelfive.registry.rollback import rollback
from levelfive.registry.store import CHALLENGER, CHAMPION, CentralRegistry
from levelfive.scoring import job as scoring
from levelfive.storage.predictions import PREDICTIONS, Role
from levelfive.storage.runs import RUNS, JobContext
from levelfive.training import job as training
from levelfive.training.admission import Admission, admit
from levelfive.usecase.policies import GatePolicy

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
        return approve(self.context, self.app.registry, version=version, **how)

    def promote(self, version: str, as_of: datetime = LATER) -> RegistryResult:
        how = {"as_of": as_of, "by": "release", "approval": Approval.MANUAL}
        return registry.run(self.context, self.app.registry, version=version, **how)

    def rollback(self, as_of: datetime, **only: str | datetime) -> RegistryResult:
        how = {"as_of": as_of, "by": "ada", "reason": "complaints"}
        return rollback(self.context, self.app.registry, **how, **only)

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
        said = verdict_tags(verdict, champion_as_of(self.made(), datetime.max.replace(tzinfo=UTC)))
        version = self.app.registry.register(self.app.registry.download(like, folder), said)
        self.approve(version)
        return version

    def made(self) -> tuple[Promotion, ...]:
        return history(self.app.tables, self.app.registry.name)

    def runs(self) -> list[dict[str, Any]]:
        return sorted(self.app.tables.control_tables.rows(RUNS), key=lambda row: row["started_at"])

    def trail(self) -> list[tuple[str, str, str]]:
        return [(row["stage"], row["status"], row["model_version"] or "") for row in self.runs()]


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
def production(loop, development, tmp_path: Path) -> Production:
    """The same files have landed there, and no model was ever live."""
    home = loop.copy(tmp_path / "home").home
    (schema,) = (home / "lakehouse").glob("*.db")
    for made in (home / "registry", home / "tracking", schema / PROMOTIONS, schema / RUNS):
        shutil.rmtree(made)
    settings = Settings(
        use_case=loop.app.use_case.name, table_schema=schema.stem, environment="prod", approval=Approval.MANUAL
    )
    app = App.local(home, settings)
    use_case = replace(app.use_case, gate=GatePolicy(min_days=2, min_rows=50, margin=1.0))
    return Production(app, JobContext(app.tables, use_case, app.context.features), *development)


@on_shop
@pytest.mark.nightly
def test_a_model_goes_from_development_to_production_and_back(production: Production, tmp_path: Path) -> None:
    """Two versions are judged by Spark, and three windows scored."""
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
    assert found[tags.SOURCE_MODEL] == production.development.name == f"levelfive.local.{production.app.use_case.name}"
    assert found[tags.SOURCE_REGISTRY] == production.development.uri
    assert found[tags.SOURCE_VERSION] == production.version
    theirs = production.development.find(production.version).tags
    for name in (tags.PACKAGE_SHA256, tags.CODE_REVISION, tags.TRACKING_RUN, tags.TRAINING_SET_SHA256):
        assert found[name] == theirs[name] != ""
    assert (one.verdict.kind, two.verdict.kind) == (VerdictKind.BETTER, VerdictKind.NOT_WORSE)
    assert scored.rows > 50
    roles = {row["role"] for row in production.app.tables.read(PREDICTIONS).select("role").distinct().collect()}
    assert roles == {Role.CHAMPION}
    assert (central.alias(CHAMPION), central.alias(CHALLENGER)) == (one.version, None)

    def copied(version: str) -> dict[str, str]:
        source = production.development
        return {"version": version, "source_model": source.name, "source_registry": source.uri}

    approval = {"by": "grace", "reason": "calibrated"}
    rolled_back = {"version": two.version, "since": str(hours[2]), "by": "ada", "reason": "complaints"}
    window = {"window": str(SCORED), "version": "None"}
    runs, told = production.runs(), ("stage", "status", "model_version", "as_of", "parameters", "error")
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
            model_name=central.name,
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
            model_name=central.name,
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
            model_name=central.name,
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


@on_shop
def test_the_commands_bring_a_version_to_production_and_back(
    production: Production, capsys: pytest.CaptureFixture[str]
) -> None:
    """A version is judged by Spark, in eight commands."""
    app, source = production.app, production.development
    settings = {"use_case": app.use_case.name, "table_schema": app.tables.schema}
    settings |= {"environment": "prod", "approval": "manual"}
    (app.home / "levelfive.yml").write_text("".join(f"{name}: {value}\n" for name, value in settings.items()))
    of_theirs = ["--from-model", source.name, "--from-registry", source.uri]
    now, later = ["--as-of", iso(LATER)], ["--as-of", iso(LATER + timedelta(hours=1))]

    def says(code: int, *words: str, stage: str = "registry") -> str:
        assert run(app.home, *filter(None, [stage]), *words) == code
        said = capsys.readouterr()
        return " ".join((said.out + said.err).split())

    theirs = production.version
    assert "has no copy of version" in says(2, "promote", theirs, *now, *of_theirs)
    copied = says(0, "copy", theirs, *now, *of_theirs)
    assert f"Version {theirs} of {source.name} is version 2 of {app.registry.name}." in copied
    assert "gate: better" in copied
    assert "waits for an approval" in says(2, "promote", theirs, *now, *of_theirs)
    approval = says(0, "approve", theirs, *now, *of_theirs, "--by", "grace", "--reason", "calibrated")
    assert approval == f"Version 2 of {app.registry.name} is approved by {app.starter}."
    assert app.registry.find("2").tags[tags.TRAINED_BY] == TRAINER
    assert "is now the champion" in says(0, "promote", theirs, *now, *of_theirs)
    assert "was already the champion" in says(0, "promote", "2", *now)

    assert f"source version │ {theirs}" in says(0, "show", "2")
    compared = says(0, "compare", "1", "2")
    assert f"approved by │ │ {app.starter} (for grace)" in compared
    assert "│ features │" not in compared
    listed = says(0, "list", *later)
    assert listed.count(" yes ") == 1
    (promotion,) = production.made()
    assert promotion.promoted_by == app.starter
    assert says(0, "approve", "2", *now, "--by", "ada", "--reason", "late").endswith("is the champion already.")
    app.registry.set_alias(CHAMPION, "1")
    repair = f"points at 1, promotions say 2: repair it with `levelfive --home {app.home} registry promote 2 "
    assert repair in says(0, "status", *later, stage="")
    nothing_live = says(0, "status", "--as-of", iso(AS_OF), stage="")
    assert nothing_live.startswith(f"No champion of {app.registry.name} as of")
    assert repair in nothing_live
    assert "was already the champion" in says(0, "promote", "2", *now)
    assert "points at" not in says(0, "status", *later, stage="")
    assert f"approved by {app.starter} (for grace)" in says(0, "history", *later)
    assert "nothing to take back" in says(0, "rollback", *later, "--since", iso(LATER + DAY), "--reason", "a test")
    assert "there is nothing to go back to" in says(2, "rollback", *later, "--reason", "a test")
    other = ["--version", "1", "--reason", "a test"]
    assert "nothing to take back" in says(0, "rollback", *later, *other)
    assert "which version of" in says(2, "rollback", *later, *of_theirs, "--reason", "a test")
    its_copy = ["--version", theirs, *of_theirs, "--reason", "a test"]
    assert "there is nothing to go back to" in says(2, "rollback", *later, *its_copy)


@pytest.mark.nightly
@on_shop
def test_the_loop_goes_on_after_a_rollback_and_what_is_trained_again_is_there_again(production: Production) -> None:
    """Two trainings on six weeks."""
    first = production.released()
    again, later = production.another(first), LATER + timedelta(hours=1)
    production.promote(again, later)
    shutil.rmtree(files_of(production.app.registry, again))
    assert production.rollback(later + timedelta(hours=1)).promotion.version == first

    app, next_day = production.app, LATER + DAY
    trained = training.run(production.context, app.tracking, app.registry, as_of=next_day)

    assert trained.version is not None
    assert app.registry.alias(CHALLENGER) == trained.version
    shutil.rmtree(files_of(app.registry, trained.version))
    fresh = replace(app)
    repeated = training.run(production.context, fresh.tracking, fresh.registry, as_of=next_day)
    assert repeated.version is not None
    assert int(repeated.version) > int(trained.version)
    assert fresh.registry.load_if_there(repeated.version) is not None


@on_shop
@pytest.mark.parametrize(
    ("drift", "error"),
    [
        (lambda table, column: None, TableError),
        (lambda table, column: table.drop(column), ConfigError),
        pytest.param(
            lambda table, column: table.withColumn(column, F.lit("much")), ConfigError, marks=pytest.mark.nightly
        ),
    ],
    ids=["no table", "no column", "another type"],
)
def test_a_model_whose_features_production_lacks_is_refused_before_anything_goes_live(
    production: Production, drift: Callable[[DataFrame, str], DataFrame | None], error: type[Exception]
) -> None:
    """A version is judged by Spark."""
    tables, lookup = production.app.tables, production.app.use_case.model.lookups[-1]
    drifted = drift(tables.read(lookup.table), lookup.columns[0])
    folder = production.app.home / "lakehouse" / f"{tables.schema}.db" / lookup.table
    if drifted is None:
        shutil.rmtree(folder)
    else:
        drifted.write.format("delta").mode("overwrite").option("overwriteSchema", True).save(str(folder))

    with pytest.raises(error, match=lookup.table if drifted is None else lookup.columns[0]):
        production.admit()

    assert production.trail()[-1][:2] == ("admission", "failed")
    assert production.app.registry.alias(CHALLENGER) is None
    assert production.made() == ()


def said_of(error: Exception) -> str:
    """How the row of a failed run tells its error."""
    return f"{type(error).__name__}: {error}"
