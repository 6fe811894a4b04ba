"""What a central registry must do, whatever holds it; and what the kinds do differently."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import psutil
import pytest
import requests
from azure_storage import azure_storage, certified
from in_memory.registry import MemoryBackend
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST
from mlflow.utils import databricks_utils
from ports import free_port
from programs import unprivileged
from requests.adapters import HTTPAdapter
from sklearn.linear_model import LogisticRegression
from unity_catalog import unity_catalog
from urllib3.util import Retry

from levelfive import BINARY
from levelfive.core.windows import utc
from levelfive.errors import ConfigError, DamagedModel, MachineError, ModelNotFound, RegistryError
from levelfive.models.card import ModelCard
from levelfive.models.mlflow_store import without_password
from levelfive.models.package import Model, digest, save
from levelfive.registry.copying import copy_of, copy_version
from levelfive.registry.store import CHALLENGER, CHAMPION, CentralRegistry
from levelfive.registry.tags import PACKAGE_SHA256, REFIT_OF, SOURCE_MODEL, SOURCE_REGISTRY, SOURCE_VERSION

KINDS = ("memory", "database", "server", "unity_catalog")
# Asked as the others, with secrets of a scope, or with files in Azure's own storage.
BY_NIGHT = ("other_metastore", "other_workspace", "unity_catalog_on_azure")
OF_OTHERS = [pytest.param(kind, marks=pytest.mark.nightly) for kind in BY_NIGHT]


@contextmanager
def mlflow_server(folder: Path, *files: str) -> Iterator[str]:
    """Run MLflow's own server."""
    port = free_port()
    database = ("--backend-store-uri", f"sqlite:///{folder}/server.db")
    command = [sys.executable, "-m", "mlflow", "server", *database, *files, "--port", str(port), "--workers", "1"]
    (folder / "server.log").touch()
    own = {**os.environ, "HOME": str(folder)}
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            unprivileged(command, folder), stdout=log, stderr=log, cwd=folder, env=own, process_group=0
        )
    address = f"http://127.0.0.1:{port}"
    try:
        until_up = requests.Session()
        until_up.mount("http://", HTTPAdapter(max_retries=Retry(total=30, backoff_factor=0.2, backoff_max=10)))
        until_up.get(f"{address}/health", timeout=30).raise_for_status()
        assert {one.uids().real for one in _with_children(process)}.isdisjoint({0})
        yield address
    finally:
        os.killpg(process.pid, signal.SIGTERM)  # the server and those that it started
        process.wait(timeout=30)


