"""A notebook that runs: its parameters, the application, task values, and how a result is shown.

It runs as a job's task, by hand in a workspace, or as a Python script on a laptop. What it finds in place (`dbutils`,
`display`, `spark`) tells which: it hands its `globals()` over.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from levelfive.app import App
from levelfive.config import DEFAULT_HOME, load_settings, parse_clock, parse_time, parse_window
from levelfive.core.job_runs import JobRun
from levelfive.core.windows import Window
from levelfive.errors import ConfigError
from levelfive.models.mlflow_store import quieten
from levelfive.notebook.reading import (
    COMMON,
    DEPLOYED_SETTINGS,
    HOME,
    PARAMETERS,
    from_command_line,
    from_job,
    from_widgets,
)
from levelfive.notebook.showing import table
from levelfive.platforms.workspace import job_run, on_databricks
from levelfive.telemetry.lines import configure_logging

SHOWN_ROWS = 20


def parameters(namespace: Mapping[str, Any], name: str) -> Page:
    """Read a notebook's parameters: from widgets where there are widgets, else from the command line.

    In a job's run, what the job was deployed with is no parameter.

    Args:
        namespace: The notebook's `globals()`.
        name: The notebook's name.

    Raises:
        ConfigError: A parameter is unknown or without a value, or the job takes it from no run.
        MachineError: In a job, there is no databricks-sdk.
    """
    configure_logging("info")
    names = (*COMMON, *PARAMETERS[name])
    dbutils = namespace.get("dbutils")
    run = None
    if dbutils is None:
        values = from_command_line(sys.argv[1:], (*names, HOME))
    else:
        run = job_run(namespace["spark"]) if on_databricks() else None
        values = from_widgets(dbutils, names) if run is None else from_job(dbutils, names, run)
    return Page(name, namespace, {parameter: values.get(parameter, "").strip() for parameter in (*names, HOME)}, run)


@dataclass(frozen=True)
class Page:
    """A notebook that runs: its parameters, the application, and where its results are shown."""

    name: str
    namespace: Mapping[str, Any]
    values: Mapping[str, str]
    run: JobRun | None = None

    def __getitem__(self, name: str) -> str:
        return self.values[name]

    @cached_property
    def app(self) -> App:
        """The application: of the workspace that the notebook runs on, or of the laptop.

        Raises:
            ConfigError: A parameter is wrong.
        """
        quieten()
        settings_of_run = {name: self.values.get(name) or None for name in DEPLOYED_SETTINGS}
        if on_databricks():
            settings = load_settings(None, None, **settings_of_run)
            started_by = None if self.run is None else self.run.started_by
            return App.on_databricks(
                self.namespace["spark"], settings, revision=self["code_revision"], started_by=started_by
            )
        return App.local(self._home, load_settings(None, self._home, **settings_of_run), revision=self["code_revision"])

    @property
    def as_of(self) -> datetime:
        """The logical now.

        Raises:
            ConfigError: It is missing, or no time.
        """
        moment = self.time("as_of")
        if moment is None:
            raise ConfigError("parameter as_of is missing: give a time in ISO 8601 such as 2013-04-01T06:00Z")
        return moment

    def time(self, name: str) -> datetime | None:
        """Read a parameter that is a time, as the clock shows it if it was moved; None if it is empty.

        Raises:
            ConfigError: It is no time, or the clock is none.
        """
        if not self[name]:
            return None
        moment, clock = parse_time(self[name]), parse_clock(self["clock"])
        return moment if clock is None else clock.at(moment)

    def number(self, name: str) -> int:
        """Read a parameter that is a whole number, 0 or more; 0 if it is empty.

        Raises:
            ConfigError: It is no such number.
        """
        text = self[name] or "0"
        if not text.isdecimal():
            raise ConfigError(f"parameter {name} is a whole number such as 1, got {text!r}")
        return int(text)

    @property
    def window(self) -> Window:
        """The prediction times from `window_start`, a time or a length, to `window_end`; see `parse_window`.

        Raises:
            ConfigError: A time is wrong, or the end is not after the start.
        """
        return parse_window(self["window_start"], self["window_end"], self.as_of, parse_clock(self["clock"]))

    def end(self, reason: str) -> None:
        """End the notebook well, and say why: the cells that follow do not run."""
        print(reason)
        dbutils = self.namespace.get("dbutils")
        if dbutils is None:
            sys.exit(0)
        dbutils.notebook.exit(reason)

    def show(self, *results: object) -> None:
        """Show results: figures as they are, frames of Spark and pandas, dataclasses and lists of them as tables."""
        for number, result in enumerate(results, start=1):
            view: Any = result if isinstance(result, Figure) or hasattr(result, "toPandas") else table(result)
            display = self.namespace.get("display")
            if display is not None:
                display(view)
            elif isinstance(view, Figure):
                self._save(view, number)
            else:
                rows = view if isinstance(view, pd.DataFrame) else view.limit(SHOWN_ROWS).toPandas()
                print(rows.to_string(index=False, max_rows=SHOWN_ROWS), end="\n\n")

    def show_html(self, page: str) -> None:
        """Show a page of HTML, and write it to the file that the parameter `output` names."""
        if output := self["output"]:
            Path(output).parent.mkdir(parents=True, exist_ok=True)
            Path(output).write_text(page, encoding="utf-8")
            print(f"Report: {output}")
        show = self.namespace.get("displayHTML")
        if show is not None:
            show(page)

    def hand_on(self, **values: str | None) -> None:
        """Hand values to the later tasks of a job; without a job, print them. None becomes an empty text."""
        dbutils = self.namespace.get("dbutils")
        for key, value in values.items():
            text = str(value or "")  # of an enum's member, the plain text that a condition task compares
            if dbutils is None:
                print(f"{key}: {text}")
            else:
                dbutils.jobs.taskValues.set(key=key, value=text)

    def handed_on(self, key: str, *, by: str) -> str:
        """Find what an earlier task of the job handed on; empty without a job."""
        dbutils = self.namespace.get("dbutils")
        if dbutils is None:
            return ""
        return str(dbutils.jobs.taskValues.get(taskKey=by, key=key, default="", debugValue="") or "")

    @property
    def _home(self) -> Path:
        return Path(self[HOME] or DEFAULT_HOME)

    def _save(self, figure: Figure, number: int) -> None:
        title = "-".join(word for word in figure.get_suptitle().lower().split() if word.isalnum()) or str(number)
        file = self._home / "plots" / self.app.settings.use_case / f"{self.name}-{title}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(file)
        print(f"Plot: {file}")
