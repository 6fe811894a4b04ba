"""Landing files without a person's rows: those of sources, and those of the request log."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from levelfive.data.landed import note_rewritten
from levelfive.data.landing import discard_unfinished, files_there, rewrite
from levelfive.erasure.person import Person
from levelfive.erasure.place import Removal
from levelfive.formats.leaving_out import count_of
from levelfive.formats.texts import MALFORMED
from levelfive.scoring.answers import KEYS
from levelfive.scoring.requests import LOG
from levelfive.storage.predictions import FEATURES, SLICES
from levelfive.storage.runs import Run
from levelfive.usecase.sources import Source

# Of a line of the request log, the objects that may name a person; the last one has the first word.
_OBJECTS = (SLICES, FEATURES, KEYS)


@dataclass(frozen=True)
class LandingFiles:
    """The files of a source: a file that has rows of theirs is written anew, and known as it is then.

    Args:
        run: Notes what is read and written.
        landing: Folder with one folder a source.
        source: The source.
        person: Whose rows.
    """

    run: Run
    landing: Path
    source: Source
    person: Person

    @property
    def name(self) -> str:
        """What the place is called."""
        return "request log" if self.source.name == LOG.name else f"files of {self.source.name}"

    def count(self) -> Removal:
        """Read all files, and count the rows that are theirs."""
        files, beside = files_there(self.landing, self.source)
        return Removal(sum(map(self._count, files)), left=self._passed_over(beside))

    def erase(self) -> Removal:
        """Write the files anew that have rows of theirs; one of which nothing is left is removed."""
        discard_unfinished(self.landing, self.source)
        files, beside = files_there(self.landing, self.source)
        rows = {path: self._erase(path) for path in files}
        names = sorted(path.name for path, count in rows.items() if count)
        consequences = (f"an ingestion of {', '.join(names)} with the same counts",) if names else ()
        return Removal(sum(rows.values()), consequences, self._passed_over(beside))

    def _count(self, path: Path) -> int:
        with path.open("rb") as file:
            return count_of(self.source.format.batches(path, file, self.source.columns), self._chosen)

    def _erase(self, path: Path) -> int:
        if not self._count(path):
            return 0
        content = path.read_bytes()
        others, count = self.source.format.without(path, io.BytesIO(content), self.source.columns, self._chosen)
        if self._holds_rows(path, others):
            rewrite(path, others, lambda file: note_rewritten(self.run, self.source.name, file))
        else:
            path.unlink()
        return count

    def _holds_rows(self, path: Path, content: bytes) -> bool:
        if not content.strip():
            return False
        batches = self.source.format.batches(path, io.BytesIO(content), self.source.columns)
        return any(batch.rows.num_rows for batch in batches)

    def _chosen(self, rows: pa.Table) -> list[bool]:
        if self.source.name != LOG.name:
            return self.person.chosen(rows, self.source.columns)
        return [self._is_of_line(line) for line in rows.to_pylist()]

    def _is_of_line(self, line: Mapping[str, str | None]) -> bool:
        text = line[MALFORMED]
        if text is not None:
            return self.person.is_named_in(text)
        return self.person.has(cells_of_line(line))

    def _passed_over(self, beside: tuple[Path, ...]) -> tuple[str, ...]:
        if not beside:
            return ()
        names = ", ".join(path.name for path in beside)
        return (f"{self.name}: {names} in {beside[0].parent} were not looked into: take them away, or run this again "
                "once they have landed",)  # fmt: skip


def cells_of_line(line: Mapping[str, str | None]) -> dict[str, str | None]:
    """Read by which values an answer of the service is known, from the objects of its line; of another row, nothing."""
    cells: dict[str, str | None] = {}
    for name in _OBJECTS:
        cells |= texts_of_object(line.get(name))
    return cells


def texts_of_object(text: str | None) -> dict[str, str | None]:
    """Read an object of JSON as texts of its values; of what is none, nothing."""
    with suppress(ValueError):
        # Numbers keep the texts that they have.
        content = json.loads(text or "{}", parse_int=str, parse_float=str)
        if isinstance(content, dict):
            return {name: None if value is None else _text(value) for name, value in content.items()}
    return {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
