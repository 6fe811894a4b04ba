"""A Spark Connect server of the laptop's, with Delta: a process of its own, reached over a port of this machine."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyspark
import pytest
from ports import free_port
from programs import unprivileged
from pyspark.errors import PySparkRuntimeError
from pyspark.sql.connect.conf import RuntimeConf
from pyspark.sql.connect.dataframe import DataFrame

from levelfive.platforms.local_spark import check_java, session_settings

SERVER = "org.apache.spark.sql.connect.service.SparkConnectServer"
SECONDS_TO_START = 120
SERVERLESS_SETS = (
    "spark.databricks.execution.timeout",
    "spark.sql.ansi.enabled",
    "spark.sql.legacy.timeParserPolicy",
    "spark.sql.session.timeZone",
    "spark.sql.shuffle.partitions",
)


@contextmanager
def connect_server(warehouse: Path, *, memory: str = "2g", cores: int = 2) -> Iterator[str]:
    """Run a server with the settings of the laptop's own Spark, and tell its address."""
    check_java()
    port = free_port()
    settings = {**session_settings(warehouse, memory), "spark.connect.grpc.binding.port": str(port)}
    # A removal of old files lists a folder in so many tasks, by default in 10,000: minutes on two cores, a table.
    settings["spark.sql.sources.parallelPartitionDiscovery.parallelism"] = "2"
    command = [str(Path(pyspark.__file__).with_name("bin") / "spark-submit"), "--class", SERVER]
    command += ["--master", f"local[{cores}]", "--name", "levelfive"]
    for key, value in settings.items():
        command += ["--conf", f"{key}={value}"]
    surroundings = {**os.environ, "TZ": "UTC", "PYSPARK_PYTHON": sys.executable}
    with (warehouse / "server.log").open("w") as log:
        # Whoever interrupts the tests at a terminal stops them, and they stop the server. No session of its own: Linux
        # shares time between sessions, and it would not give way to the tests that take longest.
        server = subprocess.Popen(
            unprivileged(command, warehouse),
            stdout=log,
            stderr=subprocess.STDOUT,
            env=surroundings,
            cwd=warehouse,
            process_group=0,
        )
        try:
            _wait_for(server, port, warehouse / "server.log")
            yield f"sc://127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait(timeout=SECONDS_TO_START)


def only_what_serverless_sets(patch: pytest.MonkeyPatch) -> None:
    """Let the client refuse settings as serverless compute does, and frames that are to be kept."""
    set_any = RuntimeConf.set

    def set_few(self: RuntimeConf, key: str, value: str | int | bool) -> None:
        if key not in SERVERLESS_SETS:
            raise PySparkRuntimeError(f"[CONFIG_NOT_AVAILABLE] Configuration {key} is not available.")
        set_any(self, key, value)

    patch.setattr(RuntimeConf, "set", set_few)
    for name in ("persist", "cache", "unpersist"):
        patch.setattr(DataFrame, name, _not_supported)


def _not_supported(*_: object, **__: object) -> None:
    raise PySparkRuntimeError("[NOT_SUPPORTED_WITH_SERVERLESS] PERSIST TABLE is not supported on serverless compute.")


def _wait_for(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    end = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < end and server.poll() is None:
        with socket.socket() as attempt:
            attempt.settimeout(1)
            if attempt.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise RuntimeError(f"the Connect server did not start; it said:\n{log.read_text()}")
