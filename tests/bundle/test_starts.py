"""The real CLI starts what it deployed, with any parameters, and each notebook asks the workspace what it may take."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from bundle.cli import Checkout, checkout, needs_cli
from bundle.offline import ROOT, read, resolve
from bundle.started import begin, start
from bundle.targets import WHEEL

from levelfive.config import Approval
from levelfive.errors import ConfigError
from levelfive.notebook import COMMON, PARAMETERS

EVERY = sorted({*COMMON, *(name for own in PARAMETERS.values() for name in own)})
OTHER = "P2D"
PROD = resolve(read(ROOT), "prod")
TASKS = [(job, task["task_key"]) for job, task in PROD.tasks("notebook_task")]

pytestmark = needs_cli


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """The target prod, deployed with an empty wheel: the notebooks run with the sources of this project."""
    with checkout("prod", tmp_path_factory.mktemp("prod")) as copy:
        (copy.root / "dist").mkdir()
        (copy.root / "dist" / WHEEL).touch()
        copy.does("deploy")
        yield copy


def taken(job: str) -> set[str]:
    """List the parameters that a job declares."""
    return {one["name"] for one in PROD.jobs[job]["parameters"]}


@pytest.mark.parametrize(("job", "key"), TASKS)
def test_a_task_that_is_started_alone_with_every_parameter_is_refused_those_that_its_job_does_not_take(
    deployed: Checkout, job: str, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (task,) = start(deployed, job, "--only", key, **dict.fromkeys(EVERY, OTHER))

    with pytest.raises(ConfigError) as refused:
        begin(deployed, task, monkeypatch)

    assert set(EVERY) <= {name for name, value in task.widgets.items() if value == OTHER}
    said = re.fullmatch(
        r"the job .+ takes (.+) from a run, and was given (.+) otherwise than it .+", str(refused.value)
    )
    assert said is not None
    assert (taken(job), set(EVERY) - taken(job)) == tuple({*names.split(", ")} for names in said.groups())


@pytest.mark.parametrize("job", PROD.jobs)
def test_all_tasks_of_a_job_take_what_it_declares_and_have_all_else_as_it_was_deployed(
    deployed: Checkout, job: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = dict.fromkeys(sorted(taken(job)), OTHER)

    pages = [begin(deployed, task, monkeypatch) for task in start(deployed, job, **given)]

    assert len(pages) == len([of for of, _ in TASKS if of == job])
    tables = PROD.resources["schemas"]["tables"]
    for page in pages:
        assert {name: page.values.get(name, OTHER) for name in given} == given
        assert page["table_schema"] == f"{tables['catalog_name']}.{tables['name']}"
        assert page.values.get("approval", Approval.MANUAL) == Approval.MANUAL
        assert page.run is not None
        assert page.run.started_by == deployed.workspace.user


def test_who_may_start_the_training_makes_it_neither_approve_nor_promote(
    deployed: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    (task,) = start(deployed, "training", "--only", "registry", step="promote", version="4", approval="auto")

    with pytest.raises(ConfigError, match="was given approval, step, version otherwise than it was deployed with"):
        begin(deployed, task, monkeypatch)
