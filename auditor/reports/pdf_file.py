"""A PDF from anybody, read within limits: its attachments, its words, its fonts. Needs the extra `sign`."""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from auditor.errors import AuditorError, ReportError
from auditor.frozen import dataclass
from auditor.reports.sign import extra
from auditor.reports.text import visible

if TYPE_CHECKING:
    from pyhanko.pdf_utils.generic import DictionaryObject
    from pyhanko.pdf_utils.reader import PdfFileReader

MOST_BYTES = 512 * 2**20
_MOST_RATIO, _ALWAYS = 100, 16 * 2**20
"""A stream may grow a hundredfold when it is unpacked, and to 16 MiB whatever its size."""
_MOST_FILES, _MOST_NODES = 50, 50_000

_SHOWN = re.compile(rb"/(\w++)\s++[-\d.]++\s++Tf\b|\[([^\[\]]*+)\]\s*+TJ\b|<([0-9A-Fa-f]++)>\s*+Tj\b")
_HEX = re.compile(rb"<([0-9A-Fa-f]++)>")
_MAPPED = re.compile(rb"<([0-9A-Fa-f]{4})>\s*+<([0-9A-Fa-f]{4,64})>")


@dataclass(frozen=True, slots=True)
class File:
    """An attachment; `data` is None when it cannot be unpacked, and `trouble` says why."""

    name: str
    data: bytes | None
    trouble: str = ""


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Within it, whatever the reader trips over in a foreign file becomes a `ReportError` about `what`."""
    try:
        yield
    except AuditorError:
        raise
    except Exception as error:
        told = visible(" ".join(str(error).split())) or type(error).__name__
        raise ReportError(f"{what} cannot be read: {told}") from error


@contextmanager
def quiet() -> Iterator[None]:
    """Within it the library does not write to the log what its results and errors tell anyway."""
    loggers = [logging.getLogger(name) for name in ("pyhanko", "pyhanko_certvalidator")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def read(data: bytes) -> PdfFileReader:
    """A reader of the PDF that unpacks no more than the file's size allows; `ReportError` when it is none."""
    with extra():
        from pyhanko.pdf_utils.decode_limits import DecodeLimits, DocumentDecodeBudget, StreamDecodeLimits
        from pyhanko.pdf_utils.reader import PdfFileReader
    if len(data) > MOST_BYTES:
        raise ReportError(f"the file is larger than {MOST_BYTES // 2**20} MiB")
    if b"%PDF-" not in data[:1024]:
        raise ReportError("the file is no PDF")
    limits = DecodeLimits(
        per_stream=StreamDecodeLimits(max_ratio=_MOST_RATIO, ratio_floor=_ALWAYS, max_output_size=MOST_BYTES),
        document_budget=DocumentDecodeBudget(base_allowance=16 * _ALWAYS, max_ratio=2 * _MOST_RATIO),
    )
    with reading("the PDF"):
        reader = PdfFileReader(io.BytesIO(data), decode_limits=limits)
        if reader.encrypted:
            raise ReportError("the PDF is encrypted")
        if reader.root["/Pages"] is None:
            raise ReportError("the PDF has no pages")
    return reader


def files(reader: PdfFileReader) -> tuple[File, ...]:
    """The attachments in the order of their names' tree."""
    with reading("the list of attachments"):
        names = entry(reader.root, "/Names")
        tree = names and entry(names, "/EmbeddedFiles")
        found: list[File] = []
        for leaf in leaves(tree) if tree else ():
            specs = leaf["/Names"]
            if len(found) + len(specs) > 2 * _MOST_FILES:
                raise ReportError(f"the PDF has more than {_MOST_FILES} attachments")
            found.extend(_file(specs[at]) for at in range(1, len(specs), 2))
        return tuple(found)


def entry(of: DictionaryObject, key: str) -> Any:
    """What the dictionary holds under the key, references followed; None when it holds nothing there."""
    try:
        return of[key]
    except KeyError:
        return None


def leaves(root: DictionaryObject) -> Iterator[DictionaryObject]:
    """The nodes without kids of a tree of pages or names, in order; `ReportError` when it has too many."""
    waiting = [root]
    met = 0
    while waiting:
        node = waiting.pop()
        met += 1
        kids = entry(node, "/Kids") or ()
        if met + len(waiting) + len(kids) > _MOST_NODES:
            raise ReportError(f"the PDF has more than {_MOST_NODES:,} pages or attachments")
        waiting.extend(kids[at] for at in reversed(range(len(kids))))
        if not kids:
            yield node


def _file(spec: DictionaryObject) -> File:
    name = str(spec["/UF"] if "/UF" in spec else spec["/F"])
    streams = spec["/EF"]
    try:
        with reading("it"):
            contents = {bytes(streams[key].data) for key in ("/F", "/UF") if key in streams}
    except ReportError as error:
        return File(name, None, str(error))
    if len(contents) != 1:
        return File(name, None, "it holds two different files" if contents else "it holds no file")
    return File(name, contents.pop())


def pages(reader: PdfFileReader) -> Iterator[DictionaryObject]:
    """The pages in order."""
    return leaves(reader.root["/Pages"])


def page_texts(reader: PdfFileReader) -> tuple[str, ...]:
    """What each page says, without the space between words; charts are left out.

    It reads text as this program's own PDFs hold it: composite fonts with two bytes a glyph and a table of what
    each glyph stands for.
    """
    known: dict[int, Mapping[bytes, str]] = {}
    with reading("the text"):
        return tuple(_page_text(page, known) for page in pages(reader))


def _page_text(page: DictionaryObject, known: dict[int, Mapping[bytes, str]]) -> str:
    fonts = _fonts(page)
    said: list[str] = []
    letters: Mapping[bytes, str] = {}
    for found in _SHOWN.finditer(page["/Contents"].data):
        if found[1] is not None:
            letters = _letters(fonts, f"/{found[1].decode()}", known)
            continue
        for glyphs in [found[3]] if found[3] is not None else _HEX.findall(found[2]):
            said.extend(letters.get(glyphs[at : at + 4].lower(), "\ufffd") for at in range(0, len(glyphs), 4))
    return "".join("".join(said).split())


def _fonts(page: DictionaryObject) -> DictionaryObject | None:
    resources = entry(page, "/Resources")
    fonts: DictionaryObject | None = resources and entry(resources, "/Font")
    return fonts


def _letters(fonts: DictionaryObject | None, name: str, known: dict[int, Mapping[bytes, str]]) -> Mapping[bytes, str]:
    """What the glyphs of a font stand for, by their four digits."""
    if fonts is None:
        return {}
    number = fonts.raw_get(name).idnum
    if number not in known:
        table = _MAPPED.findall(fonts[name]["/ToUnicode"].data)
        known[number] = {glyph.lower(): bytes.fromhex(text.decode()).decode("utf-16-be") for glyph, text in table}
    return known[number]


def font_names(reader: PdfFileReader) -> frozenset[str]:
    """The names of the fonts that pages use, without the mark of their subset."""
    with reading("the fonts"):
        return frozenset(
            str(fonts[name]["/BaseFont"]).rpartition("+")[2]
            for fonts in (_fonts(page) for page in pages(reader))
            if fonts is not None
            for name in fonts
        )


def variant(reader: PdfFileReader) -> str:
    """The kind of PDF its metadata claims: `pdf/ua-1`, else `pdf/a-3a`."""
    with reading("the metadata"):
        claims = entry(reader.root, "/Metadata")
        return "pdf/ua-1" if claims is not None and b"pdfuaid" in claims.data else "pdf/a-3a"
