"""Decoding many pages at once with Polars' own JSON reader, for pages that obey the documented types.

The reader garbles escapes that name lone surrogates, rounds and drops numbers without a word, and knows no
null records. A page in any such doubt is left to the exact path; for all others both paths agree.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import polars as pl
from polars.exceptions import PolarsError

from auditor.tables.convert import LARGEST, LONGEST
from auditor.tables.record import PLACE, Field, Form, Kind, Raw
from auditor.tables.schema import TIME

_ZONED = r"^[12]\d{3}-\d\d-\d\dT\d\d:\d\d:[0-5]\d(\.\d{1,6})?(Z|[+-](0\d|1[0-4]):[0-5]\d)$"
_PLAIN = r"^-?\d+(\.\d+)?$"
_LIMITS = {Form.MINUTES: LONGEST, Form.SECONDS: LONGEST, Form.COUNT: LARGEST}
_PATTERNS = ("%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S%.fZ", "%Y-%m-%dT%H:%M:%S%.f%:z")
_GROUP = 1 << 19


@dataclass(frozen=True, slots=True)
class Fast:
    """The raw frames of the pages that were read, and the places of the others, which need the exact path."""

    raw: Raw
    left: tuple[int, ...]


def fast(bodies: Sequence[bytes], kind: Kind) -> Fast:
    """The pages that can be read without doubt; `place` in the frames is the index in `bodies`."""
    lists: list[pl.Series] = []
    read: list[int] = []
    left: list[int] = []
    for group in _groups(bodies):
        pages = _pages([bodies[place] for place in group], kind)
        if pages is not None:
            lists.append(pages)
            read += group
            continue
        for place in group:
            single = _pages([bodies[place]], kind) if len(group) > 1 else None
            if single is None:
                left.append(place)
            else:
                lists.append(single)
                read.append(place)
    raw, doubtful = _frames(lists, read, kind)
    return Fast(raw, tuple(sorted([*left, *doubtful])))


def _groups(bodies: Sequence[bytes]) -> Iterator[list[int]]:
    """Neighbouring pages of about half a megabyte: larger groups are slower, smaller ones cost a call each."""
    group: list[int] = []
    size = 0
    for place, body in enumerate(bodies):
        if group and size + len(body) > _GROUP:
            yield group
            group, size = [], 0
        group.append(place)
        size += len(body)
    if group:
        yield group


def _pages(bodies: Sequence[bytes], kind: Kind) -> pl.Series | None:
    """The lists of records of some pages, one a page; None when the reader refuses one of them."""
    text = b"[" + b",".join(bodies) + b"]"
    if b"\\u" in text and (b"\\ud" in text or b"\\uD" in text):
        return None
    try:
        pages = pl.read_json(text, schema={"items": pl.List(pl.Struct(kind.read))})["items"]
    except PolarsError:
        return None
    return None if len(pages) != len(bodies) or pages.null_count() else pages


def _frames(lists: Sequence[pl.Series], places: Sequence[int], kind: Kind) -> tuple[Raw, set[int]]:
    """The raw frames of pages, and the places of doubtful ones, whose rows are left out."""
    pages = pl.DataFrame({"place": places}, schema={"place": pl.Int64}).with_columns(
        items=pl.concat(lists) if lists else pl.Series([], dtype=pl.List(pl.Struct(kind.read)))
    )
    length = pl.col("items").list.len()
    records = pages.filter(length > 0).with_columns(item=pl.int_ranges(length.cast(pl.Int64))).explode("items", "item")
    doubtful = set(records["place"].filter(records["items"].is_null()))
    frame = records.unnest("items")
    elements = {}
    for child in kind.children:
        listed = frame.select(*PLACE, child.name).filter(pl.col(child.name).list.len() > 0).explode(child.name)
        doubtful |= set(listed["place"].filter(listed[child.name].is_null()))
        elements[child.name], more = _checked(listed.unnest(child.name), child.fields)
        doubtful |= more
    checked, more = _checked(frame, kind.fields)
    doubtful |= more
    kept = ~pl.col("place").is_in(sorted(doubtful))
    return (
        Raw(
            checked.filter(kept).select(kind.raw.names()),
            {child.name: elements[child.name].filter(kept).select(child.raw.names()) for child in kind.children},
        ),
        doubtful,
    )


def _checked(frame: pl.DataFrame, fields: Sequence[Field]) -> tuple[pl.DataFrame, set[int]]:
    """The frame with times and numbers typed, and the places of pages whose values the exact path reads otherwise."""
    doubts = [doubt for field in fields if (doubt := _doubt(field)) is not None]
    mask = frame.select(pl.any_horizontal(pl.lit(False), *doubts).fill_null(False)).to_series()
    times = [_parsed(frame[field.name]) for field in fields if field.form is Form.TIME]
    for parsed in times:
        mask |= parsed.is_null() & (frame[parsed.name].str.len_bytes() > 0).fill_null(False)
    numbers = [pl.col(field.name).cast(pl.Float64, strict=False) for field in fields if field.form in _LIMITS]
    return frame.with_columns(*times, *numbers), set(frame["place"].filter(mask))


def _doubt(field: Field) -> pl.Expr | None:
    column = pl.col(field.name)
    if field.form is Form.TIME:
        return ~column.str.contains(_ZONED) & (column != "")
    if field.form in _LIMITS:
        number = column.cast(pl.Float64, strict=False)
        fraction = number != number.round() if field.form is Form.COUNT else pl.lit(False)
        return ~column.str.contains(_PLAIN) | (number.abs() >= _LIMITS[field.form]) | fraction
    if field.form is Form.CODES:
        return column.list.eval(pl.element().is_null()).list.any()
    return None


def _parsed(written: pl.Series) -> pl.Series:
    """The times of texts that match `_ZONED`; the common pattern is tried first, it is three times as fast."""
    times = pl.Series(written.name, [], dtype=TIME).extend_constant(None, len(written))
    filled = (written.str.len_bytes() > 0).fill_null(False)
    for pattern in _PATTERNS:
        missing = times.is_null() & filled
        if not missing.any():
            break
        tried = written.str.to_datetime(pattern, time_unit="us", time_zone="UTC", strict=False)
        times = times.zip_with(~missing, tried)
    return times
