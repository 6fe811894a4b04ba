"""Mutation testing: which faults in the pure modules does no unit test find?

    python tests/mutation.py [--minutes 60] [MODULE ...]

`make mutation` runs it in the environment of mutmut, which makes the faults one by one and runs the tests that reach
them. MODULE is the end of a module's path, such as `gate` or `registry/gate`; without any, all of `tool.mutmut` in
pyproject.toml are tested, in that order. Not made: faults in properties, and outside of functions.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from mutmut.mutation.diff_apply import get_diff_for_mutant
from mutmut.stats import status_by_exit_code

PROJECT = Path(__file__).parents[1]
WORK = Path("mutants")  # where mutmut puts its copy of the project
LOG, SURVIVORS = WORK / "mutmut.log", WORK / "survivors.diff"
NOT_FOUND = ("survived", "no tests")
GRACE = 15  # seconds to end in
COLUMNS = "{:<30}{:>8}{:>8}{:>10}{:>9}{:>9}{:>8}"


def modules(asked: Sequence[str]) -> list[Path]:
    """Find the modules that are asked for, or all of them."""
    settings = tomllib.loads(Path("pyproject.toml").read_text())["tool"]["mutmut"]
    known = [Path(name) for name in settings["only_mutate"]]
    found = {name: [path for path in known if path.match(f"{name.removesuffix('.py')}.py")] for name in asked}
    if unknown := [name for name, paths in found.items() if not paths]:
        names = ", ".join(path.stem for path in known)
        raise SystemExit(
            f"No module of tool.mutmut in pyproject.toml is {', '.join(unknown)}; expected some of {names}."
        )
    return [path for path in known if not asked or any(path in paths for paths in found.values())]


def dotted(module: Path) -> str:
    return ".".join(module.with_suffix("").parts[1:])


def run(module: Path, seconds: float) -> None:
    """Test the mutants of a module, as far as the time goes."""
    command = [sys.executable, "-m", "mutmut", "run", "--max-children", "1", f"{dotted(module)}.*"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    with LOG.open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment, start_new_session=True)
        try:
            code = process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            return
        finally:
            end(process)
    if code:
        raise SystemExit(f"{LOG.read_text()[-3000:]}\nmutmut did not end well with {module}; its words are above.")


def end(process: subprocess.Popen[bytes]) -> None:
    """End mutmut, which writes down what it has found, and the tests that it started."""
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGINT)
    try:
        process.wait(timeout=GRACE)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)


def results(module: Path) -> Mapping[str, str]:
    """Read what became of each mutant."""
    record = json.loads((WORK / f"{module}.meta").read_text())
    return {name: status_by_exit_code[code] for name, code in record["exit_code_by_key"].items()}


def diffs(module: Path, found: Mapping[str, str]) -> Iterator[str]:
    """Show the mutants that no test finds."""
    for name, status in found.items():
        if status in NOT_FOUND:
            yield f"# {name}: {status}\n{get_diff_for_mutant(name, path=module)}\n\n"


def row(name: str, tally: Counter[str]) -> str:
    """Write a line of the table; what is neither killed nor out of time counts as survived, where it was tested."""
    made, untested = tally.total(), tally["not checked"] + tally["check was interrupted by user"]
    tested, killed, timeout = made - untested, tally["killed"], tally["timeout"]
    score = f"{(killed + timeout) / tested:.1%}" if tested else "-"
    return COLUMNS.format(name, made, killed, tested - killed - timeout, timeout, untested, score)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("module", nargs="*", help="end of a module's path; default: all")
    parser.add_argument("--minutes", type=float, default=60, help="stop after so long (default: 60)")
    given = parser.parse_args()
    os.chdir(PROJECT)
    deadline = time.monotonic() + 60 * given.minutes
    shutil.rmtree(WORK, ignore_errors=True)  # what was found by other tests, or in other code
    WORK.mkdir()
    lines, total = [COLUMNS.format("module", "mutants", "killed", "survived", "timeout", "not run", "score")], Counter()
    for module in modules(given.module):
        start = time.monotonic()
        if start < deadline:
            run(module, deadline - start)
        if not (WORK / f"{module}.meta").exists():
            break
        found = results(module)
        total += (tally := Counter(found.values()))
        with SURVIVORS.open("a") as survivors:
            survivors.writelines(diffs(module, found))
        lines.append(row("/".join(module.parts[2:]), tally))
        print(f"{module}: {tally.total()} mutants, {time.monotonic() - start:.0f} s", flush=True)
    print("", *lines, row("all", total), "", sep="\n")
    print(f"What survived: {SURVIVORS}, or `.venv-mutation/bin/mutmut browse`.")


if __name__ == "__main__":
    main()
