"""Landed files are brought to Azure Storage, each once, whatever becomes of storage and process; nobody waits."""

import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import served
from azure.core.credentials import AzureSasCredential
from azure.storage.blob import ContainerClient
from azure_storage import PATIENCE, Storage, azure_storage
from azurite_server import azurite

from levelfive.errors import ConfigError, MachineError
from levelfive.online.sqlite_store import SqliteStore
from levelfive.serving.azure_storage import ONE_TRY, StorageFolder, place_of
from levelfive.serving.live import Live
from levelfive.serving.request_log import LOST, SAMPLED_OUT, WRITTEN, RequestLog, open_log
from levelfive.serving.scorer import Answers, Scorer
from levelfive.serving.service import Service
from levelfive.serving.uploads import FAILED, UPLOADED, Uploads
from levelfive.serving.version import ServedVersion

FOLDER = "flights/request_log"
URL = f"abfss://landing@levelfiveprod.dfs.core.windows.net/{FOLDER}"


@pytest.fixture
def storage() -> Iterator[Storage]:
    with azure_storage() as opened:
        yield opened


def client_of(storage: Storage) -> ContainerClient:
    return ContainerClient(f"http://{storage.host}", "landing", AzureSasCredential("sig=of-a-pod"), **ONE_TRY)


@pytest.fixture
def uploads(storage: Storage, tmp_path: Path) -> Uploads:
    return Uploads(tmp_path / "log", StorageFolder(client_of(storage), FOLDER))


@pytest.fixture
def log(uploads: Uploads, tmp_path: Path) -> RequestLog:
    return RequestLog(tmp_path / "log", uploads=uploads)


@pytest.fixture(params=["loopback", pytest.param("azurite", marks=pytest.mark.nightly)])
def container(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ContainerClient]:
    """A container on loopback, and by night one of Microsoft's emulator, which is a download."""
    cache = getattr(request.config, "cache", None)
    with ExitStack() as stack:
        if request.param == "loopback":
            yield client_of(stack.enter_context(azure_storage()))
        else:
            folder = tmp_path_factory.mktemp("azurite") if cache is None else cache.mkdir("azurite-3.35.0")
            yield stack.enter_context(azurite(folder, **ONE_TRY))


def answers(scorer: Scorer, request_id: str = "r") -> Answers:
    return scorer.answer(served.body(), request_id=request_id, now=served.NOW)


def test_what_landed_is_brought_once_and_deleted_here(container: ContainerClient, tmp_path: Path) -> None:
    """By night Microsoft's emulator is installed first, which takes a download."""
    folder = StorageFolder(container, f"/{FOLDER}/")
    uploads = Uploads(tmp_path, folder)
    (tmp_path / "requests_1.jsonl").write_bytes(b'{"request_id":"a"}\n')
    (tmp_path / "requests_2.jsonl.tmp").write_bytes(b'{"request_id":"b"}\n')

    uploads.upload()
    (tmp_path / "requests_1.jsonl").write_bytes(b"of a process that was killed before it deleted the file\n")
    uploads.upload()

    assert container.get_blob_client(f"{FOLDER}/requests_1.jsonl").download_blob().readall() == b'{"request_id":"a"}\n'
    assert [file.name for file in tmp_path.iterdir()] == ["requests_2.jsonl.tmp"]
    assert (uploads.files, uploads.trouble) == ({UPLOADED: 2, FAILED: 0}, "")


def test_a_log_that_ends_leaves_nothing_here(log: RequestLog, storage: Storage, scorer: Scorer, tmp_path: Path) -> None:
    log.start()
    log.put(answers(scorer))

    log.close()

    (content,) = storage.files.values()
    assert content.startswith(b'{"request_id":"r",')
    assert list((tmp_path / "log").iterdir()) == []
    assert storage.shown == {"of-a-pod"}


def test_what_an_earlier_process_left_is_brought(uploads: Uploads, storage: Storage, tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "requests_1.jsonl").write_text("landed\n")
    (tmp_path / "log" / "requests_2.jsonl.tmp").write_text("whole\nhalf of a li")

    RequestLog(tmp_path / "log", uploads=uploads).close()

    names = ("requests_1.jsonl", "requests_2.jsonl")
    assert storage.files == dict(
        zip((f"/landing/{FOLDER}/{name}" for name in names), (b"landed\n", b"whole\n"), strict=True)
    )


def test_a_storage_that_is_down_is_tried_again_and_told(
    log: RequestLog, uploads: Uploads, storage: Storage, scorer: Scorer, tmp_path: Path
) -> None:
    storage.refusal = 503
    log.put(answers(scorer))
    log.close()
    uploads.upload()
    told, waiting = log.trouble, [file.suffix for file in (tmp_path / "log").iterdir()]

    storage.refusal = 0
    uploads.upload()

    assert told.startswith("Azure Storage takes no file: ")
    assert waiting == [".jsonl"]
    assert (len(storage.files), log.trouble, uploads.files) == (1, "", {UPLOADED: 1, FAILED: 2})
    assert log.rows == {WRITTEN: 1, SAMPLED_OUT: 0, LOST: 0}


def test_where_nobody_listens_the_words_are_the_same_at_each_try(tmp_path: Path) -> None:
    with azure_storage() as gone:
        uploads = Uploads(tmp_path, StorageFolder(client_of(gone), FOLDER))
    (tmp_path / "requests_1.jsonl").touch()

    told = set()
    for _ in range(2):
        uploads.upload()
        told.add(uploads.trouble)

    (one,) = told
    assert "refused" in one


