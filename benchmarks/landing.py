"""What a run of `data` costs with 10, 100 and 1,000 files there that were seen, and how much memory a large file takes.

    PYTHONPATH=tests/support python benchmarks/landing.py [--megabytes 400]

Each old file was ingested by a run of its own, as daily deliveries are. A run finds one new file, reads it, and writes
its rows. Printed are by format the least seconds of a few runs and of the search for what is new, their ratio to those
with 10 files, the bytes of landing files that were read, and the most memory that Python took for a large CSV.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pandas as pd
from shop import ORDERS, USE_CASE, write_orders

from levelfive import Csv, Format, JsonLines, Parquet
from levelfive.core.windows import Window, utc
from levelfive.data import job as data
from levelfive.data import landed
from levelfive.data.landed import LANDING_FILES, LandedFile, new_files
from levelfive.data.landing import inspect, list_files, read_rows
from levelfive.data.listings import note_listings
from levelfive.features.store import LocalFeatureStore
from levelfive.platforms.local_spark import local_session
from levelfive.storage.local_tables import LocalTables
from levelfive.storage.runs import JobContext, Run

BEGIN, DAY = utc(2020, 1, 1), timedelta(days=1)
NUMBERS = (10, 100, 1000)
TIMES = 3
LARGE = "--large"
FORMATS = {"CSV": Csv(), "JSON lines": JsonLines(), "Parquet": Parquet()}


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=400, help="the size of the large file")
    parser.add_argument(LARGE, type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.large:
        _read(options.large)
        return
    print(f"{'format':12}{'old files':>10}{'run':>10}{'ratio':>8}{'search':>10}{'ratio':>8}{'bytes read':>12}")
    with tempfile.TemporaryDirectory() as folder:
        for name, form in FORMATS.items():
            _print_costs(Path(folder), name, form)
    _print_memory(options.megabytes)


def _print_costs(folder: Path, name: str, form: Format) -> None:
    homes = {number: _home(folder, number, form) for number in NUMBERS}
    # The sizes by turns, so that what else the machine does falls on all of them.
    rounds = [{number: _run(*home, place) for number, home in homes.items()} for place in range(-1, TIMES)][1:]
    least = {number: tuple(map(min, zip(*(one[number] for one in rounds), strict=True))) for number in NUMBERS}
    few = least[NUMBERS[0]]
    for number, (run, search, read) in least.items():
        ratios = (run / few[0], search / few[1])
        costs = f"{run:>8.2f} s{ratios[0]:>8.2f}{search:>8.4f} s{ratios[1]:>8.2f}{read:>12,.0f}"
        print(f"{name:12}{number:>10,}{costs}", flush=True)


def _deliver(landing: Path, window: Window, form: Format) -> Path:
    """Let a file land, in a format."""
    write_orders(landing, window)
    file = landing / "orders" / f"{window.start:%Y-%m-%d}.csv"
    if isinstance(form, Csv):
        return file
    rows, other = pd.read_csv(file), file.with_suffix(form.endings[0])
    file.unlink()
    if isinstance(form, Parquet):
        rows.to_parquet(other)
    else:
        rows.to_json(other, orient="records", lines=True)
    return other


def _home(folder: Path, number: int, form: Format) -> tuple[JobContext, Path]:
    """Make a home in which so many files were ingested, each by a run of its own."""
    schema, source = f"{type(form).__name__.lower()}_{number}", replace(ORDERS, freshness=None, format=form)
    landing, warehouse = folder / schema / "landing", folder / "lakehouse"
    tables = LocalTables(local_session(warehouse), schema=schema, warehouse=warehouse)
    context = JobContext(tables, replace(USE_CASE, sources=(source,)), LocalFeatureStore(tables))
    _deliver(landing, Window(BEGIN, BEGIN + DAY), form)
    data.run(context, landing=landing, as_of=BEGIN + DAY)
    for day in range(1, number):
        window = Window(BEGIN + day * DAY, BEGIN + (day + 1) * DAY)
        file = inspect(_deliver(landing, window, form), source=source)
        times = (window.start, window.end - DAY / 24, window.end)
        row = LandedFile("orders", file.name, file.sha256, 25, 24, 1, 0, *times, file.size, file.modified_at)
        tables.control_tables.add(LANDING_FILES, [row])
    note_listings(Run(tables, "made"), {"orders": list_files(landing, source)}, ())
    return context, landing


def _run(context: JobContext, landing: Path, place: int) -> tuple[float, float, float]:
    """Let a file land, and take the seconds of the search for it, those of the run, and the bytes that were read."""
    window = Window(utc(2024, 1, 10) + place * DAY, utc(2024, 1, 11) + place * DAY)
    (source,) = context.use_case.sources
    _deliver(landing, window, source.format)
    start = time.perf_counter()
    new_files(Run(context.tables, "search"), {"orders": list_files(landing, source)}, [source])
    search = time.perf_counter() - start
    with _bytes_read() as read:
        start = time.perf_counter()
        data.run(context, landing=landing, as_of=window.end)
        return time.perf_counter() - start, search, float(sum(read))


@contextmanager
def _bytes_read() -> Iterator[list[int]]:
    """Note the sizes of the files that are inspected."""
    sizes: list[int] = []
    original = landed.inspect

    def noted(path: Path, *others: object) -> object:
        sizes.append(path.stat().st_size)
        return original(path, *others)  # type: ignore[arg-type]  # as it was called

    landed.inspect = noted  # type: ignore[assignment]  # for the time of the block
    try:
        yield sizes
    finally:
        landed.inspect = original


def _print_memory(megabytes: int) -> None:
    """Read a file by a process of its own, and print how much memory it took beyond one that reads a small file."""
    with tempfile.TemporaryDirectory() as folder:
        peaks = []
        for size in (1, megabytes):
            file = Path(folder) / f"{size}.csv"
            line = f"1,2020-01-01T00:00:00Z,north,{'9' * 60},1,2020-01-01T09:00:00Z\n"
            with file.open("w", encoding="utf-8") as content:
                content.write(",".join(ORDERS.columns) + "\n")
                content.writelines(line for _ in range(size * 1_000_000 // len(line)))
            said = subprocess.run(
                [sys.executable, __file__, LARGE, str(file)], capture_output=True, text=True, check=True
            )
            peaks.append(int(said.stdout))
    print(f"\na file of {megabytes} MB: {(peaks[1] - peaks[0]) / 1000:,.0f} MB more than one of 1 MB")


def _read(path: Path) -> None:
    file = inspect(path, source=ORDERS)
    for _ in read_rows(file, ORDERS):
        pass
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


if __name__ == "__main__":
    main()
