"""The resolver finds what is wrong, and knows what development mode does to names."""

import pytest
from bundle.offline import ROOT, BundleError, read, references, resolve
from bundle.targets import deployment


def test_everything_is_resolved(deployed):
    assert not list(references(deployed.config))


def test_a_variable_that_is_not_declared_is_refused():
    with pytest.raises(BundleError, match="catalogue"):
        resolve(read(ROOT), "dev", catalogue="other")


def test_a_variable_without_a_value_is_refused():
    config = read(ROOT)
    del config["targets"]["prod"]["variables"]["catalog"]

    with pytest.raises(BundleError, match="without a value: catalog"):
        resolve(config, "prod")


@pytest.mark.parametrize(
    "reference", ["${var.catalogue}", "${bundle.targets}", "${resources.schemas.other.name}", "${var.cron.yearly}"]
)
def test_a_reference_to_nothing_is_refused(reference):
    config = read(ROOT)
    config["resources"]["schemas"]["tables"]["comment"] = reference

    with pytest.raises(BundleError, match="nothing is known"):
        resolve(config, "dev")


def test_development_mode_prefixes_names_and_references_follow():
    dev, serverless = deployment("dev"), deployment("serverless")

    assert dev.jobs["training"]["name"] == "[dev anna_smith] levelfive flight_delay training"
    assert dev.resources["schemas"]["tables"]["name"] == "dev_anna_smith_flight_delay"
    assert dev.resources["dashboards"]["monitoring_dashboard"]["dataset_schema"] == "dev_anna_smith_flight_delay"
    assert serverless.resources["schemas"]["tables"]["name"] == "dev_anna_smith_serverless_flight_delay"


def test_what_is_included_wins_in_the_order_in_which_it_is(tmp_path):
    (tmp_path / "databricks.yml").write_text("include: [b.yml, a.yml]\nvariables: {x: {default: 1}, y: {default: 1}}")
    (tmp_path / "a.yml").write_text("variables: {x: {default: 3}}")
    (tmp_path / "b.yml").write_text("variables: {x: {default: 2}, z: {default: 2}}")

    assert read(tmp_path)["variables"] == {"x": {"default": 3}, "y": {"default": 1}, "z": {"default": 2}}


def test_a_key_is_used_once_whatever_the_kind(tmp_path):
    (tmp_path / "databricks.yml").write_text("include: ['*.job.yml', '*.dashboard.yml']")
    (tmp_path / "a.job.yml").write_text("resources: {jobs: {same: {name: a}}}")
    (tmp_path / "a.dashboard.yml").write_text("resources: {dashboards: {same: {display_name: a}}}")

    with pytest.raises(BundleError, match="defines again: same"):
        read(tmp_path)
