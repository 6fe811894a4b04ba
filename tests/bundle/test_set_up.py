"""Set-up installs the lock on any day: here from an index that also offers newer versions of everything in it."""

import base64
import hashlib
import io
import json
import os
import runpy
import shutil
import subprocess
import sys
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import distribution
from pathlib import Path

import pyspark
import pytest

INSTALL = Path(__file__).parents[2] / "requirements" / "install.py"
LOCKED, NEWER = "1.0", "99.0"
# A newcomer's Python brings a pip; that of an environment made by set-up has none.
WITH_PIP = Path(sys.base_prefix, "bin", f"python{sys.version_info.major}.{sys.version_info.minor}")
WITHOUT_PIP = Path(sys.executable)


class Index:
    """A package index on loopback, and the files of a set-up that is pinned to its older versions."""

    def __init__(self, folder: Path) -> None:
        self.packages, self.pins, self.venv = folder / "simple", folder / "pins", folder / "venv"
        self.maven, self.cache = folder / "maven", folder / "cache"
        self.pins.mkdir(parents=True)
        self.asked_for: list[str] = []
        self.reached, self.goes_on = threading.Event(), threading.Event()
        self.held, self.python = "", WITH_PIP
        index = self

        class Handler(SimpleHTTPRequestHandler):
            def do_GET(self) -> None:
                index.asked_for.append(self.path)
                if index.held and index.held in self.path:
                    index.reached.set()
                    index.goes_on.wait(60)
                super().do_GET()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/simple"

    def offer(self, name: str, version: str, files: dict[str, bytes], *, needs: tuple[str, ...] = ()) -> str:
        """Build a wheel; return the line that pins it."""
        info = f"{name}-{version}.dist-info"
        extras = sorted({need.split("extra == ")[1].strip("'") for need in needs if "extra ==" in need})
        lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
        lines += [f"Provides-Extra: {extra}" for extra in extras] + [f"Requires-Dist: {need}" for need in needs]
        files = {
            **files,
            f"{info}/METADATA": "\n".join(lines).encode(),
            f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        }
        record = "".join(f"{path},{_digest(content)},{len(content)}\n" for path, content in files.items())
        files[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n".encode()
        wheel = self._place(name, f"{name}-{version}-py3-none-any.whl")
        with zipfile.ZipFile(wheel, "w") as archive:
            for path, content in files.items():
                member = zipfile.ZipInfo(path)
                member.external_attr = (0o100755 if "/scripts/" in path else 0o100644) << 16
                archive.writestr(member, content)
        return self._pin(name, version, wheel)

    def offer_source(self, name: str, version: str) -> str:
        """Build a source distribution, which needs setuptools to be installed."""
        source = self._place(name, f"{name}-{version}.tar.gz")
        setup = f"from setuptools import setup\nsetup(name={name!r}, version={version!r}, py_modules=[{name!r}])\n"
        files = {"setup.py": setup, f"{name}.py": f"version = {version!r}\n", "PKG-INFO": _pkg_info(name, version)}
        with tarfile.open(source, "w:gz") as archive:
            for path, text in files.items():
                member = tarfile.TarInfo(f"{name}-{version}/{path}")
                member.size = len(text)
                archive.addfile(member, io.BytesIO(text.encode()))
        return self._pin(name, version, source)

    def offer_jar(self, group: str, name: str, content: bytes) -> str:
        folder = self.maven / group / name / LOCKED
        folder.mkdir(parents=True)
        (folder / f"{name}-{LOCKED}.jar").write_bytes(content)
        return f"{group}:{name}:{LOCKED} --hash=sha256:{hashlib.sha256(content).hexdigest()}"

    def pin(self, file: str, *lines: str) -> None:
        (self.pins / file).write_text("\n".join(lines) + "\n")

    def start(self) -> subprocess.Popen[str]:
        settings = self.pins / "ivysettings.xml"
        pattern = f"{self.maven}/[organisation]/[module]/[revision]/[artifact]-[revision].[ext]"
        settings.write_text(
            '<ivysettings><settings defaultResolver="here"/><resolvers><filesystem name="here">'
            f'<artifact pattern="{pattern}"/></filesystem></resolvers></ivysettings>'
        )
        env = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_"))}
        own = {
            "PIP_INDEX_URL": self.url,
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_NO_CACHE_DIR": "1",
            "UV_CACHE_DIR": str(self.cache),
            "IVY_SETTINGS": str(settings),
            "IVY_CACHE": str(self.cache / "ivy"),
        }
        command = [str(self.python), str(INSTALL), "--venv", str(self.venv), "--pins", str(self.pins), "--until-jars"]
        return subprocess.Popen(
            command, env={**env, **own}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def set_up(self) -> tuple[int, str]:
        process = self.start()
        said, _ = process.communicate()
        return process.returncode, said

    def installed(self) -> dict[str, str]:
        answer = subprocess.run(
            [self.venv / "bin" / "uv", "pip", "list", "--format", "json", "--python", self.venv / "bin" / "python"],
            capture_output=True,
            text=True,
            check=True,
        )
        return {one["name"]: one["version"] for one in json.loads(answer.stdout)}

    def _place(self, name: str, file: str) -> Path:
        (self.packages / name).mkdir(parents=True, exist_ok=True)
        return self.packages / name / file

    def _pin(self, name: str, version: str, file: Path) -> str:
        return f"{name}=={version} --hash=sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}"


def _digest(content: bytes) -> str:
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")


def _pkg_info(name: str, version: str) -> str:
    return f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"


def _installed_here(name: str) -> dict[str, bytes]:
    """The files of a package that is installed here, as a wheel holds them."""
    found: dict[str, bytes] = {}
    for path in distribution(name).files or ():
        place = str(path)
        if "__pycache__" in place or (".dist-info" in place and path.name != "entry_points.txt"):
            continue
        if place.startswith("../"):
            place = f"{name}-{distribution(name).version}.data/scripts/{path.name}"
        found[place] = path.read_binary()
    return found


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    """An index with a lock of some packages: one with an extra, one that comes as source, and a part of Spark."""
    made = Index(tmp_path)

    def both(name: str, needs: tuple[str, ...] = ()) -> str:
        made.offer(name, NEWER, {f"{name}.py": b"raise SystemExit('too new')"}, needs=needs)
        return made.offer(name, LOCKED, {f"{name}.py": b"version = '1.0'"}, needs=needs)

    tools = []
    for name in ("uv", "setuptools"):
        made.offer(name, NEWER, {f"{name}.py": b"raise SystemExit('too new')"})
        tools.append(made.offer(name, distribution(name).version, _installed_here(name)))
    (ivy,) = Path(pyspark.__file__).parent.glob("jars/ivy-*.jar")
    spark = made.offer("pyspark", LOCKED, {f"pyspark/jars/{ivy.name}": ivy.read_bytes()})
    made.offer_source("omega", NEWER)
    made.pin("bootstrap.txt", *tools)
    made.pin(
        "dev.txt",
        *tools,
        spark,
        both("alpha", needs=("beta[fast]>=1",)),
        both("beta", needs=("gamma>=1; extra == 'fast'",)),
        both("gamma"),
        made.offer_source("omega", LOCKED),
    )
    made.pin("jars.txt", made.offer_jar("org.example", "lake", b"of a lake"))
    thread = threading.Thread(target=made.server.serve_forever)
    thread.start()
    yield made
    made.goes_on.set()
    made.server.shutdown()
    thread.join()
    made.server.server_close()


def test_what_is_locked_is_installed_whatever_else_the_index_offers(index: Index) -> None:
    """An environment is set up twice."""
    code, said = index.set_up()

    assert code == 0, said
    locked = {name: LOCKED for name in ("alpha", "beta", "gamma", "omega", "pyspark")}
    installed = index.installed()
    assert {name: installed[name] for name in locked} == locked
    assert {installed[name] for name in ("uv", "setuptools")} == {
        distribution(name).version for name in ("uv", "setuptools")
    }
    assert (index.venv / "share/levelfive/jars/org.example_lake-1.0.jar").read_bytes() == b"of a lake"
    assert not [path for path in index.asked_for if NEWER in path]
    # The index is not a harmless one: who resolves gets what is newer.
    uv = [index.venv / "bin" / "uv", "pip", "install", "--dry-run", "--default-index", index.url]
    resolved = subprocess.run(
        [*uv, "--target", index.cache / "new", "alpha"], capture_output=True, text=True, check=True
    )
    assert f"gamma=={NEWER}" in resolved.stderr

    index.asked_for.clear()
    assert index.set_up()[0] == 0
    assert not [path for path in index.asked_for if path.endswith((".whl", ".tar.gz"))]


def test_a_package_that_is_not_the_one_that_was_locked_is_refused(index: Index) -> None:
    index.offer("gamma", LOCKED, {"gamma.py": b"version = 'another'"})

    code, said = index.set_up()

    assert code == 1
    assert "Hash mismatch for `gamma==1.0`" in said
    assert "Set-up stopped: uv did not end well" in said
    assert "Traceback" not in said
    assert not list(index.venv.glob("lib/python*/site-packages/gamma.py"))


@pytest.mark.nightly
def test_a_jar_that_is_not_the_one_that_was_locked_or_that_nobody_has_is_refused(index: Index) -> None:
    """An environment is set up twice, by a Python without pip."""
    index.python = WITHOUT_PIP
    (jar,) = index.maven.rglob("*.jar")
    jar.write_bytes(b"of another lake")

    code, said = index.set_up()

    assert code == 1
    assert "org.example_lake-1.0.jar is not what requirements/jars.txt pins" in said
    jar.unlink()
    shutil.rmtree(index.cache / "ivy")
    code, said = index.set_up()
    assert code == 1
    assert "org.example#lake;1.0: not found" in said
    assert "Set-up stopped: Ivy did not end well" in said
    assert not (index.venv / "share/levelfive/jars").exists()


@pytest.mark.nightly
def test_a_set_up_that_was_killed_is_done_anew_by_the_next_one(index: Index) -> None:
    """An environment is set up twice."""
    index.held = "gamma-1.0"
    process = index.start()
    assert index.reached.wait(120)
    process.kill()
    process.communicate()
    index.held = ""
    index.goes_on.set()
    (site,) = index.venv.glob("lib/python*/site-packages")
    (site / "setuptools" / "__init__.py").write_text("half of a fi")  # as a full disk leaves it

    code, said = index.set_up()

    assert code == 0, said
    assert index.installed()["gamma"] == LOCKED
    assert (site / "setuptools" / "__init__.py").read_text() != "half of a fi"


@pytest.fixture
def downloads() -> object:
    return runpy.run_path(str(INSTALL))["Downloads"]()


@pytest.mark.parametrize(
    ("seconds", "says"),
    [
        (100, "437 MB in 100 s, 4.4 MB/s; the network is what is slow"),
        (50, "437 MB in 50 s, 8.7 MB/s"),
        (20, "437 MB in 20 s, 21.9 MB/s"),
    ],
)
def test_how_far_the_downloads_are_and_whether_the_network_is_slow_is_told(
    downloads, seconds: float, says: str
) -> None:
    assert downloads.summary() == "nothing large to download"
    for line in ("Downloading pyspark (414.8MiB)", "Downloading ruff (2.0MiB)", "   Building psutil==5.9.0"):
        downloads.hear(line, 10)
    downloads.hear(" Downloaded ruff", 11)
    assert downloads.so_far() == "2 of 437 MB; waiting for pyspark (435 MB)"
    downloads.hear(" Downloaded pyspark", 10 + seconds)
    assert downloads.so_far() == "building and unpacking"
    assert downloads.summary() == says
