"""Files to import, read into pages: JSON that was saved, CSV that was exported.

A page decompresses to JSON whose `items[item]` is the record, as with any page. A saved response of usual size is
a page as it is. Of other JSON the records are kept letter by letter and wrapped, a thousand a page. A line of a
CSV file becomes an object of its cells by heading. The file's name and SHA-256 stand in the manifest.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import polars as pl
from polars.exceptions import PolarsError

from auditor.errors import ConfigError, said
from auditor.evidence.entry import IMPORT, JsonValue
from auditor.evidence.items import stands_twice
from auditor.evidence.redact import item_spans
from auditor.frozen import dataclass
from auditor.model.window import Window
from auditor.tables import reading
from auditor.tables.controlhub import columns_of, time_formats, zoneless
from auditor.tables.csvfile import Sheet, sheet, text_of, unguarded
from auditor.tables.hasty import cut, first_fields
from auditor.tables.kinds import KINDS
from auditor.tables.record import Kind

RECORDS_A_PAGE = 1000
_LARGEST_WHOLE = 1 << 21
_LOOKED_AT = 50
_TELLING = 2


@dataclass(frozen=True, slots=True)
class Incoming:
    """A file that was understood: its kind of records, how they are read, its pages, whether they name sites.

    `digests` are the SHA-256 of the pages. `items` has how many items each page ought to have, None where any number
    will do; a file with other pages was not understood after all. It is None for a file that was read with care.
    """

    name: str
    sha256: str
    kind: Kind
    options: Mapping[str, str]
    bodies: tuple[bytes, ...]
    digests: tuple[str, ...]
    sites: bool
    items: tuple[int | None, ...] | None = None

    @property
    def endpoint(self) -> str:
        """The endpoint of the unit the file becomes."""
        return f"{IMPORT}{self.kind.name}"


def incoming(path: Path, *, kind: str | None, zone: str | None, span: Window | None, careful: bool = True) -> Incoming:
    """The file as pages. Raises `ConfigError` when it is not known what it holds, or its times need a zone.

    Without care a JSON file of a usual form is cut into pages by its beginning, its end and its lines alone.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: {said(error)}") from None
    digest = hashlib.sha256(content).hexdigest()
    zoned = {} if zone is None else {reading.ZONE: zone}
    start = content[:4096].lstrip(b"\xef\xbb\xbf\xff\xfe\0 \t\r\n")[:1]
    if start in {b"{", b"["}:
        pages = None if careful else cut(content, most=_LARGEST_WHOLE, records=RECORDS_A_PAGE)
        bodies = tuple(_json_pages(content, name=path.name) if pages is None else (page.body for page in pages))
        fields = first_fields(bodies[0], records=_LOOKED_AT) if bodies else None
        if pages is not None and fields is None:
            return incoming(path, kind=kind, zone=zone, span=span)
        fields = fields or _sample(bodies)
        found, options = _kind_of(fields, kind, name=path.name)
        sites = _names_sites(found, fields, options)
        digests = tuple(digest if body is content else hashlib.sha256(body).hexdigest() for body in bodies)
        items = None if pages is None else tuple(page.items for page in pages)
        return Incoming(path.name, digest, found, {**zoned, **options}, bodies, digests, sites, items)
    lines = unguarded(sheet(text_of(content, name=path.name), name=path.name))
    found, options = _csv_kind(lines, kind, span=span, zone=zone, name=path.name)
    sites = _names_sites(found, set(lines.headings), options)
    bodies = tuple(_csv_pages(lines))
    digests = tuple(hashlib.sha256(body).hexdigest() for body in bodies)
    return Incoming(path.name, digest, found, {**zoned, **options}, bodies, digests, sites)


def _json_pages(content: bytes, *, name: str) -> Iterator[bytes]:
    """The pages of a saved response, an array, or one record or response a line."""
    body = content.removeprefix(b"\xef\xbb\xbf")
    if len(body) <= _LARGEST_WHOLE and _is_response(body):
        yield body
        return
    text = text_of(content, name=name)
    lines = [line for line in text.split("\n") if line.strip()]
    if text.lstrip("\ufeff \t\r\n").startswith("{") and len(lines) > 1 and _are_records(text, lines):
        yield from _line_pages(lines)
        return
    yield from _wrapped(_records(text, name=name))


