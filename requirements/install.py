"""Sets up `.venv` with what the lock names, and nothing else: nothing is resolved, everything is checked by its hash.

`make setup` runs it on a bare Python: the standard library only. A step that is done is done quickly or not at all the
next time; one that was killed is done again.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
TELL_EVERY = 10  # seconds
SLOW_NETWORK = 8.0  # MB/s, below which a set-up of 90 seconds is not to be had
SLOW_DOWNLOAD = 30.0  # seconds that nobody needs to be told the reason of
MIB_IN_MB = 1.048576
TO_MB = {"KiB": MIB_IN_MB / 1024, "MiB": MIB_IN_MB, "GiB": MIB_IN_MB * 1024}
DOWNLOADING = re.compile(r"^\s*Downloading (\S+) \(([\d.]+)([KMG]iB)\)")
FINISHED = re.compile(r"^\s*Downloaded (\S+)")
# What takes long to compile, of all that commands and tests import: a third of what is installed.
IMPORTED = (
    "flight_delay, levelfive.cli.main, levelfive.demo.clock, mlflow.pyfunc, mlflow.server, mlflow.sklearn, alembic, "
    "xgboost, sklearn.compose, matplotlib.pyplot, deltalake, pyspark.sql.connect.session, great_expectations, "
    "hypothesis, pytest"
)
IVY_MODULE = """<ivy-module version="2.0"><info organisation="levelfive" module="jars"/><dependencies>
{}
</dependencies></ivy-module>"""
IVY_DEPENDENCY = '<dependency org="{0.group}" name="{0.name}" rev="{0.version}" transitive="false"/>'


class SetUpError(Exception):
    """A step did not end well; says which one, and what to do."""


class Jar(NamedTuple):
    """A pinned Maven artefact."""

    group: str
    name: str
    version: str
    sha256: str

    @property
    def file(self) -> str:
        return f"{self.group}_{self.name}-{self.version}.jar"


def read_jars(pins: Path) -> tuple[Jar, ...]:
    """Read the pins of jars, a line each: `group:name:version --hash=sha256:...`."""
    lines = [line for line in pins.read_text().splitlines() if line and not line.startswith("#")]
    found = [re.fullmatch(r"([^:\s]+):([^:\s]+):([^:\s]+) --hash=sha256:([0-9a-f]{64})", line) for line in lines]
    if None in found:
        raise SetUpError(f"{pins}: expected lines of group:name:version --hash=sha256:..., got {lines!r}")
    return tuple(Jar(*match.groups()) for match in found if match)


class Downloads:
    """What uv says of its downloads: how far they are, and how quick they were."""

    def __init__(self) -> None:
        self._sizes: dict[str, float] = {}
        self._done: set[str] = set()
        self._first = self._last = 0.0

    def hear(self, line: str, now: float) -> bool:
        """Take a line of uv's; tell whether it was about a download."""
        if begun := DOWNLOADING.match(line):
            self._first = self._first or now
            self._sizes[begun[1]] = float(begun[2]) * TO_MB[begun[3]]
        elif (finished := FINISHED.match(line)) and finished[1] in self._sizes:
            self._done.add(finished[1])
            self._last = now
        return bool(begun or finished)

    @property
    def megabytes(self) -> float:
        return sum(self._sizes[name] for name in self._done)

    @property
    def seconds(self) -> float:
        return self._last - self._first

    def so_far(self) -> str:
        """Tell how far the downloads are; nothing where there is none under way."""
        waiting = sorted(self._sizes.keys() - self._done, key=self._sizes.__getitem__, reverse=True)
        if not waiting:
            return "building and unpacking"
        named = ", ".join(f"{name} ({self._sizes[name]:.0f} MB)" for name in waiting[:3])
        more = f" and {len(waiting) - 3} more" if len(waiting) > 3 else ""
        return f"{self.megabytes:.0f} of {sum(self._sizes.values()):.0f} MB; waiting for {named}{more}"

    def summary(self) -> str:
        """Tell how much came in what time, and whether the network was what was slow."""
        if not self._done:
            return "nothing large to download"
        speed = self.megabytes / max(self.seconds, 0.1)
        told = f"{self.megabytes:.0f} MB in {self.seconds:.0f} s, {speed:.1f} MB/s"
        if self.seconds > SLOW_DOWNLOAD and speed < SLOW_NETWORK:
            told += "; the network is what is slow"
        return told


