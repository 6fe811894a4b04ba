"""Formats of landing files: each reads a file into texts and null, and knows what nobody else does of its files."""

from levelfive.formats.delimited import Csv
from levelfive.formats.json_lines import JsonLines
from levelfive.formats.parquet import Parquet
from levelfive.formats.texts import Format, Texts, read_whole

__all__ = ["Csv", "Format", "JsonLines", "Parquet", "Texts", "read_whole"]