def _are_records(text: str, lines: Sequence[str]) -> bool:
    """Whether each line is one JSON document: the first one is, or most are objects and the text as a whole is none."""
    if _parsed(lines[0]) is not None:
        return True
    return _parsed(text) is None and 2 * sum(isinstance(_parsed(line), dict) for line in lines) > len(lines)


def _is_response(body: str | bytes) -> bool:
    document = _parsed(body)
    return isinstance(document, dict) and "items" in document


def _parsed(text: str | bytes) -> JsonValue:
    """The JSON value of a text in UTF-8, None when it is none; long numbers are as near as they can be."""
    try:
        parsed: JsonValue = json.loads(text if isinstance(text, str) else text.decode(), parse_int=float)
    except (ValueError, RecursionError):
        return None
    return parsed


def _line_pages(lines: Sequence[str]) -> Iterator[bytes]:
    """Pages of one record a line; lines that are responses are pages themselves."""
    waiting: list[str] = []
    first = next((parsed for parsed in map(_parsed, lines) if isinstance(parsed, dict)), {})
    for line in lines:
        if "items" in first and _is_response(line):
            yield _encoded(line.strip())
            continue
        waiting.append(line.strip())
        if len(waiting) == RECORDS_A_PAGE:
            yield _lines_page(waiting)
            waiting = []
    if waiting:
        yield _lines_page(waiting)


def _lines_page(lines: Sequence[str]) -> bytes:
    """A page of lines; one that is no JSON stands there as a text, and becomes a gap of its own."""
    page = next(_wrapped(lines))
    try:
        read = pl.read_json(page, schema={"items": pl.List(pl.Struct({"meetingId": pl.String}))})["items"]
        if read.list.len().item() == len(lines):
            return page
    except PolarsError:
        pass
    return next(_wrapped([line if _is_json(line) else json.dumps(line) for line in lines]))


def _is_json(line: str) -> bool:
    return _parsed(line) is not None or line == "null"


def _records(text: str, *, name: str) -> Iterator[str]:
    """The records of one JSON document letter by letter: of `items`, of an array, or the document itself."""
    decoder = json.JSONDecoder(parse_int=float)
    place = _skip(text, 0)
    if text[place] == "{":
        document = _parsed(text)
        if not isinstance(document, dict):
            raise ConfigError(f"{name}: it is no JSON, and not one JSON record a line")
        if "items" not in document:
            yield text[place:].strip()
            return
        if stands_twice(_encoded(text), "items"):
            raise ConfigError(f"{name}: it has items twice, and nobody can tell which are meant")
        spans = item_spans(text)
        if spans is None:
            raise ConfigError(f"{name}: its items are no list")
        yield from (text[start:stop] for start, stop, _ in spans)
        return
    place = _skip(text, place + 1)
    try:
        while text[place] != "]":
            _, end = decoder.raw_decode(text, place)
            yield text[place:end]
            place = _skip(text, end)
            if text[place] == ",":
                place = _skip(text, place + 1)
    except (ValueError, IndexError, RecursionError):
        raise ConfigError(f"{name}: it is no JSON from character {place} on") from None
    place = _skip(text, place + 1)
    if place < len(text):
        raise ConfigError(f"{name}: it is no JSON from character {place} on, where its list of records has ended")


def _skip(text: str, place: int) -> int:
    while place < len(text) and text[place] in " \t\r\n\ufeff":
        place += 1
    return place


def _wrapped(records: Iterator[str] | Sequence[str]) -> Iterator[bytes]:
    """Pages of a thousand records."""
    waiting: list[str] = []
    for record in records:
        waiting.append(record)
        if len(waiting) == RECORDS_A_PAGE:
            yield _page(waiting)
            waiting = []
    if waiting:
        yield _page(waiting)


def _page(records: Sequence[str]) -> bytes:
    return b'{"items":[' + _encoded(",".join(records)) + b"]}"


def _encoded(text: str) -> bytes:
    """JSON as UTF-8; lone surrogates, which that has no bytes for, as escapes."""
    return text.encode("utf-8", "backslashreplace")


def _csv_pages(lines: Sheet) -> Iterator[bytes]:
    return _wrapped(
        json.dumps(dict(zip(lines.headings, line, strict=True)), ensure_ascii=False) for line in lines.lines
    )


