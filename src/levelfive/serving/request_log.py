"""Requests and answers as files that land: JSON lines, whole once they have their name.

Answers go into a bounded list, which a thread writes out; nobody waits for it. A file that is being written ends in
`.tmp`. What a killed process left is found by the next one on the same folder: whole lines are kept. Where the files
belong into Azure Storage, the folder is one of this machine, and another thread brings them from there.
"""

from __future__ import annotations

import fcntl
import logging
import os
import tempfile
import threading
import time
import uuid
from collections import Counter, deque
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote
from zlib import crc32

import msgspec

from levelfive.errors import ConfigError, UploadError, unusable
from levelfive.serving.azure_storage import storage_folder
from levelfive.serving.live import Repeater
from levelfive.serving.scorer import Answers
from levelfive.serving.uploads import Uploads
from levelfive.telemetry.tracing import event

FLUSH, UPLOAD = timedelta(milliseconds=200), timedelta(seconds=5)
"""How often answers are written, which is what the kill of a process loses; how often files are brought away."""
PER_FILE, ROWS_PER_FILE = timedelta(minutes=1), 20_000
CAPACITY = 20_000
SAMPLE = 0.1
"""The share of keys whose rows are kept when more than half of the list is full."""
WRITTEN, SAMPLED_OUT, LOST = "written", "sampled_out", "lost"
UNFINISHED = ".tmp"
_ENCODER = msgspec.json.Encoder()


def open_log(place: str) -> RequestLog:
    """Open a log by its folder, or by the URL of one in Azure Storage; see `storage_folder`.

    Raises:
        ConfigError: The folder cannot be written to, or the URL is none.
        MachineError: Azure's SDK is not installed.
    """
    if "://" not in place:
        return RequestLog(Path(place))
    folder = Path(tempfile.gettempdir(), "levelfive-requests", quote(place, safe=""))
    return RequestLog(folder, uploads=Uploads(folder, storage_folder(place)))


