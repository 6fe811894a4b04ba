"""The laptop's Spark: one local session with Delta, tuned for small data on few cores."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import delta.exceptions.captured  # noqa: F401 - lets conflicts of writers arrive in Python as what they are
from pyspark.errors import PySparkRuntimeError
from pyspark.sql import SparkSession

from levelfive.errors import MachineError
from levelfive.storage.local_tables import LocalTables
from levelfive.storage.tables import Tables

DELTA_PACKAGE = "io.delta:delta-spark_4.1_2.13:4.1.0"
# Spark ships these itself; left in, they make its resolver fail on a half-filled local Maven cache.
SHIPPED_WITH_SPARK = (
    "org.slf4j:*,org.apache.logging.log4j:*,com.google.code.findbugs:*,com.fasterxml.jackson.core:*,io.unitycatalog:*"
)
SUPPORTED_JAVA = (17, 21)
# The work is thousands of short queries: compiling them well costs more than running them (the optimising compiler
# alone took a third of all time). With one tier of compilation the JVM reserves 48 MB for compiled code; once that is
# full it interprets, several times slower. So it does with the long methods that Spark writes for wide rows, unless it
# is told to compile them too. Spark is made of small closures: the quick compiler gains by inlining more of them.
# Starting a small process, as Hadoop does for a file's permissions, must not fork the JVM.
JVM_OPTIONS = (
    "-XX:TieredStopAtLevel=1 -XX:C1MaxInlineSize=70 -XX:C1MaxInlineLevel=20 -XX:C1MaxTrivialSize=12 "
    "-XX:ReservedCodeCacheSize=512m -XX:-DontCompileHugeMethods -XX:+UseSerialGC "
    "-XX:-UsePerfData -Duser.timezone=UTC -Djdk.lang.Process.launchMechanism=VFORK"
)
# What set-up leaves: Delta's jars, and an archive of the classes that Spark loads (a JVM feature, CDS), which
# halves the time of its start.
SET_UP = Path(sys.prefix) / "share" / "levelfive"
JARS = SET_UP / "jars"
CLASS_ARCHIVE = SET_UP / "spark-classes.jsa"
SETTING_UP = "LEVELFIVE_SETTING_UP"
_FILE_MANAGER = "org.apache.spark.sql.execution.streaming.checkpointing.FileSystemBasedCheckpointFileManager"
# An archive of another JVM is passed over; nobody needs to read which classes cannot be in one.
QUIET_ARCHIVE = "-Xshare:auto -Xlog:cds=off -Xlog:cds+dynamic=off -Xlog:class+path=off"
_SETTINGS = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    "spark.sql.session.timeZone": "UTC",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    # Nobody reads the text of the plans here, and writing it down takes a good part of a short query.
    "spark.sql.ui.explainMode": "simple",
    "spark.sql.maxPlanStringLength": "100",
    "spark.sql.shuffle.partitions": "2",
    # A state of a few months fits into memory: to join it there spares both sides a shuffle and a sort.
    "spark.sql.autoBroadcastJoinThreshold": "128m",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    # A month of a laptop's data in one batch or two: each batch has its price in Python.
    "spark.sql.execution.arrow.maxRecordsPerBatch": "50000",
    # The default, INT96, keeps no least and greatest value: a reader could pass over nothing by its time.
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    "spark.python.daemon.module": "levelfive.platforms.local_worker",
    # Remembering the line of Python behind every column doubles the time to build a plan.
    "spark.python.sql.dataFrameDebugging.enabled": "false",
    # Delta rebuilds a table's state in 50 tasks by default: far too many for logs of a few files.
    "spark.databricks.delta.snapshotPartitions": "1",
    "spark.databricks.delta.properties.defaults.checkpointInterval": "50",
    # It renames a finished commit into its place, one writer of this process at a time, and starts no process to
    # look for symbolic links as the default for local files does.
    "spark.delta.logStore.file.impl": "io.delta.storage.LocalLogStore",
    "spark.sql.streaming.checkpointFileManagerClass": _FILE_MANAGER,
    # Tables of a few files: to collect and to ask statistics costs more than the files that they spare.
    "spark.databricks.delta.stats.collect": "false",
    "spark.databricks.delta.stats.skipping": "false",
    # Room for the compiled code of all queries: by default, a hundred pieces are kept.
    "spark.sql.codegen.cache.maxEntries": "2000",
    # Rows of more than 100 fields would go through a dozen small steps instead of one compiled loop.
    "spark.sql.codegen.maxFields": "500",
    "spark.sql.catalogImplementation": "in-memory",
}


def local_session(warehouse: Path, *, memory: str = "2g", cores: int = 2) -> SparkSession:
    """Start (or get) a local session with Delta whose session time zone is UTC.

    Args:
        warehouse: Folder of the managed tables.
        memory: Heap of the one JVM, as Spark writes it.
        cores: Threads that run tasks.

    Raises:
        MachineError: Java is missing or of another version, or Spark cannot start.
    """
    check_java()
    # Python's own clock settings reach Spark's workers and `collect()`: UTC there too.
    os.environ["TZ"] = "UTC"
    # Otherwise the workers run whatever `python3` is first on the PATH, without our packages.
    os.environ["PYSPARK_PYTHON"] = sys.executable
    builder = SparkSession.builder.master(f"local[{cores}]").appName("levelfive")
    for key, value in session_settings(warehouse, memory).items():
        builder = builder.config(key, value)
    try:
        session = builder.getOrCreate()
    except PySparkRuntimeError as err:
        raise MachineError(
            "Spark did not start; its own message is above. If it names a failed download, check the connection "
            f"to the Maven repository: {DELTA_PACKAGE} is fetched once, at the first start."
        ) from err
    return session


def session_settings(warehouse: Path, memory: str) -> dict[str, str]:
    """List the settings of a local session: the fixed ones, and those of this machine."""
    # A heap that starts small is collected hundreds of times while it grows.
    heap = f"-Xms{memory} -XX:MetaspaceSize=300m"
    options = f"{JVM_OPTIONS} {heap} {_archive_option()} -Dlog4j2.configurationFile={_log_settings()}"
    return {
        **_SETTINGS,
        **_packages(),
        "spark.sql.warehouse.dir": str(warehouse),
        "spark.driver.memory": memory,
        "spark.driver.extraJavaOptions": options,
    }


def check_java() -> None:
    """Check that a Java that Spark supports is there.

    Raises:
        MachineError: Java is missing or of another version.
    """
    home = os.environ.get("JAVA_HOME")
    java = str(Path(home) / "bin" / "java") if home else shutil.which("java")
    java_versions = " or ".join(map(str, SUPPORTED_JAVA))
    if java is None or not Path(java).exists():
        raise MachineError(
            f"Spark needs Java {java_versions} and none was found on the PATH or in JAVA_HOME ({home!r}). "
            "Install it, for example by 'apt-get install openjdk-17-jre-headless'."
        )
    answer = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    version = re.search(r'version "(\d+)', answer)
    if version is None or int(version[1]) not in SUPPORTED_JAVA:
        raise MachineError(
            f"Spark needs Java {java_versions}; {java} says {answer.splitlines()[:1]}. Set JAVA_HOME to one."
        )


def _log_settings() -> Path:
    return Path(__file__).with_name("log4j2.properties")


def _packages() -> dict[str, str]:
    jars = sorted(JARS.glob("*.jar"))
    if jars:
        # On the JVM's own class path: only such classes go into the archive, and nothing need be resolved.
        return {"spark.driver.extraClassPath": os.pathsep.join(map(str, jars))}
    return {"spark.jars.packages": DELTA_PACKAGE, "spark.jars.excludes": SHIPPED_WITH_SPARK}


def _archive_option() -> str:
    if SETTING_UP in os.environ:
        return f"-XX:ArchiveClassesAtExit={CLASS_ARCHIVE} {QUIET_ARCHIVE}"
    return f"-XX:SharedArchiveFile={CLASS_ARCHIVE} {QUIET_ARCHIVE}" if CLASS_ARCHIVE.exists() else ""


def main() -> None:
    """Write the archive of the classes that the laptop's Spark loads; set-up has fetched its packages."""
    check_java()
    with tempfile.TemporaryDirectory() as folder:
        if SETTING_UP in os.environ:
            _exercise(LocalTables(local_session(Path(folder)), schema="setup", warehouse=Path(folder)))
            return
        # Its pipes stay open until its JVM has ended, and the archive is written at the JVM's end.
        answer = subprocess.run(
            [sys.executable, "-m", "levelfive.platforms.local_spark"],
            env={**os.environ, SETTING_UP: "archive"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
    if answer.returncode:
        raise SystemExit(f"{answer.stdout}\nSpark could not be set up; its own messages are above.")


def _exercise(tables: Tables) -> None:
    """Load the classes that the stages will need: a table is written and read."""
    rows = tables.spark.range(10).selectExpr("id", "id % 3 AS part", "timestamp_seconds(id) AS at")
    tables.insert_new("numbers", rows, ("id",))
    tables.read("numbers").groupBy("part").count().toPandas()
    tables.spark.stop()


if __name__ == "__main__":
    main()
