"""What only a process of its own shows: what it needs, what it writes, and how it ends."""

import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from ingestion import KEY, arrived, of_kind
from loopback import Loopback, Reply

SOURCE = Path(__file__).resolve().parents[3] / "src"
SET_UP = f"""
import sys
sys.path.insert(0, {str(SOURCE)!r})
from levelfive.telemetry.application_insights.connection import parse_connection
from levelfive.telemetry.application_insights.exporter import ApplicationInsights
from levelfive.telemetry.names import DRIFT
from levelfive.telemetry.records import SpanKind
from levelfive.telemetry.tracing import connect, event, measure, span
connect(ApplicationInsights(parse_connection(sys.argv[1]), "qa", "0.1.0"))
"""


def run(code: str, server: Loopback, *options: str) -> subprocess.CompletedProcess[str]:
    """Run code in an interpreter that finds no package at all but the standard library and this project's source."""
    connection = f"InstrumentationKey={KEY};IngestionEndpoint={server.address}"
    command = [sys.executable, "-I", "-S", *options, "-c", SET_UP + textwrap.dedent(code), connection]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def test_it_sends_without_any_package_so_that_it_fits_every_runtime(endpoint: Loopback) -> None:
    ended = run(
        """
        with span("scoring", kind=SpanKind.RUN, fields=dict):
            event("run started")
            measure(DRIFT, 0.5)
        packages = {name.split(".")[0] for name in sys.modules} - sys.stdlib_module_names - {"levelfive", "__main__"}
        assert not packages, packages
        """,
        endpoint,
    )

    assert (ended.returncode, ended.stderr) == (0, "")
    assert len(arrived(endpoint)) == 3


def test_what_is_said_after_the_last_run_arrives_when_the_process_ends_and_a_gauge_only_once(
    endpoint: Loopback,
) -> None:
    ended = run('measure(DRIFT, 0.5)\nevent("last words")', endpoint)

    assert (ended.returncode, ended.stderr) == (0, "")
    assert len(of_kind("MetricData", arrived(endpoint))) == 1
    assert [one["message"] for one in of_kind("MessageData", arrived(endpoint))] == ["last words"]


def test_nothing_is_written_to_a_disk(endpoint: Loopback) -> None:
    endpoint.replies = [Reply(503, headers={"Retry-After": "0"})]

    ended = run(
        """
        def refuse(name, arguments):
            writes = name == "open" and isinstance(arguments[2], int) and arguments[2] & 3
            if writes or name in ("os.mkdir", "os.rename", "tempfile.mkstemp"):
                raise OSError(30, "read-only file system")
        sys.addaudithook(refuse)
        event("said")
        """,
        endpoint,
        "-B",
    )

    assert (ended.returncode, ended.stderr) == (0, "")
    assert len(of_kind("MessageData", arrived(endpoint))) == 2


@pytest.mark.parametrize("said", ['event("said")', 'raise SystemExit("the job failed")'])
def test_a_process_ends_in_time_and_as_it_would_have_whatever_the_endpoint_does(endpoint: Loopback, said: str) -> None:
    """The endpoint hangs, and a flush waits for five seconds."""
    endpoint.usual = Reply(hangs=True)

    begin = time.monotonic()
    ended = run(f"event('before')\n{said}", endpoint)

    assert time.monotonic() - begin < 15.0
    assert ended.returncode == (1 if "raise" in said else 0)