class RequestLog:
    """Writes answers into a folder.

    Args:
        folder: Where the files land; a folder of this machine's own disk, which other processes may share.
        uploads: What brings them away from there; None where they stay.
        clock: Tells seconds; for how long a file is open.
        per_file: So long a file is written to at most.
        rows_per_file: So many rows a file has at most, but for those that are flushed with them.
        capacity: How many rows may wait; what comes beyond it is lost, and counted.

    Raises:
        ConfigError: The folder cannot be written to.
    """

    def __init__(
        self,
        folder: Path,
        *,
        uploads: Uploads | None = None,
        clock: Callable[[], float] = time.monotonic,
        per_file: timedelta = PER_FILE,
        rows_per_file: int = ROWS_PER_FILE,
        capacity: int = CAPACITY,
    ) -> None:
        """Take up what an earlier process left."""
        self._folder, self._clock, self.uploads = folder, clock, uploads
        self._per_file, self._rows_per_file, self._capacity = per_file.total_seconds(), rows_per_file, capacity
        self._waiting: deque[tuple[Answers, float]] = deque()
        self._rows_waiting = 0
        self._count = threading.Lock()
        self._open: _File | None = None
        self._repeaters: list[Repeater] = []
        self._troubles: dict[str, str] = {}
        self.rows: Counter[str] = Counter({WRITTEN: 0, SAMPLED_OUT: 0, LOST: 0})
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for file in sorted(folder.glob(f"*{UNFINISHED}")):
                _finish(file)
        except OSError as err:
            raise ConfigError(f"request log: {unusable(err)}") from err

    @property
    def trouble(self) -> str:
        """What is wrong now; empty where nothing is."""
        of_uploads = [self.uploads.trouble] if self.uploads is not None and self.uploads.trouble else []
        return "; ".join([*self._troubles.values(), *of_uploads])

    def start(self) -> None:
        """Write, and bring files away, again and again, in threads of their own until `close`."""
        self._repeaters = [Repeater(self.flush, FLUSH)]
        if self.uploads is not None:
            self._repeaters.append(Repeater(self.uploads.upload, UPLOAD))
        for one in self._repeaters:
            one.start()

    def put(self, answers: Answers) -> None:
        """Take answers; they are written at the next `flush`. Never waits."""
        count = len(answers.rows)
        with self._count:
            fill = (self._rows_waiting + count) / self._capacity
            if fill > 1:
                self.rows[LOST] += count
                return
            self._rows_waiting += count
        self._waiting.append((answers, SAMPLE if fill > 0.5 else 1.0))

    def flush(self) -> None:
        """Write what waits, and let files land that are full or old; called by one thread."""
        lines: list[bytes] = []
        row_count = 0
        while self._waiting:
            answers, rate = self._waiting.popleft()
            row_count += len(answers.rows)
            lines += self._lines(answers, rate)
        with self._count:
            self._rows_waiting -= row_count
        if lines:
            self._write(lines)
        self._land(is_last=False)

    def close(self) -> None:
        """Write what waits, let it land, and bring it away."""
        for one in self._repeaters:
            one.stop()
        self.flush()
        self._land(is_last=True)
        if self.uploads is not None:
            self.uploads.upload()

    def _lines(self, answers: Answers, rate: float) -> list[bytes]:
        rows = range(len(answers.rows))
        sample = [i for i in rows if rate == 1 or _is_in_sample(answers.key(i), rate)]
        self.rows[SAMPLED_OUT] += len(rows) - len(sample)
        return [_ENCODER.encode({**answers.record(i), "sample_rate": rate}) for i in sample]

    def _write(self, lines: list[bytes]) -> None:
        try:
            if self._open is None:
                if self.uploads is not None:
                    self.uploads.refuse_too_much()
                self._open = _File.new(self._folder, self._clock())
            self._open.append(lines)
        except (OSError, UploadError) as err:
            self.rows[LOST] += len(lines)
            self._note("write", unusable(err) if isinstance(err, OSError) else str(err))
        else:
            self.rows[WRITTEN] += len(lines)
            self._note("write", "")

    def _land(self, *, is_last: bool) -> None:
        """Let the open file land if it is time; one that cannot is written on, and tried again."""
        if self._open is None:
            return
        is_full = self._open.rows >= self._rows_per_file
        if is_last or is_full or self._clock() - self._open.since >= self._per_file:
            try:
                self._open.land()
            except OSError as err:
                self._note("land", unusable(err))
                if isinstance(err, FileNotFoundError):  # somebody has deleted it
                    self._open = None
            else:
                self._open = None
                self._note("land", "")

    def _note(self, about: str, trouble: str) -> None:
        if trouble and trouble != self._troubles.get(about):
            event("request_log_trouble", level=logging.WARNING, why=trouble)
        others = {name: why for name, why in self._troubles.items() if name != about}
        self._troubles = {**others, about: trouble} if trouble else others


class _File:
    """One file that is being written."""

    def __init__(self, path: Path, since: float) -> None:
        self.path, self.since, self.rows = path, since, 0
        self._stream: IO[bytes] = path.open("xb", buffering=0)
        fcntl.flock(self._stream, fcntl.LOCK_EX)
        self._size = 0

    @classmethod
    def new(cls, folder: Path, since: float) -> _File:
        return cls(folder / f"requests_{uuid.uuid4().hex}.jsonl{UNFINISHED}", since)

    def append(self, lines: list[bytes]) -> None:
        """Append whole lines, or none."""
        block = b"".join(line + b"\n" for line in lines)
        file, offset = self._stream.fileno(), 0
        try:
            while offset < len(block):
                offset += os.pwrite(file, block[offset:], self._size + offset)
        except OSError:
            os.ftruncate(file, self._size)
            raise
        self._size += len(block)
        self.rows += len(lines)

    def land(self) -> None:
        """Give the file its name, on disk and while it is locked; may be repeated where it failed."""
        os.fsync(self._stream.fileno())
        if self.rows:
            self.path.rename(self.path.with_suffix(""))
        else:
            self.path.unlink()
        with suppress(OSError):  # nothing of it is left to be written
            self._stream.close()


def _finish(path: Path) -> None:
    """Let the whole lines of a file land that nobody writes any more."""
    with path.open("r+b") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        whole = stream.read().rfind(b"\n") + 1
        stream.truncate(whole)
        if whole:
            path.rename(path.with_suffix(""))
        else:
            path.unlink()


def _is_in_sample(key: list[Any], rate: float) -> bool:
    """Choose rows by their key: of one key, all or none."""
    return crc32(repr(key).encode()) < rate * 2**32
