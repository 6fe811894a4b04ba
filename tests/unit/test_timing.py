"""A tier that takes much longer than its budget, or a slow test without a reason, fails on a build server."""

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]
TESTS = Path(__file__).parents[1] / "support"


@pytest.mark.parametrize(
    ("ci", "budget", "fails"), [("true", "0.0001", True), ("true", "600", False), ("", "0.0001", False)]
)
def test_a_tier_over_its_budget_fails_on_a_build_server_alone(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, ci: str, budget: str, fails: bool
) -> None:
    monkeypatch.setenv("CI", ci)
    monkeypatch.setenv("PYTHONPATH", str(TESTS))
    pytester.makepyfile(test_one="def test_one(): pass")

    result = pytester.runpytest_subprocess("-p", "timing", "--budget", budget)

    assert result.ret == (1 if fails else 0)
    result.stdout.re_match_lines([r" +\d+\.\d\d s  passed  test_one.py::test_one", r"tests took \d+ s of \d+ s"])
    said = "more than half over its budget" in result.stdout.str()
    assert said == (budget == "0.0001")


@pytest.mark.parametrize(("reason", "fails"), [("", True), ("'''It counts to a million.'''", False)])
def test_a_slow_test_that_gives_no_reason_fails_on_a_build_server(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, reason: str, fails: bool
) -> None:
    monkeypatch.setenv("CI", "true")
    monkeypatch.setenv("PYTHONPATH", str(TESTS))
    pytester.makeconftest("import timing\n\ntiming.SECONDS_WITHOUT_A_REASON = -1.0")
    pytester.makepyfile(test_one=f"def test_one():\n    {reason}\n    pass")

    result = pytester.runpytest_subprocess("-p", "timing")

    assert result.ret == (1 if fails else 0)
    assert ("say in its docstring what for" in result.stdout.str()) == fails
