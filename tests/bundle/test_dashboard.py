"""The dashboard shows columns that are there, of the tables that docs/tables.md describes."""

import json
import re

import pytest
from bundle.offline import ROOT
from multiclass import COLOURS

from levelfive import BINARY, REGRESSION

DASHBOARD = json.loads((ROOT / "resources" / "monitoring.lvdash.json").read_text(encoding="utf-8"))
TABLES = {
    *("promotions", "alerts", "performance", "performance_slices", "drift", "quality", "freshness", "feature_skew"),
    *("verdicts", "decisions", "retrainings", "runs"),
}
COLUMNS = 6  # of a page's grid


def query(dataset):
    return "".join(dataset["queryLines"])


def shown(dataset):
    """List the columns of a query's outermost select."""
    selected = re.match(r"SELECT (.*?)\nFROM ", query(dataset), re.DOTALL)[1]
    items = re.split(r",\s*(?![^(]*\))", re.sub(r"\(([^()]|\([^()]*\))*\)", "()", selected))
    return {item.split()[-1].strip("`") for item in items}


def widgets():
    for page in DASHBOARD["pages"]:
        for item in page["layout"]:
            yield item["widget"], item["position"]


@pytest.mark.parametrize("dataset", DASHBOARD["datasets"], ids=lambda dataset: dataset["name"])
def test_datasets_name_tables_without_catalog_and_schema(dataset):
    read = re.findall(r"\b(?:FROM|JOIN) ([\w.`]+)", query(dataset))

    assert read
    assert set(read) <= TABLES
    assert not {"catalog", "schema"} & dataset.keys()


def test_every_table_of_the_loop_is_shown():
    assert {name for dataset in DASHBOARD["datasets"] for name in re.findall(r"FROM (\w+)", query(dataset))} == TABLES


def test_widgets_show_columns_of_their_datasets():
    datasets = {dataset["name"]: shown(dataset) for dataset in DASHBOARD["datasets"]}
    for widget, _ in widgets():
        (found,) = widget["queries"]
        fields = {field["name"] for field in found["query"]["fields"]}
        encoded = set(re.findall(r'"fieldName": "(\w+)"', json.dumps(widget["spec"])))
        assert encoded <= fields <= datasets[found["query"]["datasetName"]], widget["name"]


def test_a_widget_shows_a_column_as_its_query_computes_it():
    fields = [field for widget, _ in widgets() for found in widget["queries"] for field in found["query"]["fields"]]

    assert fields
    assert [field for field in fields if field["expression"] != f"`{field['name']}`"] == []
    assert all(found["query"]["disaggregated"] for widget, _ in widgets() for found in widget["queries"])


def test_the_dashboard_names_no_metric_of_a_task():
    quoted = {name for dataset in DASHBOARD["datasets"] for name in re.findall(r"'(\w+)'", query(dataset))}

    assert quoted  # such as the kinds of rows of a source
    assert quoted.isdisjoint(metric.name for task in (BINARY, REGRESSION, COLOURS) for metric in task.metrics)


def test_every_dataset_is_shown():
    used = {found["query"]["datasetName"] for widget, _ in widgets() for found in widget["queries"]}

    assert used == {dataset["name"] for dataset in DASHBOARD["datasets"]}


def test_widgets_lie_beside_each_other():
    cells = [
        (x, y)
        for _, at in widgets()
        for x in range(at["x"], at["x"] + at["width"])
        for y in range(at["y"], at["y"] + at["height"])
    ]

    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < COLUMNS
