"""What `dbutils` of a job's task answers, as far as the notebooks ask; a test holds its signatures to the real ones."""

from typing import Any


class FakeWidgets:
    """Parameters of a job or of a notebook opened by hand."""

    def __init__(self, given: dict[str, str]) -> None:
        self._values = dict(given)

    def get(self, name: str) -> str:
        if name not in self._values:
            raise ValueError(f"InputWidgetNotDefined: no input widget named {name} is defined")
        return self._values[name]

    def text(self, name: str, defaultValue: str, label: str = None) -> None:  # noqa: RUF013 - as the real one
        self._values.setdefault(name, defaultValue)

    def getAll(self) -> dict[str, str]:
        return dict(self._values)


class FakeTaskValues:
    """Values that the tasks of one job run hand on."""

    def __init__(self, run: dict[tuple[str, str], Any], task: str) -> None:
        self._run = run
        self._task = task

    def set(self, key: str, value: Any) -> None:
        self._run[self._task, key] = value

    def get(self, taskKey: str, key: str, default: Any = None, debugValue: Any = None) -> Any:
        if taskKey not in {task for task, _ in self._run}:  # the default is for keys alone
            raise ValueError(f"the job's run has no task {taskKey}")
        found = self._run.get((taskKey, key), default)
        if found is None:
            raise ValueError(f"task {taskKey} has set no value {key}")
        return found


class FakeJobs:
    def __init__(self, task_values: FakeTaskValues) -> None:
        self.taskValues = task_values


class Exited(Exception):
    """A notebook ended itself."""


class FakeNotebook:
    def exit(self, value: str) -> None:
        raise Exited(value)


class FakeDbutils:
    """The parameters of a job, and the task of a run that asks.

    Args:
        given: Parameters.
        task: The task's key.
        run: The task values of the job's run, shared by its tasks.
    """

    def __init__(
        self, given: dict[str, str], *, task: str = "task", run: dict[tuple[str, str], Any] | None = None
    ) -> None:
        self.widgets = FakeWidgets(given)
        self.notebook = FakeNotebook()
        self.jobs = FakeJobs(FakeTaskValues({} if run is None else run, task))
