"""Lists of the configuration: written in place, or a column of a CSV file."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from auditor.documents import Items, Map, Node, Place, kind, nearest, printable
from auditor.errors import Problem
from auditor.settings.fields import Fields, texts

_LARGEST = 16 << 20
_DOMAINS = frozenset({"internal_domains", "trusted_domains"})


def contents(name: str, node: Node, *, folder: Path, problems: list[Problem]) -> tuple[str, ...]:
    """The items of the list `name`, trimmed, in the order written; domains are lower-cased.

    A list is written in place, or as `{file, column}`: a column of a CSV file with a header line, or without
    `column` one item a line, where blank lines and those that begin with `#` do not count.
    """
    match node:
        case Items():
            items = tuple(item.text.strip() for item in texts(node.items, problems))
        case Map():
            items = tuple(_filed(node, folder=folder, problems=problems))
        case _:
            problems.append(node.place.problem(f"expected list or {{file, column}}, got {kind(node)}"))
            items = ()
    return tuple(item.lower() for item in items) if name in _DOMAINS else items


def _filed(node: Map, *, folder: Path, problems: list[Problem]) -> Iterator[str]:
    fields = Fields(node, problems, known=("column",), required=("file",))
    path, column = fields.path("file", folder), fields.text("column")
    if path is None:
        return
    name = fields.written("file").strip()
    text = _text(path, shown=name, fields=fields)
    if text is None:
        return
    if column is None:
        yield from (line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#"))
    else:
        yield from _column(text, column, path=name, fields=fields)


def _text(path: Path, *, shown: str, fields: Fields) -> str | None:
    try:
        content = path.read_bytes()
    except OSError as error:
        fields.wrong("file", f"'{printable(shown)}' cannot be read: {error.strerror}")
        return None
    if len(content) > _LARGEST:
        fields.wrong("file", f"'{printable(shown)}' is larger than {_LARGEST >> 20} MiB")
        return None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        fields.wrong("file", f"'{printable(shown)}' is not UTF-8")
        return None


def _column(text: str, column: str, *, path: str, fields: Fields) -> Iterator[str]:
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [name.strip() for name in next(rows, [])]
        if column not in header:
            fields.wrong("column", f"{path} has no column '{printable(column)}'{nearest(column, header)}")
            return
        index = header.index(column)
        for row in rows:
            cell = row[index].strip() if index < len(row) else ""
            if cell:
                yield cell
            elif any(part.strip() for part in row):
                fields.problems.append(Place(path, rows.line_num, 1).problem(f"'{column}' is empty here"))
    except csv.Error as error:
        fields.problems.append(Place(path, rows.line_num, 1).problem(f"no CSV: {error}"))
