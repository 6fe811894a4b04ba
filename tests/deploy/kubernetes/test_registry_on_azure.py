"""The champion lies in Azure's own storage, as on a workspace of Azure: what the image holds gets it from there."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import served
from azure_storage import azure_storage, certified
from bundle.offline import ROOT
from images import link_packages
from unity_catalog import unity_catalog

from levelfive.models.package import digest
from levelfive.registry.tags import PACKAGE_SHA256

NAME = "levelfive_registry.prod.flight_delay"
LOADS = f"""
from levelfive.registry.store import CentralRegistry
print(CentralRegistry("databricks-uc", {NAME!r}).load("1").card.use_case)
"""


@pytest.fixture(params=["packages", pytest.param("image", marks=pytest.mark.nightly)])
def python(request, tmp_path):
    """Python with what the lock names, by night as the image installs it; nothing else can be imported."""
    if request.param == "image":
        return [request.getfixturevalue("image_of")("service").python, "-I", "-c", LOADS]
    places = [str(link_packages("service", tmp_path / "packages")), str(ROOT / "src")]
    return [sys.executable, "-I", "-S", "-c", f"import sys; sys.path += {places!r}\n{LOADS}"]


def test_the_champion_is_read_by_the_short_lived_credentials_of_unity_catalog(python, tmp_path: Path) -> None:
    """MLflow's own client in a process of its own, which imports for seconds."""
    package, certificate = served.saved(served.classifier(), tmp_path / "model"), certified(tmp_path)
    with azure_storage(certificate) as storage, unity_catalog() as (address, metastore):
        metastore.storage = storage.host
        metastore.make_model(NAME)
        metastore.make_version(NAME, "", tags=[{"key": PACKAGE_SHA256, "value": digest(package)}])
        metastore.finalize(NAME, "1")
        files = (file for file in package.rglob("*") if file.is_file())
        storage.files |= {f"/models/{NAME}/1/{one.relative_to(package)}": one.read_bytes() for one in files}
        there = {"DATABRICKS_HOST": address, "DATABRICKS_TOKEN": "a-token", "REQUESTS_CA_BUNDLE": str(certificate)}

        ran = subprocess.run(
            python, env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), **there}, capture_output=True, text=True
        )

    assert (ran.returncode, ran.stdout) == (0, "flight_delay\n"), ran.stderr
    assert storage.shown == {"of-this-version"}
