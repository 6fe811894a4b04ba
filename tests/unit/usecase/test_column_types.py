"""Which types a source's columns may have is known before Spark is started."""

import pytest

from levelfive.usecase.column_types import can_be_declared


@pytest.mark.parametrize(
    "kind",
    [
        *("string", "STRING", "string collate UTF8_LCASE", "boolean", "byte", "smallint", "int", "bigint", "long"),
        *("real", "double", "date", "timestamp", "timestamp_ntz", "binary", "varchar(20)", "char( 3 )"),
        *("decimal", "decimal(10)", "Decimal (10, 2)", "numeric(38,38)", " int "),
    ],
)
def test_what_a_text_can_be_cast_to_may_be_declared(kind: str) -> None:
    assert can_be_declared(kind)


@pytest.mark.parametrize(
    "kind",
    [
        *("strng", "str", "int8", "", "string(3)", "varchar", "decimal()", "decimal(39,1)", "decimal(5,6)"),
        *("decimal(5,-1)", "array<int>", "map<string,int>", "struct<a:int>", "void", None, int),
    ],
)
def test_what_spark_does_not_know_or_cannot_cast_to_may_not(kind: object) -> None:
    assert not can_be_declared(kind)
