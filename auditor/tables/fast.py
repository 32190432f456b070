"""Decoding many pages at once with Polars' own JSON reader, for pages that obey the documented types.

The reader garbles escapes that name lone surrogates, rounds and drops numbers without a word, and knows no
null records. A page in any such doubt is left to the exact path; for all others both paths agree.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping, Sequence
from types import MappingProxyType

import polars as pl
from polars.exceptions import PolarsError

from auditor.evidence.items import stands_twice
from auditor.frozen import dataclass
from auditor.tables.convert import LARGEST, LONGEST
from auditor.tables.record import PLACE, Field, Form, Kind, Raw
from auditor.tables.schema import TIME

_ZONED = (
    r"^[12][0-9]{3}-[0-9][0-9]-[0-9][0-9]T[0-9][0-9]:[0-9][0-9]:[0-5][0-9](\.[0-9]{1,6})?"
    r"(Z|[+-](0[0-9]|1[0-4]):[0-5][0-9])$"
)
_PLAIN = r"^-?[0-9]+(\.[0-9]+)?$"
_LIMITS = {Form.MINUTES: LONGEST, Form.SECONDS: LONGEST, Form.MICROSECONDS: LARGEST, Form.COUNT: LARGEST}
_WHOLE = frozenset({Form.MICROSECONDS, Form.COUNT})
_PATTERNS = ("%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S%.fZ", "%Y-%m-%dT%H:%M:%S%.f%:z")
_GROUP = 1 << 19
_LARGE = 1 << 16
_BEFORE = re.compile(rb'\s*\{\s*"items"\s*:\s*(?=\[)')
_BEHIND = re.compile(rb"\]\s*\}\s*\Z")
_LOOKED_BACK = 64


@dataclass(frozen=True, slots=True)
class Fast:
    """The raw frames of the pages that were read, and the places of the others, which need the exact path.

    `counts` tells how many records the pages have, by place; of those in `left` it may tell nothing.
    """

    raw: Raw
    left: tuple[int, ...]
    counts: Mapping[int, int]


def fast(bodies: Sequence[bytes], kind: Kind, known: Mapping[int, pl.DataFrame] = MappingProxyType({})) -> Fast:
    """The pages that can be read without doubt; `place` in the frames is the index in `bodies`.

    Of pages in `known`, by place, `alone` read the records before; columns without any value may be absent there.
    """
    schema = kind.read
    frames: dict[int, pl.DataFrame] = dict(known)
    read: list[tuple[int, int]] = [(place, records.height) for place, records in known.items()]
    left: list[int] = []
    groups = list(_groups(bodies, known))[::-1]
    while groups:
        group = groups.pop()
        found = _read([bodies[place] for place in group], schema)
        if found is not None:
            frames[group[0]] = found[0]
            read += zip(group, found[1], strict=True)
        elif len(group) == 1:
            left += group
        else:
            groups += [[place] for place in reversed(group)]
    raw, doubtful = _checked_frames([frames[place] for place in sorted(frames)], sorted(read), kind)
    return Fast(raw, tuple(sorted([*left, *doubtful])), dict(read))


def _groups(bodies: Sequence[bytes], known: Container[int]) -> Iterator[list[int]]:
    """Each large page alone, neighbouring small ones together: a call each would cost more than reading them."""
    group: list[int] = []
    size = 0
    for place, body in enumerate(bodies):
        if place in known:
            if group:
                yield group
            group, size = [], 0
            continue
        if group and (size + len(body) > _GROUP or len(body) >= _LARGE):
            yield group
            group, size = [], 0
        group.append(place)
        size += len(body)
        if len(body) >= _LARGE:
            yield group
            group, size = [], 0
    if group:
        yield group


def _read(bodies: Sequence[bytes], schema: pl.Schema) -> tuple[pl.DataFrame, Sequence[int]] | None:
    """The records of some pages as read, and how many each page has; None when the reader refuses one of them."""
    single = alone(bodies[0], schema) if len(bodies) == 1 else None
    if single is not None:
        return single, (single.height,)
    if any(_is_garbled(body) for body in bodies) or _are_ambiguous(bodies):
        return None
    try:
        pages = pl.read_json(b"[" + b",".join(bodies) + b"]", schema={"items": pl.List(pl.Struct(schema))})
    except PolarsError:
        return None
    items = pages["items"]
    if len(items) != len(bodies) or items.null_count():
        return None
    records = items.explode(empty_as_null=False)
    return None if records.null_count() else (records.struct.unnest(), items.list.len().to_list())


def _is_garbled(body: bytes) -> bool:
    """Whether an escape in the page may name a lone surrogate."""
    return b"\\" in body and b"\\u" in body and (b"\\ud" in body or b"\\uD" in body)


def _are_ambiguous(bodies: Sequence[bytes]) -> bool:
    """Whether one of the pages names its items twice.

    Most are a single list between braces. Behind the beginning of the others the name is looked for by Polars, which
    is several times as fast at that as Python is.
    """
    doubtful: list[bytes] = []
    behind: list[bytes] = []
    for body in bodies:
        before = _BEFORE.match(body)
        if before is None or (b"\\" in body and (b"\\u006" in body or b"\\u007" in body)):
            if stands_twice(body, "items"):
                return True
        elif not _BEHIND.match(body, body.find(b"]", before.end())):
            doubtful.append(body)
            behind.append(body[before.end() :])
    if not doubtful or not pl.Series(behind, dtype=pl.Binary).bin.contains(b'"items"').any():
        return False
    return any(stands_twice(body, "items") for body in doubtful)


def alone(body: bytes, schema: pl.Schema) -> pl.DataFrame | None:
    """The records of a large page that holds nothing but its items, read as a list of their own; a null is a row.

    None when the page is small, holds more, or the reader refuses it.
    """
    before = _BEFORE.match(body) if len(body) >= _LARGE else None
    behind = None if before is None else _BEHIND.search(body, len(body) - _LOOKED_BACK)
    if before is None or behind is None or _is_garbled(body):
        return None
    try:
        return pl.read_json(body[before.end() : behind.start() + 1], schema=schema)
    except PolarsError:
        return None


def _checked_frames(
    frames: Sequence[pl.DataFrame], read: Sequence[tuple[int, int]], kind: Kind
) -> tuple[Raw, set[int]]:
    """The raw frames of pages, and the places of doubtful ones, whose rows are left out.

    A row of nulls may stand for a null record, or for one that is no object.
    """
    rows = _in_one_piece(pl.concat([kind.read.to_frame(), *frames], how="diagonal"))
    frame = rows.hstack(_places(read))
    doubtful = set() if any(not column.null_count() for column in rows) else _without_values(frame, rows)
    elements = {}
    for child in kind.children:
        listed = frame.select(*PLACE, child.name).filter(pl.col(child.name).list.len() > 0).explode(child.name)
        doubtful |= set(listed["place"].filter(listed[child.name].is_null()))
        elements[child.name], more = _checked(listed.unnest(child.name), child.fields)
        doubtful |= more
    checked, more = _checked(frame, kind.fields)
    doubtful |= more
    records = checked.select(kind.raw.names())
    lists = {child.name: elements[child.name].select(child.raw.names()) for child in kind.children}
    if doubtful:
        kept = ~pl.col("place").is_in(sorted(doubtful))
        records, lists = records.filter(kept), {name: rows.filter(kept) for name, rows in lists.items()}
    return Raw(records, lists), doubtful


def _in_one_piece(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows of many pages, each column in one piece; one without any value is not copied but made anew."""
    return pl.DataFrame(
        [
            column.rechunk()
            if column.null_count() < rows.height
            else pl.Series(column.name, [None], column.dtype).new_from_index(0, rows.height)
            for column in rows
        ]
    )


