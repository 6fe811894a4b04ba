"""Brings landed files of the request log from this machine's disk to Azure Storage, each once."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from contextlib import suppress
from pathlib import Path

from levelfive.errors import UploadError, unusable
from levelfive.serving.azure_storage import StorageFolder
from levelfive.telemetry.tracing import event

LANDED = "*.jsonl"
MOST_BYTES = 512 * 2**20
UPLOADED, FAILED = "uploaded", "failed"


class Uploads:
    """Takes the files of a folder away, also those of an earlier process, and of others that share it.

    Args:
        folder: Where they landed.
        storage: Where they belong.
        most_bytes: So many may wait, where the storage takes none.

    Attributes:
        files: How many were brought, and how many tries failed.
        trouble: What is wrong now; empty where nothing is.
    """

    def __init__(self, folder: Path, storage: StorageFolder, *, most_bytes: int = MOST_BYTES) -> None:
        """Remember both; nothing is asked yet."""
        self._folder, self._storage, self._most_bytes = folder, storage, most_bytes
        self._one_at_a_time = threading.Lock()
        self.files: Counter[str] = Counter({UPLOADED: 0, FAILED: 0})
        self.trouble = ""

    def upload(self) -> None:
        """Bring what has landed, and delete it here; what the storage does not take now, a later call brings."""
        trouble = ""
        with self._one_at_a_time:
            for file in sorted(self._folder.glob(LANDED)):
                try:
                    self._bring(file)
                except FileNotFoundError:  # another process has brought it
                    continue
                except OSError as err:
                    trouble = unusable(err)
                except UploadError as err:
                    self.files[FAILED] += 1
                    trouble = str(err)
                    break
            if trouble and trouble != self.trouble:
                event("request_log_trouble", level=logging.WARNING, why=trouble)
            self.trouble = trouble

    def refuse_too_much(self) -> None:
        """Refuse that another file is begun where too much waits.

        Raises:
            UploadError: As much waits as may.
            OSError: The folder cannot be read.
        """
        waiting = 0
        for file in self._folder.glob(LANDED):
            with suppress(FileNotFoundError):  # another process has brought it
                waiting += file.stat().st_size
        if waiting >= self._most_bytes:
            raise UploadError(f"{waiting:,} bytes wait for Azure Storage: until it takes them, rows are lost")

    def _bring(self, file: Path) -> None:
        with file.open("rb") as content:
            self._storage.put(file.name, content)
        self.files[UPLOADED] += 1
        file.unlink(missing_ok=True)
