"""By one word of a target, the job scoring starts by the clock, when files come, or when tables change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from bundle.cli import Checkout, checkout, needs_cli
from bundle.offline import PRODUCTION, ROOT
from bundle.project import WHEELS, checkout_of_project
from bundle.targets import WHEEL, validated

BY_CLOCK = "scoring: *by_clock"
KINDS = {"*when_files_come": "file_arrival", "*when_tables_change": "table_update"}


def switched(text: str, target: str, start: str) -> str:
    """Let a target of environments.yml name another start; the others stay as they are."""
    before, mark, after = text.partition(f"\n  {target}:\n")
    assert BY_CLOCK in after
    return before + mark + after.replace(BY_CLOCK, f"scoring: {start}", 1)


@pytest.mark.parametrize("target", PRODUCTION)
@pytest.mark.parametrize(("start", "kind"), KINDS.items(), ids=KINDS.values())
def test_a_trigger_of_a_target_starts_the_job_and_no_schedule_does(target: str, start: str, kind: str) -> None:
    text = switched((ROOT / "environments.yml").read_text(encoding="utf-8"), target, start)
    config = yaml.safe_load(text)
    own = yaml.safe_load((ROOT / "databricks.yml").read_text(encoding="utf-8"))

    (scoring,) = config["targets"][target]["resources"]["jobs"].values()
    others = [one for one in PRODUCTION if one != target]

    assert set(scoring) == {"trigger"}
    assert set(scoring["trigger"]) == {"pause_status", kind}
    assert own["targets"][target]["variables"]["trigger_source"] == "flights"
    assert [set(config["targets"][one]["resources"]["jobs"]["scoring"]) for one in others] == [{"schedule"}]


@needs_cli
@pytest.mark.parametrize(("start", "kind"), KINDS.items(), ids=KINDS.values())
def test_the_cli_takes_a_trigger_in_place_of_the_schedule(start: str, kind: str, tmp_path: Path) -> None:
    with checkout("prod", tmp_path) as copy:
        trigger = trigger_of(copy, start, (WHEEL,))

    assert set(trigger) == {kind, "pause_status"}
    assert trigger["pause_status"] == "UNPAUSED"
    if kind == "file_arrival":
        assert trigger[kind]["url"] == "/Volumes/levelfive_prod/flight_delay/landing/flights/"


@needs_cli
@pytest.mark.parametrize(("start", "kind"), KINDS.items(), ids=KINDS.values())
def test_a_project_has_the_same_choice_and_its_own_source(start: str, kind: str, tmp_path: Path) -> None:
    with checkout_of_project("prod", tmp_path) as copy:
        trigger = trigger_of(copy, start, WHEELS)

    told = {
        "file_arrival": "/Volumes/levelfive_prod/orders/landing/parcels/",
        "table_update": ["main.logistics.parcels"],
    }
    assert trigger[kind].get("url", trigger[kind].get("table_names")) == told[kind]


def trigger_of(copy: Checkout, start: str, wheels: tuple[str, ...]) -> dict[str, Any]:
    environments = copy.root / "environments.yml"
    text = environments.read_text(encoding="utf-8")
    environments.write_text(switched(text, copy.declared.target, start), encoding="utf-8")
    scoring = validated(copy, wheels).jobs["scoring"]
    assert scoring.get("schedule") is None
    return dict(scoring["trigger"])