def _sample(bodies: Sequence[bytes]) -> set[str]:
    """The names of the fields of the first records."""
    for body in bodies:
        document = _parsed(body)
        items = document.get("items") if isinstance(document, dict) else None
        if isinstance(items, list) and items:
            return {name for item in items[:_LOOKED_AT] if isinstance(item, dict) for name in item}
    return set()


def _kind_of(names: set[str], asked: str | None, *, name: str) -> tuple[Kind, dict[str, str]]:
    """The kind whose fields the names are, and how they are read: as the API's, the columns', or each its own way."""
    try:
        kind, options = _kind_by(frozenset(names), asked)
    except ConfigError as error:
        raise ConfigError(f"{name}: {error}") from None
    return kind, dict(options)


@lru_cache(maxsize=32)
def _kind_by(names: frozenset[str], asked: str | None) -> tuple[Kind, Mapping[str, str]]:
    kinds = [KINDS[asked]] if asked is not None else list(KINDS.values())
    scores = sorted(
        ((_fitting(names, kind, style, known), kind.name, style) for kind in kinds for style, known in _known(kind)),
        reverse=True,
    )
    best = scores[0]
    rivals = {found for score, found, _ in scores if score == best[0]}
    if asked is None and (best[0] < _TELLING or len(rivals) > 1):
        raise ConfigError(f"its fields do not tell what it holds; --as would, one of {', '.join(KINDS)}")
    style = next(style for score, found, style in reversed(scores) if (score, found) == best[:2])
    kind = KINDS[best[1]]
    spelled = _spelled(kind, names)
    if names and not spelled and not best[0]:
        raise ConfigError(f"none of its fields is one of {kind.name}")
    if names & {child.name for child in kind.children}:
        return kind, {reading.NAMES: "api"}
    if style == "mixed" or len(spelled) > len(names & dict(_known(kind))[style]):
        return kind, {reading.NAMES: "mixed", reading.MAPPING: json.dumps(spelled, ensure_ascii=False)}
    return kind, {reading.NAMES: style}


def _fitting(names: frozenset[str], kind: Kind, style: str, known: set[str]) -> int:
    """How many of the names the kind knows; those that fill no column count where enough others do."""
    found = len(names & known)
    return found + len(names & kind.also) if style == "api" and found >= _TELLING else found


def _spelled(kind: Kind, names: Iterable[str]) -> dict[str, str]:
    """The fields of the kind by API name, with what the file calls them; case, spaces and `_` tell nothing apart."""
    told = {_letters(name): name for name in sorted(names, reverse=True)}
    exact = {name: name for name in names}
    spelled = {}
    for field in kind.fields:
        known_as = (field.name, field.column, field.exported)
        for known in (*map(exact.get, known_as), told.get(_letters(field.column))):
            if known is not None:
                spelled[field.name] = known
                break
    return spelled


def _letters(name: str) -> str:
    return "".join(filter(str.isalnum, name.casefold()))


def _names_sites(kind: Kind, names: set[str], options: Mapping[str, str]) -> bool:
    """Whether the records name the site they are of."""
    if options[reading.NAMES] == "mixed":
        return "siteUrl" in json.loads(options[reading.MAPPING])
    read = {"siteUrl"} if options[reading.NAMES] == "api" else {"siteUrl", "site_url"}
    return kind.site and bool(read & names)


def _known(kind: Kind) -> tuple[tuple[str, set[str]], ...]:
    api = {field.name for field in kind.fields} | {child.name for child in kind.children}
    columns = {field.column for field in kind.fields}
    return ("api", api), ("columns", columns), ("mixed", api | columns)


def _csv_kind(
    lines: Sheet, asked: str | None, *, span: Window | None, zone: str | None, name: str
) -> tuple[Kind, dict[str, str]]:
    """What a CSV file holds: an export of Control Hub, or a table whose headings are columns."""
    found = columns_of(lines, name=name) if asked in {None, "attendees"} else None
    if found is not None:
        formats = time_formats(lines, found, span=span, name=name)
        if zone is None and zoneless(lines, found, formats):
            raise ConfigError(f"{name}: its times name no zone; --timezone tells which one they are in")
        options = {
            reading.NAMES: "controlhub",
            reading.MAPPING: json.dumps(found, ensure_ascii=False),
            reading.FORMATS: "\n".join(formats),
        }
        return KINDS["attendees"], options
    return _kind_of(set(lines.headings), asked, name=name)
