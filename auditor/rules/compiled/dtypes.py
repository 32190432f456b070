"""The Polars type of each type of the rule language."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import polars as pl

from auditor.rules.language.tree import Type
from auditor.tables.schema import COUNT, FLAG, SPAN, TEXT, TEXTS, TIME

DTYPES: Mapping[Type, pl.DataType] = MappingProxyType(
    {
        Type.TEXT: TEXT,
        Type.BOOLEAN: FLAG,
        Type.INTEGER: COUNT,
        Type.NUMBER: pl.Float64(),
        Type.DURATION: SPAN,
        Type.DATETIME: TIME,
        Type.LIST: TEXTS,
        Type.NULL: pl.Null(),
    }
)
