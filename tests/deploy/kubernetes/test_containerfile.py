"""The image: its steps are run in a clean virtual environment, of hashed requirements, without Spark and Java."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
FILE = ROOT / "deploy" / "kubernetes" / "Containerfile"
IMAGES = {"service": "serving.txt", "azure-ml": "serving-azure-ml.txt"}
FORBIDDEN = {"pyspark", "delta-spark", "deltalake", "mlflow", "matplotlib", "great-expectations", "nvidia-nccl-cu12"}


BUILD = (sys.executable, "-m", "hatchling", "build", "-t", "wheel")
LARGEST = 1_200_000_000
IMPORTS = {
    "service": """
import sys, levelfive.serving, levelfive.registry.store, levelfive.models.package, levelfive.config
assert not {"pyspark", "delta", "matplotlib"} & sys.modules.keys(), sys.modules.keys()
print("ok")
""",
    "azure-ml": """
import sys, levelfive.serving, levelfive.models.package, azureml_inference_server_http
assert not {"pyspark", "delta", "matplotlib"} & sys.modules.keys(), sys.modules.keys()
print("ok")
""",
}


def instructions():
    """Read the file: each instruction with its argument, lines joined."""
    text = re.sub(r"^#.*\n", "", FILE.read_text(encoding="utf-8"), flags=re.MULTILINE).replace("\\\n", " ")
    return [tuple(line.split(maxsplit=1)) for line in text.splitlines() if line.strip()]


def steps(name):
    return [argument for instruction, argument in instructions() if instruction == name]


def locked(file):
    """Read a lock: version and whether it is hashed, by package."""
    text = (ROOT / "requirements" / file).read_text(encoding="utf-8")
    found = re.findall(r"^([a-z0-9.-]+)==(\S+)((?:[^\n]*\\\n)*[^\n]*)", text, re.MULTILINE)
    return {name: (version, "--hash=sha256:" in rest) for name, version, rest in found}


def test_the_base_image_is_given_and_nothing_else_is_taken_from_elsewhere():
    assert steps("FROM") == ["${BASE} AS installed", "installed AS azure-ml", "installed AS service"]
    assert steps("ARG")[0] == "BASE"
    assert not [one for one in steps("RUN") if re.search(r"\b(apt|apk|curl|wget|git)\b", one)]
    assert not steps("ADD")


@pytest.mark.parametrize(
    ("base", "is_taken"),
    [
        ("python@sha256:" + "a1" * 32, True),
        ("mcr.microsoft.com/devcontainers/python@sha256:" + "0" * 64, True),
        ("python:3.12-slim", False),
        ("python", False),
        ("", False),
        ("python@sha256:" + "a" * 63, False),
        ("python@sha256:" + "a" * 65, False),
        ("python@sha256:" + "z" * 64, False),
        ("python:3.12@sha256:", False),
    ],
)
def test_a_tag_is_refused(base, is_taken):
    check = steps("RUN")[0]

    done = subprocess.run(["sh", "-c", check], env={**os.environ, "BASE": base}, capture_output=True, text=True)

    assert (done.returncode == 0) == is_taken
    if not is_taken:
        assert f"got '{base}'" in done.stderr


@pytest.mark.parametrize("lock", IMAGES.values())
def test_all_that_is_installed_is_pinned_hashed_and_of_serving_alone(lock):
    packages = locked(lock)

    assert len(packages) > 30
    assert {name for name, (_, is_hashed) in packages.items() if not is_hashed} == set()
    assert not packages.keys() & FORBIDDEN


def test_what_scores_has_the_versions_that_are_tested_here():
    trained, *images = (locked(file) for file in ("local.txt", *IMAGES.values()))

    for image in images:
        shared = {
            "cloudpickle",
            "joblib",
            "mlflow-skinny",
            "numpy",
            "pandas",
            "pyarrow",
            "scikit-learn",
            "scipy",
            "xgboost",
        }
        assert {name: image[name][0] for name in shared} == {name: trained[name][0] for name in shared}


def test_the_image_runs_as_nobody_and_each_target_starts_its_own_server():
    assert steps("USER") == ["10001:10001"]
    azure, service = steps("CMD")
    assert json.loads(service)[0] == "levelfive"
    assert "azureml_inference_server_http.server.entry:app" in azure


@pytest.mark.parametrize("image", IMAGES)
def test_the_steps_install_a_service_that_imports(image, tmp_path):
    """The steps are those of the file, with a folder of this test in the place of the image's; takes a download."""
    folder = tmp_path / "image"
    (folder / "tmp").mkdir(parents=True)
    subprocess.run([*BUILD, "-d", str(folder / "tmp")], cwd=ROOT, check=True, capture_output=True)
    (folder / "tmp" / "requirements.txt").write_bytes((ROOT / "requirements" / IMAGES[image]).read_bytes())
    clean = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)} | {
        name: value for name, value in os.environ.items() if name.startswith("PIP_") and name != "PIP_USER"
    }

    for step in steps("RUN")[1:]:
        command = step.replace("python -m venv", f"{sys.executable} -m venv")
        command = re.sub(r"(?<![\w.])/(opt/levelfive|tmp/)", rf"{folder}/\1", command)
        done = subprocess.run(["sh", "-ec", command], env=clean, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

    place = folder / "opt" / "levelfive"
    python = place / "bin" / "python"
    told = subprocess.run(
        [python, "-c", IMPORTS[image]], env={"PATH": ""}, capture_output=True, text=True, cwd=tmp_path
    )
    assert (told.returncode, told.stdout.strip()) == (0, "ok"), told.stderr
    assert list((folder / "tmp").iterdir()) == []
    size = sum(path.stat().st_size for path in place.rglob("*") if path.is_file() and not path.is_symlink())
    print(f"\n{image}: {size / 1e6:,.0f} MB installed")
    assert size < LARGEST
