"""How long tests may take: each prints its time, a slow one says why, and each tier has a budget."""

import os
import time
from collections.abc import Generator
from typing import Any

import pytest

# A test that takes longer says in its docstring what it needs the time for.
SECONDS_WITHOUT_A_REASON = 20.0
# On a slower day or machine a tier may take half as long again, and a test that others push aside three times as long.
TOLERANCE, TOLERANCE_OF_A_TEST = 1.5, 3.0
REASON = "reason"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--budget", type=float, metavar="SECONDS", help="how long this run should take")


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):  # the process that reports, not one of those that only run tests
        config.pluginmanager.register(Times(config))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.when == "call":
        reason = getattr(getattr(item, "function", None), "__doc__", None)
        report.user_properties.append((REASON, bool(reason)))
    return report


class Times:
    """Adds up what tests take, and judges it where there is nobody to see it: on a build server."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._budget: float | None = config.getoption("--budget")
        self._start = time.monotonic()
        self._slow: dict[str, float] = {}
        self._faults: list[str] = []

    @property
    def _reporter(self) -> Any:
        return self._config.pluginmanager.getplugin("terminalreporter")

    def pytest_sessionstart(self) -> None:
        self._reporter.showfspath = False  # each line names its file

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(self, report: Any) -> tuple[str, str, str] | None:
        # A line with its time stands for a test that passed, instead of a dot.
        return (
            ("passed", "", "") if report.when == "call" and report.passed and not hasattr(report, "wasxfail") else None
        )

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when != "call" or report.skipped:
            return
        self._reporter.write_line(f"{report.duration:8.2f} s  {report.outcome}  {report.nodeid}")
        if report.duration > SECONDS_WITHOUT_A_REASON and not dict(report.user_properties).get(REASON, True):
            self._slow[report.nodeid] = report.duration

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        self._faults = [
            f"{test} took {seconds:.0f} s: say in its docstring what for, or make it shorter"
            for test, seconds in self._slow.items()
        ]
        took = time.monotonic() - self._start
        over = any(seconds > SECONDS_WITHOUT_A_REASON * TOLERANCE_OF_A_TEST for seconds in self._slow.values())
        if self._budget is not None and took > self._budget * TOLERANCE:
            over = True
            self._faults.append(f"this tier took {took:.0f} s, more than half over its budget of {self._budget:.0f} s")
        if over and os.environ.get("CI") and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        took = time.monotonic() - self._start
        of = "" if self._budget is None else f" of {self._budget:.0f} s"
        terminalreporter.write_line(f"tests took {took:.0f} s{of}")
        for fault in self._faults:
            terminalreporter.write_line(fault, red=True)