def test_an_answer_that_got_lost_makes_no_second_file(uploads: Uploads, storage: Storage, tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "requests_1.jsonl").write_text("landed\n")
    storage.loses = 1

    uploads.upload()
    there, failed = len(storage.files), uploads.files[FAILED]
    uploads.upload()

    assert (there, failed, len(storage.files), uploads.files[UPLOADED]) == (1, 1, 1, 1)
    assert list((tmp_path / "log").iterdir()) == []


def test_while_the_storage_hangs_answers_are_written_on(
    log: RequestLog, uploads: Uploads, storage: Storage, scorer: Scorer, tmp_path: Path
) -> None:
    (tmp_path / "log" / "requests_1.jsonl").write_text("landed\n")
    storage.answers.clear()
    thread = threading.Thread(target=uploads.upload)
    thread.start()
    assert storage.asked.acquire(timeout=PATIENCE)

    log.put(answers(scorer))
    log.flush()

    written = log.rows[WRITTEN]
    storage.answers.set()
    thread.join(PATIENCE)
    assert (written, len(storage.files)) == (1, 1)


def test_no_more_waits_than_may_and_what_is_lost_is_counted(storage: Storage, scorer: Scorer, tmp_path: Path) -> None:
    uploads = Uploads(tmp_path, StorageFolder(client_of(storage), FOLDER), most_bytes=10)
    log = RequestLog(tmp_path, uploads=uploads)
    (tmp_path / "requests_1.jsonl").write_text("0123456789")
    log.put(answers(scorer))
    log.flush()
    told = log.trouble

    uploads.upload()
    log.put(answers(scorer))
    log.close()

    assert told == "10 bytes wait for Azure Storage: until it takes them, rows are lost"
    assert log.rows == {WRITTEN: 1, SAMPLED_OUT: 0, LOST: 1}
    assert (len(storage.files), log.trouble) == (2, "")


def test_a_file_that_another_process_brought_is_no_trouble(uploads: Uploads, tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "requests_1.jsonl").symlink_to(tmp_path / "gone")

    uploads.upload()
    uploads.refuse_too_much()

    assert uploads.trouble == ""


def test_a_file_that_cannot_be_read_holds_no_other_one_back(uploads: Uploads, storage: Storage, tmp_path: Path) -> None:
    (tmp_path / "log" / "requests_1.jsonl").mkdir(parents=True)
    (tmp_path / "log" / "requests_2.jsonl").write_text("landed\n")

    uploads.upload()

    assert list(storage.files) == [f"/landing/{FOLDER}/requests_2.jsonl"]
    assert "requests_1.jsonl cannot be read" in uploads.trouble


def test_metrics_count_what_was_brought(log: RequestLog, version: ServedVersion, store: SqliteStore) -> None:
    live = Live(None, store)
    live.take(version)
    service = Service(live, now=lambda: served.NOW, log=log)

    lines = served.ask(service, "/metrics", method="GET").body.decode().splitlines()

    assert {
        'levelfive_request_log_uploads_total{outcome="uploaded"} 0.0',
        'levelfive_request_log_uploads_total{outcome="failed"} 0.0',
    } <= set(lines)


@pytest.mark.parametrize(
    ("url", "place"),
    [
        (URL, ("https://levelfiveprod.blob.core.windows.net", "landing", FOLDER)),
        ("abfss://landing@a.dfs.core.windows.net", ("https://a.blob.core.windows.net", "landing", "")),
        ("abfss://c@a.dfs.core.chinacloudapi.cn/f/", ("https://a.blob.core.chinacloudapi.cn", "c", "f")),
        ("https://a.blob.core.windows.net/landing/f/g", ("https://a.blob.core.windows.net", "landing", "f/g")),
        ("https://a.dfs.core.windows.net/landing", ("https://a.blob.core.windows.net", "landing", "")),
    ],
)
def test_a_folder_is_named_as_volumes_or_blobs_are(url: str, place: tuple[str, str, str]) -> None:
    assert place_of(url) == place


@pytest.mark.parametrize(
    "url",
    [
        "https://a.blob.core.windows.net/landing/f?sv=1&sig=a-secret",
        "abfss://landing@a.dfs.core.windows.net/f?sig=a-secret",
        "https://user:a-secret@a.blob.core.windows.net/landing",
        "http://a.blob.core.windows.net/landing",
        "https://a.blob.core.windows.net",
        "dbfs://landing/a-secret",
    ],
)
def test_what_is_no_folder_or_holds_a_secret_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ConfigError, match="abfss://CONTAINER@ACCOUNT") as refused:
        open_log(url)

    assert "a-secret" not in str(refused.value)


def test_a_url_is_logged_to_a_folder_of_this_machine_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    log = open_log(URL)

    (folder,) = (tmp_path / "levelfive-requests").iterdir()
    assert folder.name == "abfss%3A%2F%2Flanding%40levelfiveprod.dfs.core.windows.net%2Fflights%2Frequest_log"
    log.close()
    assert (open_log(str(tmp_path / "log")).uploads, (tmp_path / "log").is_dir()) == (None, True)


def test_without_the_sdk_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "azure.identity", None)  # its import fails

    with pytest.raises(MachineError, match=r"pip install 'levelfive\[azure-storage\]'"):
        open_log(URL)
