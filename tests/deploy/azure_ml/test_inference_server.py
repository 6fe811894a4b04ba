"""Azure's own inference server answers by score.py, as in its container; whatever is sent, it is never its 500."""

import http.client
import json
import re
import subprocess
import threading
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from bundle.offline import ROOT
from images import steps
from ports import free_port
from served import REQUEST, classifier, publish, saved

from levelfive.deployment.budget import ProbeMeasurement, over_budget
from levelfive.deployment.probe import HttpProbe
from levelfive.deployment.rollout import RolloutPolicy
from levelfive.models.package import Model, digest
from levelfive.online.opening import url_of
from levelfive.online.sqlite_store import SqliteStore

# An image is a download of 200 MB; by day the same code answers in the tests of the service.
pytestmark = pytest.mark.nightly
NAME, VERSION = "levelfive.prod.flight_delay", "7"


@contextmanager
def serving(installed, variables, port):
    """Start what the image starts, on a port of this test; it listens once it says so."""
    _, _, command = json.loads(steps("CMD")[0])
    code = ROOT / "deploy" / "azure-ml" / "code"
    environment = {
        "PATH": installed.path,
        "HOME": str(installed.folder),
        "AML_APP_ROOT": str(code),
        "AZUREML_ENTRY_SCRIPT": "score.py",
        "PYTHONDONTWRITEBYTECODE": "1",
        **variables,
    }
    command = command.replace("0.0.0.0:5001", f"127.0.0.1:{port}")
    with subprocess.Popen(
        ["sh", "-c", command],
        env=environment,
        cwd=installed.folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as server:
        try:
            said = []
            for line in server.stderr:
                said.append(line)
                if "Listening at" in line:
                    break
            assert "Listening at" in "".join(said[-1:]), "".join(said)
            drain = threading.Thread(target=server.stderr.read, daemon=True)  # a full pipe would stop the server
            drain.start()
            yield
        finally:
            server.terminate()


@pytest.fixture(scope="module")
def variables(tmp_path_factory):
    """A model that Azure mounted, and an online store with what it looks up."""
    folder = tmp_path_factory.mktemp("azure")
    made = classifier()
    lasting = Model(made.estimator, replace(made.card, max_staleness=timedelta(days=36_500)))
    package = saved(lasting, folder / "model")
    publish(SqliteStore(folder / "online.db"))
    return {
        "AZUREML_MODEL_DIR": str(folder),
        "LEVELFIVE_MODEL_NAME": NAME,
        "LEVELFIVE_MODEL_VERSION": VERSION,
        "LEVELFIVE_MODEL_SHA256": digest(package),
        "LEVELFIVE_ONLINE_STORE": url_of(folder / "online.db"),
        "LEVELFIVE_USE_CASE": "flight_delay",
    }


@pytest.fixture(scope="module")
def port(image_of, variables):
    port = free_port()
    with serving(image_of("azure-ml"), variables, port):
        yield port


def ask(port, body, method="POST", path="/score", **headers):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    connection.request(method, path, body, {"Content-Type": "application/json", **headers})
    answer = connection.getresponse()
    return answer.status, answer.read()


def test_the_probes_of_the_deployment_are_answered(port):
    """The image is installed first, which takes a download."""
    assert ask(port, None, method="GET", path="/")[0] == 200


def test_a_rollout_finds_the_version_that_it_asks_for_and_within_its_budget(port):
    probe = HttpProbe(lambda: (f"http://127.0.0.1:{port}/score", "a-key"), (json.dumps(REQUEST).encode(),))
    policy = RolloutPolicy(requests=20, max_p95=timedelta(seconds=5))

    answers = probe("blue", VERSION, policy)

    assert [one.fault for one in answers if one.fault] == []
    assert over_budget(ProbeMeasurement.of(0, answers), policy) == ""
    assert "version 7 answered in the place of version 8" in probe("blue", "8", RolloutPolicy(requests=1))[0].fault


def test_many_rows_have_as_many_answers(port):
    status, body = ask(port, json.dumps({"requests": [REQUEST] * 3}))

    assert status == 200
    assert len(json.loads(body)["answers"]) == 3


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b"7",
        b"null",
        b'"text"',
        b"{}",
        json.dumps({"requests": []}).encode(),
        json.dumps({**REQUEST, "distance": "far"}).encode(),
        json.dumps({**REQUEST, "prediction_time": "yesterday"}).encode(),
        json.dumps({**REQUEST, "prediction_time": "2013-01-01T00:00:00Z"}).encode(),
        json.dumps({name: value for name, value in REQUEST.items() if name != "carrier"}).encode(),
        json.dumps({**REQUEST, "distance": float("nan")}).encode(),
        b"[" * 10_000,
        b" " * 1_000_000,
    ],
    ids=lambda body: re.sub(r"[^\w]+", "_", body[:40].decode("latin1")) + f"_{len(body)}",
)
def test_a_bad_request_is_a_4xx_with_a_sentence_and_the_next_one_is_answered(port, body):
    status, said = ask(port, body)

    assert 400 <= status < 500, said
    assert json.loads(said).keys() == {"error", "request_id"}
    assert ask(port, json.dumps(REQUEST))[0] == 200


@pytest.mark.parametrize(
    ("body", "headers"),
    [(b"", {"Content-Length": str(2**40)}), ([b" " * 2**20] * 4 + [b" "], {})],
    ids=["told", "not told"],
)
def test_a_body_that_is_too_long_is_not_read_whether_its_length_is_told_or_not(port, body, headers):
    status, said = ask(port, body, **headers)

    assert (status, "a body has at most 4,194,304 bytes" in json.loads(said)["error"]) == (413, True)


def test_another_method_is_refused_and_a_long_request_id_too(port):
    assert 400 <= ask(port, None, method="GET")[0] < 500
    assert 400 <= ask(port, json.dumps(REQUEST), **{"x-ms-client-request-id": "x" * 101})[0] < 500


def test_the_clock_of_the_jobs_says_what_lies_in_the_future(image_of, variables):
    port = free_port()

    with serving(image_of("azure-ml"), variables | {"LEVELFIVE_CLOCK": "2020-01-01T00:00Z=1990-01-01T00:00Z"}, port):
        status, said = ask(port, json.dumps(REQUEST))

    assert (status, b"expected no time in the future" in said) == (422, True)


def test_what_was_answered_is_in_the_request_log_when_the_server_ended(image_of, variables, tmp_path):
    port = free_port()

    with serving(image_of("azure-ml"), variables | {"LEVELFIVE_REQUEST_LOG": str(tmp_path)}, port):
        status, _ = ask(port, json.dumps({"requests": [REQUEST] * 3}))

    (file,) = tmp_path.iterdir()
    assert (status, file.suffix, len(file.read_text().splitlines())) == (200, ".jsonl", 3)


def test_files_that_are_not_those_of_the_version_are_not_served(image_of, variables):
    other = variables | {"LEVELFIVE_MODEL_SHA256": "0" * 64}
    port = free_port()

    with serving(image_of("azure-ml"), other, port):
        try:
            status, _ = ask(port, json.dumps(REQUEST))
        except (OSError, http.client.HTTPException):
            status = 0  # the worker ended, and nobody listens

    assert status != 200
