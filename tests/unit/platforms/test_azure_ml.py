"""The client of an Azure ML workspace is built from Azure's id of it."""

import builtins

import pytest

from levelfive.config import parse_azure_ml
from levelfive.errors import ConfigError, MachineError
from levelfive.platforms.azure_ml import azure_ml_client

WORKSPACE = (
    "/subscriptions/00000000-0000-0000-0000-000000000002/resourceGroups/levelfive-qa"
    "/providers/Microsoft.MachineLearningServices/workspaces/levelfive-qa"
)


@pytest.mark.parametrize("written", [WORKSPACE, WORKSPACE.lower(), f" {WORKSPACE}\n"])
def test_an_id_is_taken_apart(written):
    assert parse_azure_ml(written) == {
        "subscription_id": "00000000-0000-0000-0000-000000000002",
        "resource_group_name": "levelfive-qa",
        "workspace_name": "levelfive-qa",
    }


@pytest.mark.parametrize(
    "wrong", ["", "levelfive-qa", WORKSPACE.replace("MachineLearningServices", "Databricks"), f"{WORKSPACE}/x"]
)
def test_what_is_no_id_is_refused(wrong):
    with pytest.raises(ConfigError, match="copy it from the workspace's page"):
        parse_azure_ml(wrong)


def test_without_the_package_it_is_said_which_extra_brings_it(monkeypatch):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name.startswith("azure.ai"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)

    with pytest.raises(MachineError, match=r"pip install 'levelfive\[azure-ml\]'"):
        azure_ml_client(WORKSPACE, None)
