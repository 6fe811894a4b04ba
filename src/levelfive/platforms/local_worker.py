"""Starts the Python workers of the laptop's Spark: `spark.python.daemon.module` names this module.

Before each task, a worker forgets what it knows of its import path; Spark puts its archives there, and reading
their tables of contents again took longer than most tasks. They are left out: the packages are installed.
What every worker needs is loaded once, before the workers are forked.
"""

import gc
import sys

ARCHIVES = (".zip", ".jar")


def without_archives(path: list[str]) -> list[str]:
    """Leave the archives out of an import path."""
    return [entry for entry in path if not entry.endswith(ARCHIVES)]


def main() -> None:
    """Run the daemon from which Spark forks its Python workers."""
    sys.path[:] = without_archives(sys.path)
    for entry in [entry for entry in sys.path_importer_cache if entry.endswith(ARCHIVES)]:
        del sys.path_importer_cache[entry]

    import pandas  # noqa: F401 - loaded for the workers, not used here
    import pyarrow  # noqa: F401 - as above
    import pyspark.worker  # noqa: F401 - as above
    from pyspark.daemon import manager

    # A worker collects garbage after each task: not among all that was loaded here.
    gc.freeze()
    manager()  # type: ignore[no-untyped-call]  # pyspark has no types here


if __name__ == "__main__":
    main()
