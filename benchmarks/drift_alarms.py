"""How often rules of drift speak up without a change, and whether they name the column that changed.

    PYTHONPATH=tests/support python benchmarks/drift_alarms.py [--seasons 8] [--weeks 10] [--peers PYTHON]
        [--popmon-seasons 2]

Twenty columns follow a weather of their own and one common to all, which is alike from one day to the next; each day
has 200 rows. A season is 90 days to compare with and some weeks after them. Without a change, every alarm is a false
one. With one, the mean of one column moves by a standard deviation of its rows from the first of these weeks on.
`--peers` is the Python of an environment that has `evidently` and `popmon` (see `benchmarks/monitoring.py`). popmon
takes half a minute of a core for a season, so it judges the first `--popmon-seasons` of each kind alone.
"""

import argparse
import json
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import ks_2samp
from seasons import EDGES, ROWS, daily_means

from levelfive.core.windows import utc
from levelfive.monitoring.drift import population_stability
from levelfive.monitoring.drift_alarms import AlarmRule, EarlierWindow, judge_drift
from levelfive.monitoring.drift_statistics import PSI, ColumnDrift
from levelfive.monitoring.usual_drift import usual_drift

COLUMNS, BASELINE, WEEK, MOVE = 20, 90, 7, 1.0
START = utc(2013, 6, 3)
POPMON = "popmon, a red traffic light"
Rows = NDArray[np.float64]
"""Values by column, day and row of the day."""

PEERS = """
import json, sys, warnings
warnings.filterwarnings("ignore")
import pandas as pd
reference, season = (pd.read_parquet(path) for path in sys.argv[2:4])
columns = [name for name in reference if name != "day"]
weeks = [week for _, week in season.groupby((season["day"] - season["day"].min()).dt.days // 7)]
if sys.argv[1] == "evidently":
    from evidently import Report
    from evidently.presets import DataDriftPreset
    named = []
    for week in weeks:
        result = Report([DataDriftPreset()]).run(week[columns], reference[columns]).dict()
        drifts = (one for one in result["metrics"] if one["metric_name"].startswith("ValueDrift("))
        named.append([
            one["config"]["column"] for one in drifts if float(one["value"]) > one["config"].get("threshold", 0.1)
        ])
else:
    import popmon
    report = popmon.df_stability_report(
        season, time_axis="day", time_width="1w", time_offset=str(season["day"].min().date()),
        reference_type="external", reference=reference)
    lights = report.datastore["traffic_lights"]
    red = {name: (lights[name] == 2).any(axis=1) for name in columns}
    named = [[name for name in columns if bool(red[name].iloc[place])] for place in range(len(weeks))]
print(json.dumps(named))
"""


def season(random: np.random.Generator, weeks: int, *, is_changed: bool) -> Rows:
    """Draw a season's rows, shape (columns, days, rows)."""
    days = BASELINE + weeks * WEEK
    means = daily_means(random, COLUMNS, days)
    if is_changed:
        means[0, BASELINE:] += MOVE
    return np.asarray(random.normal(means[..., None], 1.0, (COLUMNS, days, ROWS)))


def by_week(rows: Rows) -> Iterator[Rows]:
    """Take the weeks after the baseline apart, each of shape (columns, rows)."""
    for first in range(BASELINE, rows.shape[1], WEEK):
        yield rows[:, first : first + WEEK].reshape(COLUMNS, -1)


def counts_of(rows: Rows, edges: NDArray[np.float64]) -> NDArray[np.int64]:
    """Count values by bin, in the last axis."""
    places = np.searchsorted(edges[1:-1], rows, side="right")
    return np.stack([(places == place).sum(axis=-1) for place in range(len(edges) - 1)], axis=-1)


def ours(rows: Rows) -> list[list[int]]:
    """Name the columns whose alarm is open, week by week, by the rule of ADR 35."""
    counts = counts_of(rows, EDGES)
    usual = usual_drift({str(place): of for place, of in enumerate(counts[:, :BASELINE])}, WEEK)
    baseline, before, named = counts[:, :BASELINE].sum(axis=1), [], []
    for number, first in enumerate(range(BASELINE, counts.shape[1], WEEK)):
        distances = population_stability(baseline, counts[:, first : first + WEEK].sum(axis=1))
        columns = [ColumnDrift(str(place), {PSI: float(psi)}, {}) for place, psi in enumerate(distances)]
        start = START + number * timedelta(days=WEEK)
        importances = {str(place): 1 / COLUMNS for place in range(COLUMNS)}
        found = judge_drift(columns, usual, AlarmRule(0.1, 0.1), importances=importances, start=start, before=before)
        now = {one.column: one.alarm_since for one in found if one.alarm_since is not None}
        before.append(EarlierWindow(start, frozenset(one.column for one in found if one.unusual), now))
        named.append(sorted(map(int, now)))
    return named


