"""Answers land as whole files, whatever becomes of the process or of the disk."""

import fcntl
import json
import resource
from pathlib import Path
from typing import Any

import pytest
import served

from levelfive.errors import ConfigError
from levelfive.formats import JsonLines
from levelfive.serving.request_log import LOST, SAMPLED_OUT, WRITTEN, RequestLog
from levelfive.serving.scorer import Answers, Scorer


def answers(scorer: Scorer, *, rows: int = 1, request_id: str = "r", **fields: Any) -> Answers:
    content = b'{"requests": [' + b",".join(served.body(**{"flight": i, **fields}) for i in range(rows)) + b"]}"
    return scorer.answer(content, request_id=request_id, now=served.NOW)


def landed(folder: Path) -> list[dict[str, Any]]:
    files = sorted(folder.glob("*.jsonl"))
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


def unfinished(folder: Path) -> list[Path]:
    return list(folder.glob("*.tmp"))


def test_a_row_tells_what_was_answered_and_by_what(scorer: Scorer, tmp_path: Path) -> None:
    log = RequestLog(tmp_path / "log")
    answered = scorer.answer(served.body(is_known=True), request_id="r", now=served.NOW)

    log.put(answered)
    log.close()

    assert landed(tmp_path / "log") == [
        {
            "request_id": "r",
            "keys": {"carrier": "UA", "flight": 7, "origin": "JFK", "tailnum": "N1"},
            "prediction_time": "2013-05-01T10:20:00Z",
            "scores": {"score": answered.scores[0][0]},
            "slices": {"origin": "JFK", "is_known": True},
            "features": {
                **{"origin": "JFK", "distance": 300.5, "wind": 100.0, "delay": 12, "last_landed": 50.5},
                **{"seats": 150, "engine": "jet"},
            },
            "known_at": {
                "wind": "2013-05-01T10:00:00Z",
                "delay": "2013-05-01T09:30:00Z",
                "last_landed": "2013-05-01T09:30:00Z",
                "seats": None,
                "engine": None,
            },
            "reaches_to": {"weather": "2013-05-01T11:00:00Z", "delays": "2013-05-01T11:00:00Z"},
            "model": "levelfive.test.flights",
            "version": "1",
            "path": "fast",
            "served_at": "2013-05-01T12:00:00Z",
            "sample_rate": 1.0,
        }
    ]


def test_what_lands_is_read_as_a_source_is(scorer: Scorer, tmp_path: Path) -> None:
    log = RequestLog(tmp_path / "log")
    log.put(answers(scorer, rows=3))
    log.close()
    (file,) = (tmp_path / "log").iterdir()

    with file.open("rb") as content:
        (texts,) = JsonLines().batches(file, content, {"request_id": "string", "keys": "string"})

    assert texts.rows.column("request_id").to_pylist() == ["r-0", "r-1", "r-2"]
    keys = [json.loads(text) for text in texts.rows.column("keys").to_pylist()]
    assert [row["flight"] for row in keys] == [0, 1, 2]


def test_a_file_lands_when_it_is_full_or_old(scorer: Scorer, tmp_path: Path) -> None:
    seconds = [0.0]
    log = RequestLog(tmp_path / "log", clock=lambda: seconds[0], rows_per_file=3)

    log.put(answers(scorer, rows=2))
    log.flush()
    written = (len(landed(tmp_path / "log")), len(unfinished(tmp_path / "log")))
    log.put(answers(scorer, rows=2))
    log.flush()
    full = len(landed(tmp_path / "log"))
    log.put(answers(scorer))
    log.flush()
    seconds[0] = 60.0
    log.flush()

    assert written == (0, 1)
    assert full == 4
    assert len(landed(tmp_path / "log")) == 5
    assert not unfinished(tmp_path / "log")


def test_what_a_killed_process_left_lands_once_up_to_its_last_whole_line(scorer: Scorer, tmp_path: Path) -> None:
    folder = tmp_path / "log"
    folder.mkdir()
    (folder / "requests_1.jsonl.tmp").write_text('{"request_id":"a"}\n{"request_id":"b"}\n{"request')
    (folder / "requests_2.jsonl.tmp").write_text('{"req')

    RequestLog(folder).close()

    assert landed(folder) == [{"request_id": "a"}, {"request_id": "b"}]
    assert not unfinished(folder)


def test_a_file_that_another_process_writes_is_left_to_it(tmp_path: Path) -> None:
    folder = tmp_path / "log"
    folder.mkdir()
    with (folder / "requests_1.jsonl.tmp").open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        RequestLog(folder).close()

    assert len(unfinished(folder)) == 1


