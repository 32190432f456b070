"""CSV files as people export them: any of the usual encodings and separators."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from auditor.errors import ConfigError

_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_SEPARATORS = "\t;,"
_END = "end"
_LINEAGE = {"page", "item"}
_GUARD = re.compile(r"^'(?='*[=+\-@\t\r])")


@dataclass(frozen=True, slots=True)
class Sheet:
    """The headings of a file and its lines, each with as many cells as there are headings."""

    headings: tuple[str, ...]
    lines: tuple[tuple[str, ...], ...]

    def column(self, heading: str) -> list[str]:
        """The cells below a heading that are not blank."""
        place = self.headings.index(heading)
        return [line[place] for line in self.lines if line[place].strip()]


def text_of(content: bytes, *, name: str) -> str:
    """The text of a file in UTF-8, or in UTF-16 with its lone surrogates. Raises `ConfigError` when it is neither."""
    start = content[:2000]
    halves = (("utf-16-le", start[1::2]), ("utf-16-be", start[::2]))
    unmarked = next((encoding for encoding, half in halves if half.count(0) > len(start) // 4), "utf-8")
    encoding = next((encoding for mark, encoding in _MARKS if content.startswith(mark)), unmarked)
    try:
        return content.decode(encoding, "surrogatepass" if encoding.startswith("utf-16") else "strict")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{name}: it is neither UTF-8 nor UTF-16 ({error.reason} at byte {error.start})") from None


def sheet(text: str, *, name: str) -> Sheet:
    """The file's lines by heading; lines without any text are left out.

    So is what spreadsheets add: a first line that names the separator, blank headings and cells at the end. Raises
    `ConfigError` when headings are missing or repeated, a line has more cells than there are headings, or a quote is
    never closed, since all that follows it would be one cell.
    """
    first = text.lstrip("\r\n").partition("\n")[0]
    separator = max(_SEPARATORS, key=first.count)
    rows = list(_rows(text, separator))
    line, last = rows.pop()
    if last != [_END]:
        raise ConfigError(f"{name}: the record of line {line} opens a quote that nothing closes")
    rows = [(line, _trimmed(row)) for line, row in rows if any(map(str.strip, row))]
    if rows and rows[0][1] == ["sep="]:
        rows = rows[1:]
    if not rows:
        raise ConfigError(f"{name}: it is empty")
    headings = tuple(heading.strip() for heading in rows[0][1])
    repeated = sorted(heading for heading, times in Counter(headings).items() if times > 1)
    if repeated:
        raise ConfigError(f"{name}: two columns are called {repeated[0]!r}; they cannot be told apart")
    width = len(headings)
    for line, row in rows[1:]:
        if len(row) > width:
            raise ConfigError(f"{name}: line {line} has {len(row)} cells, but there are {width} headings")
    return Sheet(headings, tuple(tuple(row) + ("",) * (width - len(row)) for _, row in rows[1:]))


def unguarded(lines: Sheet) -> Sheet:
    """The sheet without the quotes that stand before formulas, where it is a table that was exported.

    That one tells of each row the page and the item, as no table of one's own does.
    """
    if not _LINEAGE.issubset(lines.headings):
        return lines
    return Sheet(lines.headings, tuple(tuple(_GUARD.sub("", cell) for cell in line) for line in lines.lines))


def _trimmed(row: list[str]) -> list[str]:
    """The cells up to the last that is not blank."""
    most = max(place for place, cell in enumerate(row, 1) if cell.strip())
    return row[:most]


def _rows(text: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    """The rows with the line each begins on; a last one of `_END` alone unless a quote before it is open."""
    csv.field_size_limit(max(csv.field_size_limit(), len(text) + len(_END) + 1))
    reader = csv.reader(io.StringIO(f"{text}\n{_END}", newline=""), delimiter=separator)
    begins = 1
    for row in reader:
        yield begins, row
        begins = reader.line_num + 1
