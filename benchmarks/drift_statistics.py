"""The statistics of drift beside those of SciPy, Evidently and NannyML, on the same columns of the example data.

    python benchmarks/drift_statistics.py [--evidently PYTHON] [--nannyml PYTHON]

Weather and flights of January are compared with those of July. SciPy computes from the raw values what is defined for
them, and from the shares of all categories; ours are computed from profiles alone. A library's column is empty where
it has no such statistic. `--evidently` and `--nannyml` are the Pythons of environments that have them.
"""

import argparse
import json
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.spatial.distance import jensenshannon
from scipy.stats import chi2_contingency, ks_2samp, wasserstein_distance

from levelfive.monitoring.comparison import Comparison
from levelfive.monitoring.drift_statistics import DRIFT_STATISTICS, column_drift
from levelfive.statistics.partials import partial_categorical, partial_numeric
from levelfive.statistics.profiles import finish_categorical, finish_numeric, profile_categorical, profile_numeric

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"
NUMBERS = ("temp", "wind_speed", "visib", "precip", "dep_delay", "distance")
CATEGORIES = ("carrier", "dest")
Values = Mapping[str, float]

EVIDENTLY = """
import json, sys, warnings
warnings.filterwarnings("ignore")
import pandas as pd
from evidently import Report
from evidently.metrics import ValueDrift
before, now, name, kind = sys.argv[1:]
before, now = pd.read_parquet(before), pd.read_parquet(now)
methods = {"population_stability_index": "psi", "js_distance": "jensenshannon"}
if kind == "numbers":
    methods |= {"ks_test_pvalue": "ks", "wasserstein_distance": "wasserstein"}
else:
    methods |= {"chi_squared_test_pvalue": "chisquare"}
found = {}
for ours, method in methods.items():
    result = Report([ValueDrift(column=name, method=method)]).run(now, before).dict()
    found[ours] = float(result["metrics"][0]["value"])
print(json.dumps(found))
"""

NANNYML = """
import json, sys, warnings
warnings.filterwarnings("ignore")
import nannyml, pandas as pd
before, now, name, kind = sys.argv[1:]
before, now = pd.read_parquet(before), pd.read_parquet(now)
numbers = {"js_distance": "jensen_shannon", "ks_test": "kolmogorov_smirnov", "wasserstein_distance": "wasserstein"}
categories = {"js_distance": "jensen_shannon", "l_infinity_distance": "l_infinity", "chi_squared_test": "chi2"}
methods = numbers if kind == "numbers" else categories
of_kind = {"continuous_methods" if kind == "numbers" else "categorical_methods": list(methods.values())}
if kind != "numbers":
    before, now = before.astype("category"), now.astype("category")
calculator = nannyml.UnivariateDriftCalculator(column_names=[name], chunk_number=1, **of_kind)
result = calculator.fit(before).calculate(now).filter(period="analysis").to_df()
print(json.dumps({ours: float(result[(name, theirs, "value")].iloc[0]) for ours, theirs in methods.items()}))
"""


def months(table: str, names: tuple[str, ...]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read January and July."""
    before, now = (pd.read_csv(FIXTURES / table / f"{table}_2013-{month:02}.csv.gz") for month in (1, 7))
    return before[list(names)], now[list(names)]


def ours(before: pd.Series, now: pd.Series) -> Values:
    """Compute all registered statistics from profiles."""
    if before.name in CATEGORIES:
        baseline = profile_categorical(before)
        return column_drift("", Comparison(baseline, finish_categorical(partial_categorical(now), baseline))).statistics
    known = profile_numeric(before.to_numpy(float))
    current = finish_numeric(partial_numeric(now.to_numpy(float), known.histogram), known.histogram)
    return column_drift("", Comparison(known, current)).statistics


def scipys(before: pd.Series, now: pd.Series) -> Values:
    """Compute from raw values what is defined for them."""
    before, now = before.dropna(), now.dropna()
    if before.name in CATEGORIES:
        table = pd.concat([before.value_counts(), now.value_counts()], axis=1).fillna(0).to_numpy().T
        shares = table / table.sum(axis=1, keepdims=True)
        test = chi2_contingency(table)
        apart = np.abs(shares[0] - shares[1])
        return {
            "js_distance": float(jensenshannon(*shares, base=2)),
            "tv_distance": float(apart.sum() / 2),
            "l_infinity_distance": float(apart.max()),
            "chi_squared_test": float(test.statistic),
            "chi_squared_test_pvalue": float(test.pvalue),
        }
    return {
        "ks_test": float(ks_2samp(before, now).statistic),
        "wasserstein_distance": float(wasserstein_distance(before, now)),
    }


def of_library(python: Path | None, program: str, before: pd.Series, now: pd.Series) -> Values:
    """Ask a library for its statistics of one column, of the values that are there."""
    if python is None:
        return {}
    kind = "categories" if before.name in CATEGORIES else "numbers"
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / "before.parquet", Path(folder) / "now.parquet"]
        for file, values in zip(files, (before, now), strict=True):
            values.dropna().to_frame().reset_index(drop=True).to_parquet(file)
        call = [str(python), "-c", program, *map(str, files), str(before.name), kind]
        output = subprocess.run(call, check=True, capture_output=True, text=True).stdout
    values: Values = json.loads(output.splitlines()[-1])
    return values


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--evidently", type=Path)
    parser.add_argument("--nannyml", type=Path)
    given = parser.parse_args()
    print(f"{'column':12}{'statistic':28}{'levelfive':>12}{'SciPy':>12}{'Evidently':>12}{'NannyML':>12}")
    weather, flights = months("weather", NUMBERS[:4]), months("flights", (*NUMBERS[4:], *CATEGORIES))
    for before, now in (weather, flights):
        for name in before:
            pair = before[name], now[name]
            beside = (
                ours(*pair),
                scipys(*pair),
                of_library(given.evidently, EVIDENTLY, *pair),
                of_library(given.nannyml, NANNYML, *pair),
            )
            for statistic in [one for one in DRIFT_STATISTICS if any(one in values for values in beside[1:])]:
                cells = (f"{values[statistic]:12.4g}" if statistic in values else " " * 12 for values in beside)
                print(f"{name:12}{statistic:28}{''.join(cells)}", flush=True)


if __name__ == "__main__":
    main()
