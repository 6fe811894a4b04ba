"""The files and folders of a workspace, in memory."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from unity_catalog import Refused

NOTEBOOK = b"# Databricks notebook source"


@dataclass
class Files:
    """Files by their path without /Workspace, notebooks without their ending; folders with their id."""

    files: dict[str, bytes] = field(default_factory=dict)
    folders: dict[str, int] = field(default_factory=dict)
    ids: Iterator[int] = field(default_factory=lambda: count(1000))

    def make_folder(self, path: str) -> dict[str, Any]:
        parts = inside(path).split("/")
        for depth in range(2, len(parts) + 1):
            self.folders.setdefault("/".join(parts[:depth]), next(self.ids))
        return {}

    def status(self, path: str, **_: Any) -> dict[str, Any]:
        if (folder := self.folders.get(inside(path))) is not None:
            return {"object_type": "DIRECTORY", "object_id": folder, "path": path}
        content = self.download(path)
        return {"object_type": "NOTEBOOK" if content.startswith(NOTEBOOK) else "FILE", "path": path}

    def upload(self, path: str, content: bytes, overwrite: str = "false") -> dict[str, Any]:
        name = inside(path).removesuffix(".py") if content.startswith(NOTEBOOK) else inside(path)
        self.need_folder(name.rpartition("/")[0])
        if overwrite != "true" and name in self.files:
            raise Refused(409, "RESOURCE_ALREADY_EXISTS", f"{path} is there already")
        self.files[name] = content
        return {}

    def download(self, path: str, **_: Any) -> bytes:
        return found(self.files, inside(path))

    def delete_file(self, path: str, **_: Any) -> dict[str, Any]:
        name = inside(path)
        gone = [one for one in (*self.files, *self.folders) if one == name or one.startswith(f"{name}/")]
        if not gone:
            raise Refused(404, "RESOURCE_DOES_NOT_EXIST", f"{path} is not there")
        for one in gone:
            self.files.pop(one, None)
            self.folders.pop(one, None)
        return {}

    def need_folder(self, path: str) -> None:
        found(self.folders, path)


def inside(path: str) -> str:
    """Give the one name of a path, which may or may not begin with /Workspace."""
    return path.removeprefix("/Workspace").rstrip("/")


def found(kept: dict[str, Any], key: str) -> Any:
    if key not in kept:
        raise Refused(404, "RESOURCE_DOES_NOT_EXIST", f"{key} does not exist.")
    return kept[key]
