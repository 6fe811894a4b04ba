"""The run of a deployed job that a notebook is a task of: what the job was deployed with, and who started the run."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from levelfive.errors import ConfigError

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient
    from databricks.sdk.service.jobs import JobSettings, Run

_APPLICATION_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


@dataclass(frozen=True)
class JobRun:
    """A run of a deployed job. Whoever may start the job changes none of this; who manages it may.

    Attributes:
        job: The job's name.
        parameters: The job's own parameters, with their deployed defaults: a run may be given others.
        settings: What its notebook tasks were deployed with.
        started_by: Who started the run, or the run of another job that started it; empty where that is not told.
    """

    job: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)
    started_by: str = ""


def read_job_run(client: WorkspaceClient, *, job_id: str, run_id: str) -> JobRun:
    """Ask the workspace about the run that a notebook belongs to.

    A run that was repaired tells who started it, and not who repaired it with which parameters: it counts as started
    by nobody who is known.

    Args:
        client: The client of the workspace.
        job_id: The job, as the runtime tells it.
        run_id: The run, or the run of its task, as the runtime tells it.

    Raises:
        ConfigError: It is no run of a deployed job, or the workspace refused.
    """
    from databricks.sdk.errors.base import DatabricksError

    try:
        chain = list(_from_task_to_first(client, int(run_id)))
        settings = client.jobs.get(int(job_id)).settings
    except (DatabricksError, ValueError) as err:
        raise ConfigError(
            f"the workspace does not say what job {job_id!r} was deployed with, and who started its run {run_id!r}: "
            f"{err}. Start a job that the bundle deployed, by an identity that may view it"
        ) from err
    if settings is None or str(chain[0].job_id) != job_id:
        raise ConfigError(f"run {run_id} is no run of the deployed job {job_id}: start a job that the bundle deployed")
    has_repair = any(_was_repaired(run) for run in chain)
    return JobRun(
        job=settings.name or job_id,
        parameters={one.name: one.default for one in settings.parameters or ()},
        settings=_of_tasks(settings),
        started_by="" if has_repair else chain[-1].creator_user_name or "",
    )


def is_service_principal(name: str) -> bool:
    """Tell whether a name is an application's: service principals go by their application id, people by an address."""
    return _APPLICATION_ID.fullmatch(name) is not None


def _from_task_to_first(client: WorkspaceClient, run_id: int) -> Iterator[Run]:
    """Walk from a task's run to the run of its job, and on to the run of the job that started that one, and so on."""
    next_id: int | None = run_id
    while next_id is not None:
        run = client.jobs.get_run(next_id, include_history=True)
        if run.job_run_id is not None and run.job_run_id != run.run_id:  # a task's
            run = client.jobs.get_run(run.job_run_id, include_history=True)
        yield run
        next_id = run.trigger_info.run_id if run.trigger_info is not None else None


def _was_repaired(run: Run) -> bool:
    return any(one.type is not None and one.type.value == "REPAIR" for one in run.repair_history or ())


def _of_tasks(settings: JobSettings) -> dict[str, str]:
    notebooks = [task.notebook_task for task in settings.tasks or () if task.notebook_task is not None]
    parameters = [dict(one.base_parameters or {}) for one in notebooks]
    if any(one != parameters[0] for one in parameters):
        raise ConfigError(
            f"the notebooks of the job {settings.name} were deployed with different base_parameters: a task may be "
            "started alone, so give all of them the same"
        )
    return parameters[0] if parameters else {}
