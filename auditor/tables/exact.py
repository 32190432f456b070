"""Decoding a record at a time: exact for whatever a page may hold, and slow."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

import polars as pl

from auditor.evidence.items import first_of_equal, stands_twice, whole
from auditor.frozen import dataclass
from auditor.tables.convert import Cell, Context, Json, NotDecodable, converted
from auditor.tables.record import Field, Kind, Raw

_Row: TypeAlias = dict[str, Cell]


@dataclass(frozen=True, slots=True)
class Refused:
    """A record, or an element of the list `within` it, that could not be decoded."""

    item: int
    why: str
    within: str | None = None


@dataclass(frozen=True, slots=True)
class Exact:
    """The raw frames of a page, the records refused, and the nulls among the items."""

    raw: Raw
    refused: tuple[Refused, ...]
    nulls: tuple[int, ...]


class InvalidBody(Exception):  # noqa: N818 - it ends one page, not the program
    """The body holds no list of records; the message says what it holds."""


def items_of(body: bytes, context: Context) -> list[Json]:
    """The records of a page: none for an empty body or null `items`. Raises `InvalidBody`."""
    if not body.strip():
        return []
    try:
        written = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        written = body.decode("utf-8-sig", "replace")
        context.tally.surrogates += written.count("\ufffd")
    try:
        document = json.loads(written, object_pairs_hook=first_of_equal, parse_int=whole)
    except (ValueError, RecursionError) as error:
        raise InvalidBody("it is no JSON") from error
    if not isinstance(document, dict) or "items" not in document:
        raise InvalidBody("it holds no items")
    if stands_twice(body, "items"):
        raise InvalidBody("it has items twice, and nobody can tell which are meant")
    items = document["items"]
    if items is None:
        return []
    if not isinstance(items, list):
        raise InvalidBody("its items are no list")
    return items


def exact(items: Sequence[Json], kind: Kind, *, place: int, context: Context) -> Exact:
    """Every item as a row, or named as refused, or counted as null; `place` is the index of their page."""
    records: list[_Row] = []
    elements: dict[str, list[_Row]] = {child.name: [] for child in kind.children}
    refused: list[Refused] = []
    known = {field.name for field in kind.fields} | elements.keys()
    for index, item in enumerate(items):
        if item is None:
            continue
        lineage = {"place": place, "item": index}
        try:
            record = _object(item)
            records.append({**_row(record, kind.fields, context), **lineage})
        except NotDecodable as error:
            refused += _refused(item, index, str(error), kind)
            continue
        context.tally.unknown.update(record.keys() - known)
        for child in kind.children:
            rows, without = _elements(
                record.get(child.name), child.fields, child.name, context=context, lineage=lineage
            )
            elements[child.name] += rows
            refused += without
    raw = Raw(
        pl.DataFrame(records, schema=kind.raw, orient="row"),
        {child.name: pl.DataFrame(elements[child.name], schema=child.raw, orient="row") for child in kind.children},
    )
    return Exact(raw, tuple(refused), tuple(index for index, item in enumerate(items) if item is None))


def _refused(item: Json, index: int, why: str, kind: Kind) -> Iterator[Refused]:
    """The record, and each list inside it, whose elements are no rows either."""
    yield Refused(index, why)
    for child in kind.children:
        if isinstance(item, dict) and item.get(child.name):
            yield Refused(index, f"{child.name} of a record that is not decoded ({why})", child.name)


def _row(record: Mapping[str, Json], fields: Sequence[Field], context: Context) -> _Row:
    row: _Row = {}
    for field in fields:
        try:
            row[field.name] = converted(record.get(field.name), field.form, context)
        except NotDecodable as error:
            raise NotDecodable(f"{field.name}: {error}") from None
    return row


def _elements(
    value: Json, fields: Sequence[Field], name: str, *, context: Context, lineage: Mapping[str, int]
) -> tuple[list[_Row], list[Refused]]:
    """The rows of a list inside a record, and the elements that are left out."""
    item = lineage["item"]
    if value is None:
        return [], []
    if not isinstance(value, list):
        return [], [Refused(item, f"{name}: no list", name)]
    rows: list[_Row] = []
    refused = []
    for index, element in enumerate(value):
        try:
            rows.append({**_row(_object(element), fields, context), **lineage})
        except NotDecodable as error:
            refused.append(Refused(item, f"{name}[{index}]: {error}", name))
    return rows, refused


def _object(value: Json) -> dict[str, Json]:
    if not isinstance(value, dict):
        raise NotDecodable("no object")
    return value