class Progress:
    """Prints steps with their times; those that run side by side do not mix their lines."""

    def __init__(self, steps: int) -> None:
        self._steps, self._begun = steps, 0
        self._lock = threading.Lock()

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        with self._lock:
            self._begun += 1
            number = self._begun
        self.say(f"[{number}/{self._steps}] {title} ...")
        start = time.monotonic()
        yield
        self.say(f"[{number}/{self._steps}] {title}: {time.monotonic() - start:.1f} s")

    def say(self, line: str) -> None:
        with self._lock:
            print(line, flush=True)


class SetUp:
    """The steps, for one folder of a virtual environment."""

    def __init__(self, venv: Path, pins: Path) -> None:
        self._venv, self._pins = venv, pins
        self._python = venv / "bin" / "python"
        self._unfinished = venv / ".unfinished"
        self._share = venv / "share" / "levelfive"
        self._env = {**os.environ, "VIRTUAL_ENV": str(venv), "PIP_DISABLE_PIP_VERSION_CHECK": "1", **_as_for_pip()}
        self._progress = Progress(7)

    def run(self, *, until_jars: bool) -> None:
        with self._progress.step("virtual environment"):
            self._make_venv()
        with self._progress.step("installer"):
            self._bootstrap()
        with self._progress.step("packages of the lock"):
            self._sync()
        if until_jars:
            self._jars()
            return
        with self._progress.step("levelfive itself"):
            self._uv("install", "--quiet", "--no-deps", "--no-build-isolation", "--editable", str(HERE.parent))
        # One works on the processor, the other waits for the network and then for one thread of a JVM.
        with ThreadPoolExecutor(2) as pool:
            for future in [pool.submit(self._spark), pool.submit(self._byte_code)]:
                future.result()

    def _make_venv(self) -> None:
        if self._unfinished.exists() or not self._runs():
            shutil.rmtree(self._venv, ignore_errors=True)
            # A pip of its own takes longer to unpack than all that is in the lock.
            options = ["--without-pip"] if _pip_serves_others() else []
            self._call("the virtual environment", sys.executable, "-m", "venv", *options, str(self._venv))

    def _runs(self) -> bool:
        """Tell whether the environment is there, whole, and of this very Python."""
        if not self._python.exists():
            return False
        asked = "import sys; print(sys.version)"
        answer = subprocess.run([self._python, "-c", asked], capture_output=True, text=True, check=False)
        return answer.returncode == 0 and answer.stdout.strip() == sys.version

    def _bootstrap(self) -> None:
        pins = self._pins / "bootstrap.txt"
        if all(self._has(*pin) for pin in re.findall(r"^([\w.-]+)==(\S+)", pins.read_text(), re.MULTILINE)):
            return
        python = str(self._python)
        pip = [sys.executable, "-m", "pip", "--python", python] if _pip_serves_others() else [python, "-m", "pip"]
        # Without dependencies, pip has nothing to resolve.
        options = ["--quiet", "--no-deps", "--require-hashes", "--requirement", str(pins)]
        self._call("pip", *pip, "install", *options)

    def _has(self, name: str, version: str) -> bool:
        return any((path / "RECORD").exists() for path in self._installed(f"{name}-{version}"))

    def _installed(self, name: str) -> list[Path]:
        return sorted(self._venv.glob(f"lib/python*/site-packages/{name}.dist-info"))

    def _sync(self) -> None:
        lock = self._pins / "dev.txt"
        self._unfinished.touch()
        command = ["sync", "--require-hashes", "--no-build-isolation", str(lock)]
        downloads = Downloads()
        self._uv(*command, hear=downloads)
        self._unfinished.unlink()
        self._progress.say(f"      {downloads.summary()}")

    def _uv(self, verb: str, *options: str, hear: Downloads | None = None) -> None:
        uv = self._venv / "bin" / "uv"
        if hear is None:
            self._call("uv", str(uv), "pip", verb, *options)
            return
        command = [str(uv), "pip", verb, *options]
        with subprocess.Popen(
            command, env=self._env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as process:
            said = self._follow(process, hear)
        if process.returncode:
            raise SetUpError(_failed("uv", command, "\n".join(said)))

    def _follow(self, process: subprocess.Popen[str], downloads: Downloads) -> list[str]:
        """Tell from time to time how far uv is, also while it says nothing; return what else it said."""
        lines: SimpleQueue[str | None] = SimpleQueue()

        def read() -> None:
            assert process.stdout is not None
            for line in process.stdout:
                lines.put(line.rstrip())
            lines.put(None)

        threading.Thread(target=read, daemon=True).start()
        said: list[str] = []
        start = told = time.monotonic()
        while True:
            with suppress(Empty):
                line = lines.get(timeout=1)
                if line is None:
                    return said
                if not downloads.hear(line, time.monotonic()):
                    said.append(line)
            if (now := time.monotonic()) - told >= TELL_EVERY:
                told = now
                self._progress.say(f"      {now - start:.0f} s: {downloads.so_far()}")

    def _byte_code(self) -> None:
        with self._progress.step("byte code"):
            self._compile()

    def _compile(self) -> None:
        """Compile what is imported: without it each process would, where writing byte code is switched off."""
        made_of, installed = self._share / "compiled.key", "\n".join(path.name for path in self._installed("*"))
        if made_of.exists() and made_of.read_text() == installed:
            return
        writing = {**self._env, "PYTHONDONTWRITEBYTECODE": ""}
        self._call("Python", str(self._python), "-c", f"import {IMPORTED}", env=writing)
        self._share.mkdir(parents=True, exist_ok=True)
        made_of.write_text(installed)

    def _spark(self) -> None:
        changed = self._jars()
        with self._progress.step("archive of Spark's classes"):
            self._archive(anew=changed)

    def _jars(self) -> bool:
        with self._progress.step("Spark's packages"):
            return self._fetch_jars()

    def _fetch_jars(self) -> bool:
        folder, jars = self._share / "jars", read_jars(self._pins / "jars.txt")
        there = {file.name: _sha256(file) for file in folder.glob("*")}
        if there == {jar.file: jar.sha256 for jar in jars}:
            return False
        with tempfile.TemporaryDirectory() as temporary:
            ivy, fetched = Path(temporary, "ivy.xml"), Path(temporary, "jars")
            ivy.write_text(IVY_MODULE.format("\n".join(map(IVY_DEPENDENCY.format, jars))))
            self._call("Ivy", *self._ivy(ivy, f"{fetched}/[organisation]_[artifact]-[revision].[ext]"))
            for jar in jars:
                _check(fetched / jar.file, jar)
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(fetched, folder)
        return True

    def _ivy(self, module: Path, pattern: str) -> list[str]:
        """Ivy comes with Spark, and knows the repository and its mirrors as Spark's own downloads do."""
        (jar,) = self._venv.glob("lib/python*/site-packages/pyspark/jars/ivy-*.jar")
        settings = os.environ.get("IVY_SETTINGS")
        named = [] if settings is None else ["-settings", settings]
        options = ["-warn", "-cache", str(_ivy_cache()), "-ivy", str(module), "-types", "jar", "-retrieve", pattern]
        return [_java(), "-cp", str(jar), "org.apache.ivy.Main", *named, *options]

    def _archive(self, *, anew: bool) -> None:
        """Write the archive, unless it is of the same classes and the same JVM."""
        java = subprocess.run([_java(), "-version"], capture_output=True, text=True, check=False).stderr
        spark = [path.name for path in self._installed("pyspark-*")]
        key = json.dumps([java, spark, (self._pins / "jars.txt").read_text()])
        archive, made_of = self._share / "spark-classes.jsa", self._share / "spark-classes.key"
        if not anew and archive.exists() and made_of.exists() and made_of.read_text() == key:
            return
        for path in (archive, made_of):
            path.unlink(missing_ok=True)
        self._call("Spark", str(self._python), "-m", "levelfive.platforms.local_spark")
        made_of.write_text(key)

    def _call(self, what: str, *command: str, env: dict[str, str] | None = None) -> None:
        answer = subprocess.run(
            command, env=env or self._env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
        if answer.returncode:
            raise SetUpError(_failed(what, command, answer.stdout))


def _pip_serves_others() -> bool:
    """Tell whether the pip of this Python can install into another environment (`--python`, since 22.3)."""
    try:
        major, minor = version("pip").split(".")[:2]
    except PackageNotFoundError:
        return False
    return (int(major), int(minor)) >= (22, 3)


def _as_for_pip() -> dict[str, str]:
    """Let uv use the index and the certificates that pip was told of, unless uv was told itself."""
    named = {
        "UV_DEFAULT_INDEX": "PIP_INDEX_URL",
        "UV_EXTRA_INDEX_URL": "PIP_EXTRA_INDEX_URL",
        "SSL_CERT_FILE": "PIP_CERT",
    }
    if "UV_INDEX_URL" in os.environ:  # the older name of the first
        del named["UV_DEFAULT_INDEX"]
    told = {uv: os.environ[pip] for uv, pip in named.items() if pip in os.environ and uv not in os.environ}
    if "UV_DEFAULT_INDEX" in named and "UV_DEFAULT_INDEX" not in {**os.environ, **told}:
        asked = [sys.executable, "-m", "pip", "config", "get", "global.index-url"]
        answer = subprocess.run(asked, capture_output=True, text=True, check=False)
        if answer.returncode == 0:
            told["UV_DEFAULT_INDEX"] = answer.stdout.strip()
    return told


def _ivy_cache() -> Path:
    return Path(os.environ.get("IVY_CACHE", Path.home() / ".ivy2.5.2" / "cache"))


def _java() -> str:
    home = os.environ.get("JAVA_HOME")
    return str(Path(home, "bin", "java")) if home else "java"


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _check(file: Path, jar: Jar) -> None:
    if not file.exists():
        raise SetUpError(
            f"{jar.group}:{jar.name}:{jar.version} did not come from the Maven repository; to use a mirror, name a "
            "file of Ivy's settings in IVY_SETTINGS"
        )
    if (found := _sha256(file)) != jar.sha256:
        raise SetUpError(
            f"{jar.file} is not what requirements/jars.txt pins: its SHA-256 is {found}, expected {jar.sha256}. "
            f"Remove it from Ivy's cache ({_ivy_cache()}) and look at the repository that it came from."
        )


def _failed(what: str, command: Sequence[str], said: str) -> str:
    return (
        f"{said.strip()}\n\nSet-up stopped: {what} did not end well; its own words are above. If they name a "
        "connection, check the network, or the index and certificates that PIP_INDEX_URL and PIP_CERT name. "
        f"What was fetched is kept: run `make setup` again.\n(the command was: {' '.join(map(str, command))})"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--venv", type=Path, default=HERE.parent / ".venv", help="folder of the environment")
    parser.add_argument("--pins", type=Path, default=HERE, help="folder of bootstrap.txt, dev.txt and jars.txt")
    parser.add_argument("--until-jars", action="store_true", help="install what was fetched, and stop there")
    given = parser.parse_args()
    start = time.monotonic()
    try:
        SetUp(given.venv.absolute(), given.pins).run(until_jars=given.until_jars)
    except SetUpError as err:
        raise SystemExit(str(err)) from None
    except OSError as err:  # a full disk, a folder that may not be written
        raise SystemExit(f"Set-up stopped: {err}. Run `make setup` again once that is mended.") from err
    print(f"Set up in {time.monotonic() - start:.0f} s.")


if __name__ == "__main__":
    main()
