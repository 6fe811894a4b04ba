"""What the loop does with a poisoned month: January to July, with June spoilt in a copy of the fixtures.

    python benchmarks/poisoned_month.py inverted | kilometres | truncated [--step week]

`inverted`: punctual arrivals are late and late ones punctual. `kilometres`: the distance is in another unit.
`truncated`: the file of June ends after ten days. Prints what was decided, what was promoted, and where the report is.
"""

import argparse
import shutil
import tempfile
from pathlib import Path

import pandas as pd

from levelfive.app import App
from levelfive.config import Settings
from levelfive.demo.clock import run
from levelfive.demo.plan import Replay, Step, prepare_home
from levelfive.errors import LevelfiveError
from levelfive.models.mlflow_store import quieten
from levelfive.registry.promotions import history

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"
JUNE = Path("flights") / "flights_2013-06.csv.gz"
KILOMETRES_A_MILE = 1.609344


def poison(kind: str, file: Path) -> None:
    """Spoil a month's file in place."""
    rows = pd.read_csv(file, dtype=str, keep_default_na=False)
    if kind == "inverted":
        flown = pd.to_numeric(rows["arr_delay"], errors="coerce")
        rows.loc[flown >= 15, "arr_delay"] = "-5"
        rows.loc[flown < 15, "arr_delay"] = "40"
    elif kind == "kilometres":
        rows["distance"] = (rows["distance"].astype(float) * KILOMETRES_A_MILE).round().astype(int).astype(str)
    else:
        rows = rows[rows["day"].astype(int) <= 10]
    rows.to_csv(file, index=False)


def main() -> None:
    """Run the demo on spoilt fixtures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=("inverted", "kilometres", "truncated"))
    parser.add_argument("--months", default="1-7")
    parser.add_argument("--step", type=Step, choices=list(Step), default=Step.MONTH)
    parser.add_argument("--home", type=Path)
    arguments = parser.parse_args()
    quieten()
    home = arguments.home or Path(tempfile.mkdtemp())
    fixtures = Path(tempfile.mkdtemp())
    shutil.copytree(FIXTURES, fixtures, dirs_exist_ok=True)
    poison(arguments.kind, fixtures / JUNE)
    first, last = (int(part) for part in arguments.months.split("-"))
    app = App.local(home, Settings())
    replay = Replay(app.use_case.name, arguments.step, first, last, str(fixtures))
    prepare_home(home, replay, None)
    try:
        run(app, replay, print)
    except LevelfiveError as err:
        print(f"refused: {err}")
    for one in history(app.tables, app.registry.name):
        print(f"promotion {one.seq}: version {one.version} as of {one.promoted_at:%Y-%m-%d} ({one.reason})")
    print(f"report: {home / 'report.html'}")


if __name__ == "__main__":
    main()
