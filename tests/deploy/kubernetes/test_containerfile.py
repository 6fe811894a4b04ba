"""The image: its steps are run in a clean virtual environment, of hashed requirements, without Spark and Java."""

import json
import os
import re
import subprocess
import tomllib

import pytest
from bundle.offline import ROOT
from images import LOCKS, steps
from packaging.requirements import Requirement

FORBIDDEN = {"pyspark", "delta-spark", "deltalake", "mlflow", "matplotlib", "great-expectations", "nvidia-nccl-cu12"}
SCORES = {"cloudpickle", "joblib", "lightgbm", "mlflow-skinny", "numpy", "pandas", "pyarrow", "scikit-learn", "scipy"}
SCORES |= {"xgboost"}
LARGEST = 1_000_000_000
IMPORTS = {
    "service": "import levelfive.cli.service, levelfive.serving.service, levelfive.registry.store, psycopg2, "
    "azure.identity, azure.storage.blob",
    "azure-ml": "import levelfive.serving.azure_ml, psycopg2, azure.identity, azure.storage.blob",
}
CHECK = "; import sys; print(sorted({'pyspark', 'delta', 'matplotlib'} & sys.modules.keys()))"


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
    done = subprocess.run(
        ["sh", "-c", steps("RUN")[0]], env={**os.environ, "BASE": base}, capture_output=True, text=True
    )

    assert (done.returncode == 0) == is_taken
    assert is_taken or f"got '{base}'" in done.stderr


@pytest.mark.parametrize("lock", LOCKS.values())
def test_all_that_is_installed_is_pinned_hashed_and_of_serving_alone(lock):
    packages = locked(lock)

    assert len(packages) > 30
    assert {name for name, (_, is_hashed) in packages.items() if not is_hashed} == set()
    assert not packages.keys() & FORBIDDEN


def test_what_scores_has_the_versions_that_it_was_trained_with():
    trained, *images = (locked(file) for file in ("dev.txt", *LOCKS.values()))

    for image in images:
        assert {name: image[name][0] for name in SCORES} == {name: trained[name][0] for name in SCORES}


@pytest.mark.parametrize("lock", LOCKS.values())
@pytest.mark.parametrize("extra", ["serving", "azure-storage"])
def test_the_locks_hold_what_the_extras_of_the_service_ask_for(extra, lock):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    for wanted in map(Requirement, project["optional-dependencies"][extra]):
        version, _ = locked(lock)[wanted.name]
        assert wanted.specifier.contains(version), wanted


def test_the_image_runs_as_nobody_and_each_target_starts_its_own_server():
    azure, service = map(json.loads, steps("CMD"))

    assert steps("USER") == ["10001:10001"]
    assert service[0] == "levelfive"
    assert "--tokens=/mnt/secrets/tokens" in service  # who is not asked for one is not served beyond its machine
    assert "azureml_inference_server_http.server.entry:app" in azure[-1]


@pytest.mark.nightly
@pytest.mark.parametrize("image", LOCKS)
def test_the_steps_install_a_service_that_imports_without_spark(image, image_of, tmp_path):
    """The steps are those of the file, the wheels those of a project; they take a download of 200 MB."""
    installed = image_of(image)

    code = f"import orders; {IMPORTS[image]}{CHECK}"
    told = subprocess.run(
        [installed.python, "-c", code], env={"PATH": installed.path}, capture_output=True, text=True, cwd=tmp_path
    )

    assert (told.returncode, told.stdout.strip()) == (0, "[]"), told.stderr
    assert list((installed.folder / "tmp").iterdir()) == []
    assert not (installed.place / "bin" / "pip").exists()
    print(f"\n{image}: {installed.size / 1e6:,.0f} MB installed")
    assert installed.size < LARGEST
