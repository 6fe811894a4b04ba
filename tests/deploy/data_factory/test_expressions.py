"""Expressions can be read, and what they refer to exists."""

import pytest
from data_factory.expressions import ExpressionError, compute, is_expression, parse, parts
from data_factory.references import lost_in_pipeline, lost_in_trigger
from data_factory.template import BACKFILL, DAILY, SCORING, deployed


def test_references_lead_somewhere(pipelines, triggers):
    assert [lost for pipeline in pipelines.values() for lost in lost_in_pipeline(pipeline, pipelines)] == []
    assert [lost for trigger in triggers.values() for lost in lost_in_trigger(trigger)] == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (
            (SCORING, "activities", 1, "typeProperties", "jobParameters", "as_of"),
            "@pipeline().parameters.now",
        ),
        (
            (SCORING, "activities", 1, "typeProperties", "jobId"),
            "@activity('Find').output.pipelineReturnValue.job_id",
        ),
        (
            (SCORING, "activities", 1, "typeProperties", "jobId"),
            "@activity('Find scoring').output.job_id",
        ),
        ((SCORING, "activities", 1, "dependsOn"), []),
        ((SCORING, "activities", 1, "typeProperties", "jobId"), "@variables('id')"),
        ((SCORING, "activities", 1, "typeProperties", "jobId"), "@item()"),
        ((SCORING, "activities", 1, "typeProperties", "jobId"), "@trigger().outputs.windowEndTime"),
        ((BACKFILL, "activities", 0, "typeProperties", "expression"), "@lesser(1, 2)"),
        (
            (
                BACKFILL,
                "activities",
                1,
                "typeProperties",
                "activities",
                0,
                "typeProperties",
                "parameters",
            ),
            "@utcnow()",
        ),
    ],
    ids=str,
)
def test_a_reference_that_leads_nowhere_is_found(path, value):
    resources = deployed("prod")

    assert len(lost_in_pipeline(resources.changed("pipelines", *path, value=value), resources.of("pipelines"))) == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (DAILY, "@trigger().outputs.windowEnd"),
        (DAILY, "@utcnow()"),
        (DAILY, "@pipeline().parameters.as_of"),
    ],
)
def test_what_a_trigger_cannot_give_is_found(name, value):
    trigger = deployed("prod").changed("triggers", name, "pipeline", "parameters", "as_of", value=value)

    assert len(lost_in_trigger(trigger)) == 1


def test_what_is_marked_as_an_expression_is_one(pipelines, triggers):
    def marked(value):
        if isinstance(value, dict):
            if value.get("type") == "Expression":
                yield value
            value = list(value.values())
        if isinstance(value, list):
            for item in value:
                yield from marked(item)

    found = list(marked([pipelines, triggers]))
    assert found
    for one in found:
        assert is_expression(one.get("value", one.get("content"))), one


@pytest.mark.parametrize(
    "text",
    [
        "@concat('a'",
        "@concat('a'))",
        "@concat('a)",
        "@pipeline(.x",
        "@[1]",
        "@pipeline().1",
        "a@{item()",
        "@a + b",
        "@",
    ],
)
def test_an_expression_that_does_not_end_as_it_began_is_refused(text):
    with pytest.raises(ExpressionError):
        parts(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("concat('it''s ', string(1))", "it's 1"),
        ("coalesce(x()?.none, json('[]'))", []),
        ("x().a[1]", 3),
        ("addDays('2013-03-31T06:00:00Z', sub(2, 1))", "2013-04-01T06:00:00.0000000Z"),
        ("skip(range(0, 3), 1)", [1, 2]),
        ("ticks('0001-01-02T00:00:00Z')", 864_000_000_000),
        ("encodeUriComponent('a b&c')", "a%20b%26c"),
    ],
)
def test_expressions_are_computed(text, expected):
    assert compute(parse(text), {"x": lambda: {"a": [2, 3]}}) == expected
