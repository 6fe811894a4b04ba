"""Sample requests reach the deployment that is meant, over HTTP; what is wrong with an answer is said."""

import json
from datetime import timedelta

import pytest
from loopback import Reply, loopback

from levelfive.deployment.probe import HttpProbe, fault_of, read_requests
from levelfive.deployment.rollout import RolloutPolicy
from levelfive.errors import ConfigError

GOOD = {"request_id": "r", "scores": {"score": 0.25}, "model": "m", "version": "2", "reaches_to": None}


def probing(uri, *, count=3, hold=timedelta(0)):
    slept = []
    probe = HttpProbe(lambda: (uri, "the-key"), (b'{"a": 1}', b'{"a": 2}'), slept.append)
    return probe("green", "2", RolloutPolicy(requests=count, hold=hold)), slept


def test_requests_are_sent_in_turn_to_the_deployment_by_its_name():
    with loopback(*[Reply(200, GOOD)] * 3) as server:
        answers, slept = probing(server.address, hold=timedelta(seconds=30))

    assert [one.fault for one in answers] == [""] * 3
    assert all(one.seconds > 0 for one in answers)
    assert [call.json for call in server.calls] == [{"a": 1}, {"a": 2}, {"a": 1}]
    assert server.calls[0].headers["azureml-model-deployment"] == "green"
    assert server.calls[0].headers["authorization"] == "Bearer the-key"
    assert slept == [10.0] * 3


def test_a_refusal_is_a_fault_with_its_words():
    with loopback(Reply(422, "distance: expected a number")) as server:
        answers, _ = probing(server.address, count=1)

    assert answers[0].fault == "the answer was 422: distance: expected a number"


def test_the_key_is_not_carried_on_to_where_an_endpoint_points():
    with loopback(Reply(200, GOOD)) as other, loopback(Reply(307, headers={"Location": other.address})) as server:
        answers, _ = probing(server.address, count=1)

    assert answers[0].fault.startswith("the answer was 307")
    assert other.calls == []


def test_the_key_is_not_sent_where_others_could_read_it():
    with pytest.raises(ConfigError, match="the address of the endpoint is no https address: give it TLS"):
        probing("http://20.0.0.1/api/v1/endpoint/flight-delay-prod/score")


def test_no_answer_is_a_fault():
    with loopback() as server:
        pass

    answers, _ = probing(server.address, count=1)

    assert answers[0].fault == "there was no answer"


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (GOOD, ""),
        ({"answers": [GOOD, GOOD]}, ""),
        ({"answers": [GOOD, {**GOOD, "version": "1"}]}, "version 1 answered in the place of version 2"),
        ({"answers": []}, "holds no score"),
        ({"scores": {"score": 0.5}}, "says no version"),
        ({**GOOD, "scores": {"score": None}}, "no number"),
        ({**GOOD, "scores": {}}, "no number"),
        ({**GOOD, "scores": {"score": float("nan")}}, "no number"),
        (7, "holds no score"),
    ],
)
def test_an_answer_has_to_be_of_the_version_and_hold_numbers(answer, says):
    said = fault_of(json.dumps(answer).encode(), "2")

    assert said == "" if not says else says in said


def test_an_answer_that_is_no_json_is_a_fault():
    assert "no JSON" in fault_of(b"<html>", "2")


@pytest.mark.parametrize("text", ["", "{", "[1]\n", '{"a": 1}\n7\n'])
def test_sample_requests_are_objects_one_a_line(tmp_path, text):
    file = tmp_path / "requests.jsonl"
    file.write_text(text)

    with pytest.raises(ConfigError, match=r"one JSON object a line|at least one"):
        read_requests(file)


def test_empty_lines_of_sample_requests_are_passed_over(tmp_path):
    file = tmp_path / "requests.jsonl"
    file.write_text('{"a": 1}\n\n{"a": 2}\n')

    assert [json.loads(one) for one in read_requests(file)] == [{"a": 1}, {"a": 2}]
