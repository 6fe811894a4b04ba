"""A tracking store in trouble is a sentence that says what to do."""

from pathlib import Path

import pytest

from levelfive.config import EARLIEST
from levelfive.errors import ConfigError, RegistryError
from levelfive.models.mlflow_store import is_of_a_database, quieten
from levelfive.registry.store import CentralRegistry
from levelfive.statistics.metrics import Evaluation
from levelfive.training.tracking import Tracking


def test_an_experiment_that_was_deleted_says_how_to_restore_it(tmp_path: Path) -> None:
    """A store on SQLite is made."""
    quieten()
    tracking = Tracking(f"sqlite:///{tmp_path}/tracking.db", "shop", artefacts=tmp_path / "artefacts")
    with tracking.run("first", {}) as run:
        run.set_tags({"a": "tag"})
    tracking._client.delete_experiment("1")

    said = r"experiment 'shop' was deleted in MLflow, .*restore_experiment\('1'\)"
    with pytest.raises(RegistryError, match=said), tracking.run("second", {}):
        pytest.fail("there is no run to be in")


def test_metrics_are_taken_as_of_any_time(tmp_path: Path) -> None:
    """A store on SQLite is made."""
    quieten()
    tracking = Tracking(f"sqlite:///{tmp_path}/tracking.db", "shop", artefacts=tmp_path / "artefacts")
    with tracking.run("of old times", {}) as run:
        run.log_evaluation("holdout", Evaluation({}, rows=24, days=7, label_mean=0.5, score_mean=0.5), EARLIEST)

    assert tracking._client.get_run(run.run_id).data.metrics == {"holdout.rows": 24, "holdout.days": 7}


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    quieten()
    (tmp_path / "store.db").write_text("no database\n" * 100)
    uri = f"sqlite:///{tmp_path}/store.db"

    with pytest.raises(
        RegistryError, match=r"tracking store .*store\.db did not take a connection: .* is not a database"
    ):
        Tracking(uri, "shop")
    with pytest.raises(RegistryError, match=r"registry .*store\.db did not take a connection: .* is not a database"):
        CentralRegistry(uri, "levelfive.shop")


@pytest.mark.parametrize("place", ["mlruns", "/tmp/mlruns", "~/registry.db", ""])
def test_a_folder_is_no_address(place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    for store in (Tracking, CentralRegistry):
        with pytest.raises(ConfigError, match=f"is no address, got '{place}': expected one such as"):
            store(place, "shop")

    assert list(tmp_path.iterdir()) == []


def test_an_address_that_is_none_is_refused_without_a_word_of_it() -> None:
    with pytest.raises(ConfigError, match="tracking_uri of experiment 'shop' is no address") as refused:
        Tracking("mysql+pymysql://me:secret@host:port/db", "shop")

    assert "secret" not in str(refused.value)


def test_an_error_of_ours_is_none_of_a_database() -> None:
    assert not is_of_a_database(RegistryError("refused"))
