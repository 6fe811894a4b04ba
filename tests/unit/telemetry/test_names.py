"""What is sent is listed, documented, and of one name each."""

import re
from pathlib import Path

from levelfive.telemetry.names import ATTRIBUTES, ENVIRONMENT, METRICS, RESOURCE, said, sent

PAGE = Path(__file__).resolve().parents[3] / "docs" / "telemetry.md"


def rows(heading: str) -> list[list[str]]:
    """The cells of a page's table, without its head."""
    table = PAGE.read_text(encoding="utf-8").split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in table.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def test_the_page_lists_every_attribute_with_its_meaning() -> None:
    *listed, last = rows("Attributes")

    assert listed[0] == [f"`{ENVIRONMENT}`", RESOURCE[ENVIRONMENT]]
    assert listed[1:] == [[f"`{one.name}`", one.words] for one in ATTRIBUTES.values()]
    assert set(re.findall(r"`([\w.]+)`", last[0])) == RESOURCE.keys() - {ENVIRONMENT}


def test_the_page_lists_every_metric_with_its_unit_and_meaning() -> None:
    assert rows("Metrics") == [[f"`{one.name}`", f"`{one.unit}`", one.words] for one in METRICS]


def test_no_name_is_used_twice_and_ours_are_under_levelfive() -> None:
    names = [*RESOURCE, *(one.name for one in ATTRIBUTES.values()), *(one.name for one in METRICS)]

    assert len(set(names)) == len(names)
    assert {name.split(".")[0] for name in names} == {"levelfive", "cicd", "service", "deployment", "error"}


def test_what_is_sent_are_listed_fields_that_say_something() -> None:
    fields = {"use_case": "flights", "batch_id": None, "model_version": "", "by": "ada", "unusual": False}

    assert sent(fields) == {"levelfive.use_case": "flights", "levelfive.drift.unusual": False}
    assert said(fields) == {
        "levelfive.use_case": "flights",
        "levelfive.model.version": "",
        "by": "ada",
        "levelfive.drift.unusual": False,
    }
