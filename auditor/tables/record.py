"""How the fields of raw records become columns: declarations only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from enum import Enum
from typing import Self

import polars as pl

from auditor.frozen import dataclass
from auditor.tables.schema import TIME, Table


class Form(Enum):
    """What a field holds, and so what is accepted and what becomes of it."""

    TEXT = "text"
    LOWER = "text in lower case"
    EMAIL = "an e-mail address"
    EMAILS = "a list whose first is an e-mail address"
    ALIASES = "further e-mail addresses, as a list or in one text"
    NUMBER = "a meeting number, text without spaces"
    TIME = "a time"
    MINUTES = "minutes"
    SECONDS = "seconds"
    MICROSECONDS = "microseconds, as tables are exported"
    COUNT = "a whole number"
    FLAG = "true or false"
    OPEN = "who may join an unlocked meeting; true when everybody may"
    PRESENT = "an object; true when it is there"
    CODES = "a list of name and value"

    @property
    def read(self) -> pl.DataType:
        """The type the JSON reader is asked for: text where it would take something else without a word."""
        return pl.String() if self.raw in {TIME, pl.Float64()} else self.raw

    @property
    def raw(self) -> pl.DataType:
        """The type of the field in a raw frame."""
        match self:
            case Form.TIME:
                return TIME
            case Form.MINUTES | Form.SECONDS | Form.MICROSECONDS | Form.COUNT:
                return pl.Float64()
            case Form.FLAG | Form.OPEN | Form.PRESENT:
                return pl.Boolean()
            case Form.CODES:
                return pl.List(pl.Struct({"name": pl.String, "value": pl.String}))
            case Form.EMAILS | Form.ALIASES:
                return pl.List(pl.String)
            case _:
                return pl.String()


PLACE: dict[str, pl.DataType] = {"place": pl.Int64(), "item": pl.Int64()}
"""Columns that end a raw frame: which of the pages given, and which of its items."""


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a raw record, named as the API does, and the column it fills."""

    name: str
    column: str
    form: Form = Form.TEXT

    @property
    def exported(self) -> str:
        """What the column is called in a CSV file that was exported."""
        return f"{self.column}_us" if self.form in {Form.MINUTES, Form.SECONDS} else self.column

    def called(self, name: str) -> Field:
        """The field of records that call it by this name."""
        form = Form.MICROSECONDS if name == self.exported != self.column else self.form
        return replace(self, name=name, form=form)


@dataclass(frozen=True, slots=True)
class Child:
    """A list inside a record whose elements are rows of another table; `inherited` columns are the record's."""

    name: str
    table: Table
    fields: tuple[Field, ...]
    inherited: tuple[str, ...]

    @property
    def raw(self) -> pl.Schema:
        """The schema of the raw frame of the list's elements; `item` is that of the record they stand in."""
        return pl.Schema({field.name: field.form.raw for field in self.fields} | PLACE)


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of raw record: the table its rows go to, its fields, the lists inside it.

    `site` says whether a row takes the site of its request when the record names none. `also` has names the API gives
    its records that fill no column, where other kinds know them, too. `inside` names an object with more of the fields.
    """

    name: str
    table: Table
    fields: tuple[Field, ...]
    children: tuple[Child, ...] = ()
    site: bool = False
    also: frozenset[str] = frozenset()
    inside: str | None = None

    @property
    def read(self) -> pl.Schema:
        """What the JSON reader is asked for in every item."""
        fields = {field.name: field.form.read for field in self.fields}
        lists = {
            child.name: pl.List(pl.Struct({field.name: field.form.read for field in child.fields}))
            for child in self.children
        }
        return pl.Schema({**fields, **lists})

    @property
    def raw(self) -> pl.Schema:
        """The schema of the raw frame of the records."""
        return pl.Schema({field.name: field.form.raw for field in self.fields} | PLACE)

    def renamed(self, names: Mapping[str, str]) -> Self:
        """The kind of records that call the field `name` by `names[name]`; fields without a name there are absent."""
        fields = tuple(field.called(names[field.name]) for field in self.fields if field.name in names)
        return replace(self, fields=fields, children=())

    def by_column(self) -> Self:
        """The kind of records whose fields are named as the columns are."""
        return self.renamed({field.name: field.column for field in self.fields})


@dataclass(frozen=True, slots=True)
class Raw:
    """Records between page and table: fields by their API names, times and numbers typed, nothing else changed.

    `records` has the schema `Kind.raw`; `elements` has one frame a child, by its name, with `Child.raw`.
    """

    records: pl.DataFrame
    elements: Mapping[str, pl.DataFrame]
