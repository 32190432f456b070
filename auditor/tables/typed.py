"""From raw frames to the frames of the tables: cleaning, units, lineage."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import polars as pl

from auditor.tables.record import PLACE, Child, Field, Form, Kind, Raw
from auditor.tables.schema import COUNT, SPAN, TEXT, TIME

ORDER = "_seq"
"""Internal column of every stored table: the place in the manifest of the page a row came from; newest wins."""

_ABSENT = pl.lit(None)
_MICROSECONDS = {Form.MINUTES: 60_000_000, Form.SECONDS: 1_000_000, Form.MICROSECONDS: 1}
_FEW = 100
_EPOCH = pl.lit(0, pl.Int64).cast(TIME)


def typed(raw: Raw, kind: Kind, pages: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Frames by table, each with the table's schema and `ORDER`.

    `pages` has a row a place, in their order: `page` (SHA-256), `_seq`, `asked_site`, which is the site of the request.
    """
    records = _columns(raw.records, kind.fields)
    lineage = pages[raw.records["place"]]
    asked = lineage.drop_in_place("asked_site")
    if kind.site:
        named = records.get_column("site_url", default=None)
        known = asked if named is None or named.null_count() == records.height else named.fill_null(asked)
        records = records.with_columns(known.alias("site_url"))
    records = records.hstack(lineage)
    frames = {kind.table.name: _shaped(records, kind.table.schema)}
    for child in kind.children:
        frames[child.table.name] = _elements(raw.elements[child.name], child, records)
    return frames


def _elements(raw: pl.DataFrame, child: Child, records: pl.DataFrame) -> pl.DataFrame:
    """The rows of a list, with their record's lineage and what they inherit from it."""
    inherited = records.select(*PLACE, *child.inherited, "page", ORDER)
    rows = _columns(raw, child.fields).join(inherited, on=[*PLACE], how="left", maintain_order="left")
    return _shaped(rows, child.table.schema)


def _columns(raw: pl.DataFrame, fields: Iterable[Field]) -> pl.DataFrame:
    return raw.select(*[_column(raw[field.name], field).alias(field.column) for field in fields], *PLACE)


def _column(written: pl.Series, field: Field) -> pl.Expr:
    """What becomes of a field's raw values. Cleaning is most of the work: it is left out where it would change none."""
    if written.dtype == TEXT and written.null_count() == len(written):
        return pl.col(field.name)
    if field.form is Form.LOWER:
        distinct = written.unique()
        if len(distinct) <= _FEW:
            cleaned = distinct.to_frame().select(_cleaned(field)).to_series()
            if distinct.equals(cleaned):
                return pl.col(field.name)
            return pl.col(field.name).replace_strict(distinct, cleaned, default=None, return_dtype=TEXT)
    return pl.col(field.name) if _is_clean(written, field.form) else _cleaned(field)


def _is_clean(written: pl.Series, form: Form) -> bool:
    """Whether cleaning would change none of the values: blank text begins below `!` or beyond ASCII."""
    match form:
        case Form.TEXT:
            return not ((written < "!") | (written > "~")).any()
        case Form.NUMBER:
            return not written.unique().str.contains(r"\s|^$").any()
        case Form.EMAIL:
            return not written.unique().str.contains(r"[^!-@\[-~]|^$|^n/a$").any()
        case Form.TIME:
            first = written.to_physical().min()
            return first is None or (isinstance(first, int) and first > 0)
        case _:
            return False


def _cleaned(field: Field) -> pl.Expr:  # noqa: C901 - one flat case a form
    """What becomes of a field's raw value; a blank is null."""
    column = pl.col(field.name)
    match field.form:
        case Form.TEXT:
            return pl.when(column.str.strip_chars() != "").then(column)
        case Form.LOWER:
            return _filled(column.str.strip_chars().str.to_lowercase())
        case Form.NUMBER:
            return _filled(column.str.replace_all(r"\s", ""))
        case Form.EMAIL:
            return _address(column)
        case Form.EMAILS:
            return _address(column.list.first())
        case Form.ALIASES:
            return column.list.join(" ", ignore_nulls=True).str.to_lowercase().str.extract_all(r"[^\s;,]+")
        case Form.TIME:
            return pl.when(column != _EPOCH).then(column)
        case Form.MINUTES | Form.SECONDS | Form.MICROSECONDS:
            return (column * _MICROSECONDS[field.form]).round().cast(pl.Int64).cast(SPAN)
        case Form.COUNT:
            return column.cast(COUNT)
        case Form.CODES:
            name, value = pl.element().struct["name"].fill_null(""), pl.element().struct["value"].fill_null("")
            return column.list.eval(pl.concat_str(name, pl.lit("="), value))
        case Form.FLAG | Form.OPEN | Form.PRESENT:
            return column


def _filled(text: pl.Expr) -> pl.Expr:
    return pl.when(text != "").then(text)


def _address(text: pl.Expr) -> pl.Expr:
    """A trimmed address in lower case; what people write for "none" is null."""
    clean = text.str.strip_chars().str.to_lowercase()
    return pl.when(~clean.is_in(["", "n/a"])).then(clean)


def _shaped(rows: pl.DataFrame, schema: Mapping[str, pl.DataType]) -> pl.DataFrame:
    """Exactly the columns of a table and `ORDER`; columns a record cannot fill are null."""
    absent = [_ABSENT.cast(dtype).alias(name) for name, dtype in schema.items() if name not in rows.columns]
    return (rows.with_columns(absent) if absent else rows).select(*schema, ORDER)
