"""The image of the service without a container: the steps of its Containerfile, run in a folder of their own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path

from bundle.offline import ROOT

from levelfive.project.making import make_project

FILE = ROOT / "deploy" / "kubernetes" / "Containerfile"
COMPILED = "__pycache__"
LOCKS = {"service": "serving.txt", "azure-ml": "serving-azure-ml.txt"}
BUILD = (sys.executable, "-m", "hatchling", "build", "-t", "wheel")
BUILD_OF_PROJECT = (str(Path(sys.executable).with_name("uv")), "build", "--wheel", "--quiet", "--no-build-isolation")


def steps(name: str) -> list[str]:
    """List the arguments of an instruction, in their order; lines that go on are joined."""
    text = re.sub(r"^#.*\n", "", FILE.read_text(encoding="utf-8"), flags=re.MULTILINE).replace("\\\n", " ")
    lines = (line.split(maxsplit=1) for line in text.splitlines() if line.strip())
    return [argument for instruction, argument in lines if instruction == name]


@dataclass(frozen=True)
class Installed:
    """What the steps left behind."""

    folder: Path

    @property
    def place(self) -> Path:
        return self.folder / "opt" / "levelfive"

    @property
    def path(self) -> str:
        """The PATH within the image."""
        return f"{self.place / 'bin'}:/usr/bin:/bin"

    @property
    def python(self) -> Path:
        return self.place / "bin" / "python"

    @property
    def size(self) -> int:
        """Bytes of all that is installed."""
        return sum(path.stat().st_size for path in self.place.rglob("*") if path.is_file() and not path.is_symlink())


def link_packages(image: str, folder: Path) -> Path:
    """Link into a folder what an image's lock names, as it is installed here: what the image can import, by name."""
    lock = (ROOT / "requirements" / LOCKS[image]).read_text(encoding="utf-8")
    for name in re.findall(r"^([a-z0-9.-]+)==(?!.*sys_platform == 'win32')", lock, re.MULTILINE):
        for file in distribution(name).files or ():
            if ".." in file.parts or file.parent.name == COMPILED:  # of scripts, or below
                continue
            link = folder / file
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(file.locate())
            # What is compiled here need not be compiled there.
            if not (compiled := link.with_name(COMPILED)).is_symlink():
                compiled.symlink_to(file.locate().with_name(COMPILED))
    return folder


def install(image: str, folder: Path) -> Installed:
    """Run the steps, with a folder in the place of the image's root, on the wheels of a project named `orders`."""
    given, project = folder / "tmp", make_project({"name": "orders"}, folder / "project")
    given.mkdir(parents=True)
    subprocess.run([*BUILD, "-d", str(given)], cwd=ROOT, check=True, capture_output=True)
    subprocess.run([*BUILD_OF_PROJECT, "--python", sys.executable], cwd=project, check=True, capture_output=True)
    (wheel,) = (project / "dist").glob("*.whl")
    wheel.rename(given / wheel.name)
    (given / "requirements.txt").write_bytes((ROOT / "requirements" / LOCKS[image]).read_bytes())
    clean = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    clean |= {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
    for step in steps("RUN")[1:]:
        command = re.sub(r"(?<![\w./])/(opt/levelfive|tmp/)", rf"{folder}/\1", step)
        command = command.replace("python -m venv", f"{sys.executable} -m venv")
        done = subprocess.run(["sh", "-ec", command], env=clean, capture_output=True, text=True)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return Installed(folder)