def test_where_more_waits_than_half_of_what_may_a_sample_of_the_keys_is_kept(scorer: Scorer, tmp_path: Path) -> None:
    log = RequestLog(tmp_path / "log", capacity=1000)

    log.put(answers(scorer, rows=500))
    log.put(answers(scorer, rows=400, request_id="more"))
    log.put(answers(scorer, rows=101, request_id="too much"))
    log.flush()
    log.put(answers(scorer, rows=1, request_id="after"))
    log.close()

    rows = landed(tmp_path / "log")
    sampled = [row["keys"]["flight"] for row in rows if row["sample_rate"] < 1]
    assert log.rows == {WRITTEN: 501 + len(sampled), SAMPLED_OUT: 400 - len(sampled), LOST: 101}
    assert 10 < len(sampled) < 80
    assert {row["request_id"].partition("-")[0] for row in rows} == {"r", "more", "after"}


def test_a_key_is_always_in_the_sample_or_never(scorer: Scorer, tmp_path: Path) -> None:
    log = RequestLog(tmp_path / "log", capacity=100)
    for _ in range(2):
        log.put(answers(scorer, rows=60))
        log.flush()
    log.close()

    flights = [row["keys"]["flight"] for row in landed(tmp_path / "log")]
    assert flights
    assert all(flights.count(flight) == 2 for flight in flights)


@pytest.fixture
def on_a_full_disk(scorer: Scorer, tmp_path: Path) -> RequestLog:
    """A log with one row that was written, and two for which the disk had room for half a row."""
    log = RequestLog(tmp_path / "log")
    log.put(answers(scorer))
    log.flush()
    (file,) = unfinished(tmp_path / "log")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (file.stat().st_size + 100, hard))
    log.put(answers(scorer, rows=2))
    log.flush()
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    return log


def test_a_disk_that_takes_no_more_stops_no_request_and_is_told(
    on_a_full_disk: RequestLog, scorer: Scorer, tmp_path: Path
) -> None:
    log, trouble = on_a_full_disk, on_a_full_disk.trouble

    log.put(answers(scorer))
    log.close()

    assert "File too large" in trouble
    assert log.trouble == ""
    assert log.rows == {WRITTEN: 2, SAMPLED_OUT: 0, LOST: 2}
    assert len(landed(tmp_path / "log")) == 2


def test_half_a_row_never_lands(on_a_full_disk: RequestLog, tmp_path: Path) -> None:
    on_a_full_disk.close()

    assert [row["request_id"] for row in landed(tmp_path / "log")] == ["r-0"]


@pytest.fixture
def with_a_name_that_is_taken(scorer: Scorer, tmp_path: Path) -> tuple[RequestLog, Path]:
    """A log with a full file, in the place of whose name is a folder."""
    log = RequestLog(tmp_path / "log", rows_per_file=2)
    log.put(answers(scorer))
    log.flush()
    (file,) = unfinished(tmp_path / "log")
    in_the_way = file.with_suffix("")
    in_the_way.mkdir()
    log.put(answers(scorer))
    log.flush()
    return log, in_the_way


def test_rows_of_a_file_that_cannot_land_yet_are_not_lost(with_a_name_that_is_taken: tuple[RequestLog, Path]) -> None:
    log, in_the_way = with_a_name_that_is_taken

    assert log.rows == {WRITTEN: 2, SAMPLED_OUT: 0, LOST: 0}
    assert "Is a directory" in log.trouble
    assert len(unfinished(in_the_way.parent)) == 1


@pytest.mark.parametrize("ends", [False, True])
def test_a_file_that_could_not_land_does_so_later(
    with_a_name_that_is_taken: tuple[RequestLog, Path], scorer: Scorer, *, ends: bool
) -> None:
    log, in_the_way = with_a_name_that_is_taken
    in_the_way.rmdir()

    (log.close if ends else log.flush)()

    assert (len(landed(in_the_way.parent)), unfinished(in_the_way.parent), log.trouble) == (2, [], "")


def test_a_file_that_somebody_deleted_keeps_no_later_one_from_landing(scorer: Scorer, tmp_path: Path) -> None:
    log = RequestLog(tmp_path / "log", rows_per_file=2)
    for ids in (["a"], ["b"], ["c", "d"]):
        for request_id in ids:
            log.put(answers(scorer, request_id=request_id))
        log.flush()
        for file in unfinished(tmp_path / "log"):
            file.unlink()

    assert [row["request_id"] for row in landed(tmp_path / "log")] == ["c-0", "d-0"]


def test_a_folder_that_cannot_be_written_to_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("a file")

    with pytest.raises(ConfigError, match="request log: "):
        RequestLog(tmp_path / "log")