def kolmogorov_smirnov(rows: Rows) -> list[list[int]]:
    """Name columns by a test of all rows, at 5 % over all columns (Bonferroni)."""
    reference = rows[:, :BASELINE].reshape(COLUMNS, -1)
    return [
        [place for place in range(COLUMNS) if ks_2samp(reference[place], week[place]).pvalue < 0.05 / COLUMNS]
        for week in by_week(rows)
    ]


def psi_above(rows: Rows) -> list[list[int]]:
    """Name columns whose PSI over tenths of the baseline is above 0.2."""
    reference = rows[:, :BASELINE].reshape(COLUMNS, -1)
    edges = [np.array([-np.inf, *np.quantile(one, np.arange(0.1, 1, 0.1)), np.inf]) for one in reference]
    before = np.stack([counts_of(one, edge) for one, edge in zip(reference, edges, strict=True)])
    named = []
    for week in by_week(rows):
        now = np.stack([counts_of(one, edge) for one, edge in zip(week, edges, strict=True)])
        named.append(np.flatnonzero(population_stability(before, now) > 0.2).tolist())
    return named


def peer(python: Path, name: str) -> Callable[[Rows], list[list[int]]]:
    """Ask a library for the columns that it names, each week against the baseline."""

    def named(rows: Rows) -> list[list[int]]:
        with tempfile.TemporaryDirectory() as folder:
            days = pd.date_range("2013-03-04", periods=rows.shape[1]).repeat(ROWS)
            frame = pd.DataFrame({f"x{place:02}": rows[place].reshape(-1) for place in range(COLUMNS)}).assign(day=days)
            files = [Path(folder) / "reference.parquet", Path(folder) / "season.parquet"]
            for file, part in zip(files, (frame[: BASELINE * ROWS], frame[BASELINE * ROWS :]), strict=True):
                part.reset_index(drop=True).to_parquet(file)
            call = [str(python), "-c", PEERS, name, *map(str, files)]
            output = subprocess.run(call, check=True, capture_output=True, text=True).stdout
        return [[int(column[1:]) for column in week] for week in json.loads(output.splitlines()[-1])]

    return named


def line(name: str, calm: Sequence[list[int]], changed: Sequence[list[int]]) -> str:
    """Say how often a rule spoke up without a change, how many columns it named, and how often it named the right one.

    The first week of a season is left out of what is found: an alarm of ours takes two.
    """
    false = sum(map(bool, calm)) / len(calm)
    columns = sum(map(len, calm)) / len(calm)
    right = sum(0 in week for week in changed) / len(changed)
    others = sum(len(week) - (0 in week) for week in changed) / len(changed)
    return f"{name:34} {false:8.1%} {columns:10.2f} {right:10.1%} {others:10.2f}"


def main() -> None:
    """Judge the same seasons by each rule."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seasons", type=int, default=8)
    parser.add_argument("--weeks", type=int, default=10)
    parser.add_argument("--peers", type=Path)
    parser.add_argument("--popmon-seasons", type=int, default=2)
    given = parser.parse_args()
    rules = {"levelfive": ours, "KS, 5 % by Bonferroni": kolmogorov_smirnov, "PSI > 0.2, tenths": psi_above}
    if given.peers:
        rules |= {"Evidently, data drift preset": peer(given.peers, "evidently")}
        rules |= {POPMON: peer(given.peers, "popmon")}
    random = np.random.default_rng(2013)
    calm = [season(random, given.weeks, is_changed=False) for _ in range(given.seasons)]
    changed = [season(random, given.weeks, is_changed=True) for _ in range(given.seasons)]
    print(f"{given.seasons * given.weeks} weeks of {COLUMNS} columns without a change, as many with one column changed")
    print(f"{'':34} {'alarms':>8} {'columns':>10} {'found':>10} {'others':>10}")
    for name, rule in rules.items():
        first = given.popmon_seasons if name == POPMON else given.seasons
        results = [[week for rows in seasons[:first] for week in rule(rows)[1:]] for seasons in (calm, changed)]
        print(line(name, *results), flush=True)


if __name__ == "__main__":
    main()