def _with_children(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    server = psutil.Process(process.pid)
    return [server, *server.children(recursive=True)]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("server")
    with mlflow_server(folder, "--serve-artifacts", "--artifacts-destination", str(folder / "served")) as address:
        yield address


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server that, as a workspace does, lets clients write files to its storage themselves."""
    folder = tmp_path_factory.mktemp("workspace")
    with mlflow_server(folder, "--no-serve-artifacts", "--default-artifact-root", str(folder / "storage")) as address:
        yield address


@dataclass
class Registries:
    """Opens registries of each kind, for models of one name."""

    name: str
    folder: Path
    address_of: Callable[[str], str]
    patch: pytest.MonkeyPatch
    stack: ExitStack

    def open(self, kind: str) -> CentralRegistry:
        if kind == "memory":
            return MemoryBackend().opened(self.name)
        if kind == "database":
            return CentralRegistry(f"sqlite:///{self.folder}/registry.db", self.name, artefacts=self.folder / "files")
        if kind == "server":
            return CentralRegistry(self.address_of("server"), self.name)
        if kind == "other_workspace":
            # For a workspace's own registry, MLflow's client speaks the API that MLflow's server answers.
            self._keep_secrets(self.address_of("workspace"))
            return CentralRegistry("databricks://scope:hub", self.name)
        address, self.metastore = self.stack.enter_context(unity_catalog())
        if kind == "unity_catalog_on_azure":
            certificate = certified(self.folder)
            self.metastore.storage = self.stack.enter_context(azure_storage(certificate)).host
            self.patch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
        if kind == "other_metastore":
            self._keep_secrets(address)
            return CentralRegistry("databricks-uc://scope:hub", self.name)
        self.patch.setenv("DATABRICKS_HOST", address)
        self.patch.setenv("DATABRICKS_TOKEN", "of-this-workspace")
        return CentralRegistry("databricks-uc", self.name)

    def _keep_secrets(self, address: str) -> None:
        secrets = {"hub-host": address, "hub-token": "of-another", "hub-workspace-id": "7"}
        kept = {("scope", key): secret for key, secret in secrets.items()}
        dbutils = SimpleNamespace(secrets=SimpleNamespace(get=lambda scope, key: kept[scope, key]))
        self.patch.setattr(databricks_utils, "_get_dbutils", lambda: dbutils)


@pytest.fixture
def registries(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Registries]:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    name = re.sub(r"\W", "_", request.node.name)
    with ExitStack() as stack:
        yield Registries(f"models.qa.{name}", tmp_path, request.getfixturevalue, monkeypatch, stack)


@pytest.fixture(params=[*KINDS, *OF_OTHERS])
def registry(request: pytest.FixtureRequest, registries: Registries) -> CentralRegistry:
    return registries.open(request.param)


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rows = pd.DataFrame({"distance": np.arange(40.0)})
    model = Model(LogisticRegression().fit(rows, rows["distance"] > 20), CARD)
    folder = tmp_path_factory.mktemp("package") / "model"
    save(model, rows, folder)
    return folder


CARD = ModelCard(
    use_case="flight_delay",
    task=BINARY,
    features=("distance",),
    categorical=(),
    lookups=(),
    trained_from=utc(2013, 1, 1),
    trained_until=utc(2013, 2, 1),
    as_of=utc(2013, 2, 1),
    training_rows=40,
    training_set_sha256="",
    table_versions={},
    parameters={},
    seed=1,
    run_id="a-run-of-the-tracking-store",
    code_revision="",
    baseline="",
    purpose="It tells long distances from short ones.",
)


def test_a_version_has_its_package_and_tags(registry: CentralRegistry, package: Path, tmp_path: Path) -> None:
    version = registry.register(package, {"levelfive_role": "refit", "levelfive_verdict": "v" * 1000})

    assert version == "1"
    tags = {"levelfive_role": "refit", "levelfive_verdict": "v" * 1000, PACKAGE_SHA256: digest(package)}
    assert registry.find(version).tags == tags
    described = registry._client.get_model_version(registry.name, version).description
    assert described.startswith(f"**What it is for.** {CARD.purpose}")
    (tmp_path / "to").mkdir()
    copied = registry.download(version, tmp_path / "to")
    assert {str(file.relative_to(copied)) for file in copied.rglob("*") if file.is_file()} >= {
        str(file.relative_to(package)) for file in package.rglob("*") if file.is_file()
    }
    assert registry.load(version).card == CARD
    assert registry.load(version).score(pd.DataFrame({"distance": [1.0, 39.0]})).round() == pytest.approx([0, 1])


def test_versions_are_listed_oldest_first_with_their_tags(registry: CentralRegistry, package: Path) -> None:
    made = [registry.register(package, {"number": str(number)}) for number in range(3)]
    registry.tag(made[0], {"later": "yes"})

    assert [(found.version, found.tags["number"]) for found in registry.versions()] == [*zip(made, "012", strict=True)]
    assert registry.versions()[0].tags["later"] == "yes"


def test_an_alias_points_at_a_version_where_there_are_aliases(registry: CentralRegistry, package: Path) -> None:
    one, two = registry.register(package, {}), registry.register(package, {})
    assert registry.alias(CHAMPION) is None

    for version in (one, two):
        registry.set_alias(CHAMPION, version)

    assert registry.alias(CHAMPION) == (None if registry.uri.startswith("databricks://") else two)
    registry.set_alias(CHALLENGER, one)
    for _ in range(2):
        registry.drop_alias(CHALLENGER)
    assert registry.alias(CHALLENGER) is None


def test_a_version_is_brought_from_one_kind_of_registry_to_another_once(
    registry: CentralRegistry, package: Path, tmp_path: Path
) -> None:
    here = CentralRegistry(f"sqlite:///{tmp_path}/here.db", "models.prod.flight_delay", artefacts=tmp_path / "here")
    version = registry.register(package, {"levelfive_verdict": "of the other environment"})

    brought = [copy_version(here, registry, version) for _ in range(2)]

    assert brought == ["1", "1"]
    found = here.find("1").tags
    assert found[PACKAGE_SHA256] == digest(package)
    assert "levelfive_verdict" not in found
    assert (found[SOURCE_REGISTRY], found[SOURCE_MODEL], found[SOURCE_VERSION]) == (registry.uri, registry.name, "1")


def test_a_version_whose_files_did_not_all_arrive_in_unity_catalog_is_passed_over(
    registries: Registries, package: Path, tmp_path: Path
) -> None:
    here, marks = registries.open("unity_catalog"), {"levelfive_source_version": "4"}
    registries.metastore.takes_files = False
    with pytest.raises(RegistryError, match="databricks-uc"):
        here.register(package, marks)
    registries.metastore.takes_files = True

    assert (here.find("1").ready, here.versions(), here.tagged(marks)) == (False, (), None)
    with pytest.raises(RegistryError, match="version 1 did not arrive whole"):
        here.download("1", tmp_path)
    assert here.register(package, marks) == "2"
    found = here.tagged(marks)
    assert found is not None
    assert found.version == "2"


def test_a_copy_that_was_damaged_on_its_way_is_refused_and_made_again(
    registries: Registries, package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = registries.open("database")
    here = CentralRegistry(f"sqlite:///{tmp_path}/here.db", "models.prod.flight_delay", artefacts=tmp_path / "here")
    candidate = there.register(package, {})
    refit = there.register(package, {REFIT_OF: candidate})
    upload = here._backend.create

    def damaging(name: str, folder: Path, tags: Mapping[str, str], description: str) -> str:
        (folder / "MLmodel").write_text("damaged")
        return upload(name, folder, tags, description)

    with monkeypatch.context() as patch:
        patch.setattr(here._backend, "create", damaging)
        for _ in range(2):
            with pytest.raises(DamagedModel, match="their hash differs"):
                copy_version(here, there, candidate)

    # The second try did not take the first one's copy for a whole one.
    assert [found.version for found in here.versions()] == ["1", "2"]
    assert copy_version(here, there, refit) == "4"
    assert here.find("4").tags[REFIT_OF] == "3"
    assert [copy_of(here, there, version) for version in (candidate, refit)] == ["3", "4"]


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda folder: (folder / "MLmodel").write_text("damaged"), id="damaged"),
        pytest.param(shutil.rmtree, id="gone", marks=pytest.mark.nightly),
    ],
)
def test_a_refit_is_copied_again_if_its_candidate_is(
    spoil: Callable[[Path], object], registries: Registries, package: Path, tmp_path: Path
) -> None:
    there = registries.open("database")
    place = {"uri": f"sqlite:///{tmp_path}/here.db", "name": "models.prod.flight_delay", "artefacts": tmp_path / "here"}
    refit = there.register(package, {REFIT_OF: there.register(package, {})})
    assert copy_version(CentralRegistry(**place), there, refit) == "2"
    run = MlflowClient(place["uri"], place["uri"]).get_model_version(place["name"], "1").run_id
    (candidates,) = place["artefacts"].rglob(f"{run}/**/MLmodel")
    spoil(candidates.parent)

    assert copy_version(CentralRegistry(**place), there, refit) == "4"
    assert CentralRegistry(**place).find("4").tags[REFIT_OF] == "3"


def test_files_that_are_gone_are_told_from_a_registry_that_does_not_answer(
    registry: CentralRegistry, package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = registry.register(package, {})
    monkeypatch.setattr(registry._backend, "download", refusing(OSError("connection reset")))

    with pytest.raises(RegistryError, match="cannot be read: connection reset") as refused:
        registry.download(version, tmp_path)
    assert not isinstance(refused.value, DamagedModel)

    no_run = MlflowException("Run not found", RESOURCE_DOES_NOT_EXIST)
    monkeypatch.setattr(registry._backend, "holds_files", refusing(no_run))
    with pytest.raises(DamagedModel, match=r"are gone\. Copy it again"):
        registry.download(version, tmp_path)


def test_files_that_are_gone_from_unity_catalog_are_missed(
    registries: Registries, package: Path, tmp_path: Path
) -> None:
    registry = registries.open("unity_catalog")
    version = registry.register(package, {})
    registries.metastore.files.clear()

    with pytest.raises(DamagedModel, match="are gone"):
        registry.download(version, tmp_path)


def refusing(error: Exception) -> Callable[..., None]:
    def refuse(*_: object) -> None:
        raise error

    return refuse


def test_a_version_without_a_hash_of_its_files_is_not_copied(registries: Registries, tmp_path: Path) -> None:
    there = registries.open("database")
    client = MlflowClient(there.uri, there.uri)
    client.create_registered_model(there.name)
    client.create_model_version(there.name, str(tmp_path))
    here = CentralRegistry(f"sqlite:///{tmp_path}/here.db", "models.prod.flight_delay", artefacts=tmp_path / "here")

    with pytest.raises(RegistryError, match="no hash of its files"):
        copy_version(here, there, "1")
    assert here.versions() == ()


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("http://ada:secret@hub.example/mlflow", "http://hub.example/mlflow"),
        ("https://ada:se@cret@hub.example:5000/mlflow?token=secret", "https://hub.example:5000/mlflow"),
        ("postgresql://ada:se/cret@hub.example/mlflow", "postgresql://hub.example/mlflow"),
        ("mysql+pymysql://hub.example:3306/mlflow?user=ada&password=secret", "mysql+pymysql://hub.example:3306/mlflow"),
        ("databricks-uc", "databricks-uc"),
        ("databricks://scope:prefix", "databricks://scope:prefix"),
        ("file:///home/a@b/registry", "file:///home/a@b/registry"),
        ("databricks-uc://scope:prefix", "databricks-uc://scope:prefix"),
        ("sqlite:////home/a@b/registry.db", "sqlite:////home/a@b/registry.db"),
    ],
)
def test_a_password_in_an_address_is_kept_out_of_what_people_read(address: str, place: str) -> None:
    assert without_password(address) == place


@pytest.mark.parametrize(
    "address", ["sqlite:/home/registry.db", "postgresql://hub:secret/mlflow", "http://[hub/mlflow"]
)
def test_an_address_that_cannot_be_read_is_refused(address: str) -> None:
    with pytest.raises(ConfigError, match="is no address: expected one such as") as refused:
        CentralRegistry(address, "models.qa.flight_delay")

    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(("scheme", "error"), [("mssql", MachineError), ("oracle", ConfigError)])
def test_a_registry_that_cannot_be_opened_is_named_without_its_password(scheme: str, error: type[Exception]) -> None:
    with pytest.raises(error, match=f"registry {scheme}://hub.example/mlflow") as refused:
        CentralRegistry(f"{scheme}://ada:secret@hub.example/mlflow", "models.qa.flight_delay")

    assert "secret" not in str(refused.value)


def test_what_is_not_there_is_said(registry: CentralRegistry, package: Path, tmp_path: Path) -> None:
    assert registry.versions() == ()
    with pytest.raises(ModelNotFound, match="registry list"):
        registry.find("1")
    registry.register(package, {})
    with pytest.raises(ModelNotFound, match=r"version 7"):
        registry.download("7", tmp_path)
    with pytest.raises(RegistryError):
        registry.tag("7", {"role": "refit"})


@pytest.mark.parametrize(
    "tags", [{"levelfive.role": "refit"}, {"levelfive_verdict": "v" * 1001}], ids=["name", "value"]
)
def test_a_tag_that_unity_catalog_refuses_is_refused_everywhere(
    registry: CentralRegistry, package: Path, tags: dict[str, str]
) -> None:
    with pytest.raises(RegistryError, match="1,000 characters"):
        registry.register(package, tags)
    with pytest.raises(ModelNotFound):
        registry.find("1")


def test_another_metastore_is_asked_with_the_secrets_of_its_scope(
    registries: Registries, package: Path, tmp_path: Path
) -> None:
    registry = registries.open("other_metastore")

    registry.download(registry.register(package, {}), tmp_path)

    assert registries.metastore.tokens == {"Bearer of-another"}
