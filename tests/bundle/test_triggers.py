"""The job scoring starts when data come, by the triggers that docs/bundle.md shows."""

import re
from copy import deepcopy
from pathlib import Path
from textwrap import dedent

import pytest
import yaml
from bundle.cli import checkout, needs_cli
from bundle.offline import PRODUCTION, ROOT, read, resolve
from bundle.targets import validated

PAGE = (ROOT / "docs" / "bundle.md").read_text(encoding="utf-8")
TRIGGERS = re.findall(r"```yaml\n( +trigger:\n.*?)```", PAGE, re.DOTALL)
SCHEDULE = re.compile(r"^          schedule:\n(?: {12}.*\n)+", re.MULTILINE)
KINDS = ("file_arrival", "table_update")


@pytest.mark.parametrize(("kind", "block"), zip(KINDS, TRIGGERS, strict=True), ids=KINDS)
@pytest.mark.parametrize("target", PRODUCTION)
def test_a_trigger_of_a_target_starts_the_job_and_no_schedule_does(target: str, kind: str, block: str) -> None:
    config = deepcopy(dict(read(ROOT)))
    job = config["targets"][target]["resources"]["jobs"]["scoring"]
    del job["schedule"]
    job |= yaml.safe_load(dedent(block))

    scoring = resolve(config, target).jobs["scoring"]

    assert "schedule" not in scoring
    assert scoring["trigger"]["pause_status"] == "UNPAUSED"
    if kind == "file_arrival":
        landing = f"/Volumes/levelfive_{target}/flight_delay/landing/flights/"
        assert scoring["trigger"][kind]["url"] == landing


@needs_cli
@pytest.mark.parametrize(("kind", "block"), zip(KINDS, TRIGGERS, strict=True), ids=KINDS)
def test_the_cli_takes_a_trigger_in_place_of_the_schedule(kind: str, block: str, tmp_path: Path) -> None:
    with checkout("prod", tmp_path) as copy:
        environments = copy.root / "environments.yml"
        text, changed = SCHEDULE.subn(block, environments.read_text(encoding="utf-8"))
        environments.write_text(text, encoding="utf-8")

        scoring = validated(copy).jobs["scoring"]

    assert changed == 1
    assert scoring.get("schedule") is None
    assert set(scoring["trigger"]) == {kind, "pause_status"}