def _without_values(frame: pl.DataFrame, rows: pl.DataFrame) -> set[int]:
    """The places of pages with a row of nulls."""
    return set(frame["place"].filter(rows.select(pl.all_horizontal(pl.all().is_null())).to_series()))


def _places(read: Sequence[tuple[int, int]]) -> pl.DataFrame:
    """The columns `PLACE` of pages with so many records each."""
    pages = pl.LazyFrame(read, schema={"place": pl.Int64, "count": pl.Int64}, orient="row")
    listed = pages.filter(pl.col("count") > 0).select("place", item=pl.int_ranges("count"))
    return listed.explode("item").collect()


def _checked(frame: pl.DataFrame, fields: Sequence[Field]) -> tuple[pl.DataFrame, set[int]]:
    """The frame with times and numbers typed, and the places of pages whose values the exact path reads otherwise."""
    doubts: list[pl.Series] = []
    columns = _plain_times(frame, [field.name for field in fields if field.form is Form.TIME])
    for field in fields:
        written = frame[field.name]
        if field.form is Form.TIME and field.name not in columns:
            parsed, zoned = _parsed(written), written.str.contains(_ZONED)
            columns[field.name] = parsed
            doubts.append((~zoned | parsed.is_null()) & (written != ""))
        elif field.form in _LIMITS:
            number = written.cast(pl.Float64, strict=False)
            columns[field.name] = number
            doubts += _exceeding(number, field.form)
            # many rows hold the same number, and each is looked at once
            if not written.unique().str.contains(_PLAIN).all():
                doubts.append(~written.str.contains(_PLAIN))
        elif field.form is Form.CODES:
            doubts.append(written.list.eval(pl.element().is_null()).list.any())
        elif field.form in {Form.EMAILS, Form.ALIASES}:
            doubts.append(written.list.eval(pl.element().str.contains(r"^\s*\[")).list.any())
    doubtful: set[int] = set()
    for doubt in doubts:
        doubtful |= set(frame["place"].filter(doubt))
    return frame.with_columns(columns.values()), doubtful


def _plain_times(frame: pl.DataFrame, names: Sequence[str]) -> dict[str, pl.Series]:
    """The times of those columns that hold nothing but the common pattern, and nulls; they are read together."""
    if not names:
        return {}
    written = pl.col(names)
    parsed = frame.select(written.str.to_datetime(_PATTERNS[0], time_unit="us", time_zone="UTC", strict=False))
    zoned = frame.select(written.str.contains(_ZONED).all())
    return {
        name: parsed[name]
        for name in names
        if zoned[name].item() and parsed[name].null_count() == frame[name].null_count()
    }


def _exceeding(number: pl.Series, form: Form) -> list[pl.Series]:
    """Which numbers are too large for their form, or fractions where counts are due; nothing where none can be."""
    least, most, limit = number.min(), number.max(), _LIMITS[form]
    if not isinstance(least, float) or not isinstance(most, float):
        return []
    if form not in _WHOLE and -limit < least <= most < limit:
        return []
    large = number.abs() >= limit
    return [large | (number != number.round()) if form in _WHOLE else large]


def _parsed(written: pl.Series) -> pl.Series:
    """The times of texts that match `_ZONED`; the common pattern is tried first, it is three times as fast."""
    times = pl.Series(written.name, [], dtype=TIME).extend_constant(None, len(written))
    filled = (written.str.len_bytes() > 0).fill_null(False)
    for pattern in _PATTERNS:
        missing = times.is_null() & filled
        if not missing.any():
            break
        tried = written.str.to_datetime(pattern, time_unit="us", time_zone="UTC", strict=False)
        times = tried if pattern == _PATTERNS[0] else times.zip_with(~missing, tried)
    return times
