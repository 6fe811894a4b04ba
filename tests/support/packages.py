"""An index of packages on loopback, and wheels of levelfive for it: what pip finds where a project is set up."""

from __future__ import annotations

import base64
import hashlib
import os
import subprocess
import sys
import sysconfig
import threading
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
# A newcomer's Python brings a pip; that of an environment made by set-up has none.
PYTHON = Path(sys.base_prefix, "bin", f"python{sys.version_info.major}.{sys.version_info.minor}")


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def package_index(folder: Path) -> Iterator[str]:
    """Serve the packages in a folder's `simple`, each in a folder of its name; yield the index's address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/simple"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def build_wheel(folder: Path) -> Path:
    """Build the wheel of this source into a folder."""
    uv = [str(Path(sys.executable).with_name("uv")), "build", "--wheel", "--quiet", "--no-build-isolation"]
    subprocess.run([*uv, "--python", sys.executable, "--out-dir", str(folder), str(PROJECT)], check=True)
    (wheel,) = folder.glob("levelfive-*.whl")
    return wheel


def as_version(wheel: Path, version: str, *, others: Mapping[str, tuple[str, str]]) -> Path:
    """Make a wheel of another version beside one, in which some files say something else.

    Args:
        wheel: What it is made of.
        version: Its version.
        others: By file, a text of it and what stands in its place.
    """
    name, before = wheel.name.split("-")[:2]
    target = wheel.with_name(wheel.name.replace(f"-{before}-", f"-{version}-"))
    info, record = f"{name}-{version}.dist-info", []
    with zipfile.ZipFile(wheel) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for member in old.namelist():
            content, place = old.read(member), member.replace(f"{name}-{before}.dist-info", info)
            if place.endswith("/RECORD"):
                continue
            if place.endswith("/METADATA"):
                content = content.replace(f"Version: {before}".encode(), f"Version: {version}".encode(), 1)
            if member in others:
                text, instead = (one.encode() for one in others[member])
                assert text in content, member
                content = content.replace(text, instead)
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")
            record.append(f"{place},sha256={digest},{len(content)}")
            new.writestr(place, content)
        new.writestr(f"{info}/RECORD", "\n".join([*record, f"{info}/RECORD,,", ""]))
    return target


def other_packages(folder: Path) -> Path:
    """Link all packages that are installed here into a folder, but levelfive: pip need not fetch them again."""
    folder.mkdir()
    for package in Path(sysconfig.get_path("purelib")).iterdir():
        if "levelfive" not in package.name:
            (folder / package.name).symlink_to(package)
    # XGBoost's library for several GPUs, which no set-up of ours installs: pip takes it for there.
    stub = folder / "nvidia_nccl_cu12-2.20.0.dist-info"
    stub.mkdir()
    (stub / "METADATA").write_text("Metadata-Version: 2.1\nName: nvidia-nccl-cu12\nVersion: 2.20.0\n")
    return folder


def environment(packages: Path, index: str, home: Path) -> dict[str, str]:
    """What a newcomer's commands run with: a Python with pip, an index that holds levelfive, and nothing of ours."""
    kept = {name: os.environ[name] for name in ("JAVA_HOME", "LANG") if name in os.environ}
    return {
        **kept,
        "PATH": os.pathsep.join([str(PYTHON.parent), os.environ["PATH"]]),
        "HOME": str(home),
        "PYTHONPATH": str(packages),
        "PIP_INDEX_URL": index,
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_CACHE_DIR": "1",
        "PIP_NO_BUILD_ISOLATION": "0",  # no isolation: setuptools is among the packages that are there
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
