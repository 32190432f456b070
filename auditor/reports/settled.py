"""A PDF as bytes: every object worded once, those that are no streams packed together once."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Iterable, Sequence
from typing import BinaryIO, Protocol, TypeGuard

_LEVEL = 6
_HEAD = b"%PDF-1.7\n%\xf0\x9f\x96\xa4\n"
"""The second line has bytes that tell programs the file is no text."""


class Drawn(Protocol):
    """An object of the library that draws."""

    number: int
    free: str

    @property
    def compressible(self) -> bool:
        """Whether it may stand in an object stream, as all but streams may."""

    @property
    def reference(self) -> bytes:
        """What other objects say to mean it."""

    @property
    def data(self) -> bytes:
        """Its bytes, made anew whenever they are asked for."""


class DrawnStream(Drawn, Protocol):
    """A stream: the pieces it is joined of, what its dictionary says, and whether it is to be packed."""

    stream: list[object]
    extra: dict[str, object]
    compress: bool


class Unwritten(Protocol):
    """A PDF before it is written."""

    objects: list[Drawn]
    catalog: Drawn
    info: Drawn
    write: Callable[[BinaryIO, object, object, object], None]

    def add_object(self, made: Drawn, /) -> None:
        """Gives the object the next number."""


def settle(document: object, pdf: Unwritten) -> None:
    """Has the PDF written by `written`.

    The library's own writer packs the objects twice and as tightly as can be, for an identifier and for the file, which
    takes as long as drawing several pages.
    """
    del document

    def write(output: BinaryIO, version: object, identifier: object, compress: object) -> None:
        del version, identifier, compress
        output.write(written(pdf))

    pdf.write = write


def written(pdf: Unwritten) -> bytes:
    """The file, PDF 1.7 with an object stream and a cross-reference stream; its identifier is a hash of its content."""
    pdf.add_object(pdf.info)
    parts = [_HEAD]
    at = len(_HEAD)
    places: dict[int, tuple[int, int, int]] = {0: (0, 0, 65535)}
    packed: list[tuple[int, bytes]] = []
    for drawn in pdf.objects:
        if _streams(drawn):
            places[drawn.number] = (1, at, 0)
            parts.append(_indirect(drawn.number, _packed(drawn)))
            at += len(parts[-1])
        elif drawn.free != "f":
            places[drawn.number] = (2, len(pdf.objects), len(packed))
            packed.append((drawn.number, said(drawn)))
    last = len(pdf.objects)
    places[last] = (1, at, 0)
    parts.append(_indirect(last, _together(packed)))
    at += len(parts[-1])
    places[last + 1] = (1, at, 0)
    digest = b"<%b>" % hashlib.sha256(b"".join(parts)).hexdigest()[:32].encode()
    says: dict[str, object] = {"Root": pdf.catalog.reference, "Info": pdf.info.reference, "ID": [digest, digest]}
    parts.append(_indirect(last + 1, _table([places[number] for number in range(last + 2)], says)))
    parts.append(b"startxref\n%d\n%%%%EOF\n" % at)
    return b"".join(parts)


def said(value: object) -> bytes:
    """The value as it stands in a PDF, the bytes the library makes of it.

    >>> said({"Type": "/Page", "Kids": [1, 2.5]})
    b'<</Type /Page/Kids [1 2.5]>>'
    """
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode("ascii")
    if isinstance(value, dict):
        return b"<<%b>>" % b"".join([b"/%b %b" % (said(key), said(held)) for key, held in value.items()])
    if isinstance(value, list):
        return b"[%b]" % b" ".join(map(said, value))
    if isinstance(value, float):
        return b"%d" % value if value.is_integer() else f"{value:f}".rstrip("0").encode("ascii")
    return b"%d" % value if isinstance(value, int) else _data(value)


def _data(value: object) -> bytes:
    data: bytes = getattr(value, "data", b"null")
    return data


def _streams(drawn: Drawn) -> TypeGuard[DrawnStream]:
    return drawn.free != "f" and not drawn.compressible


def _packed(drawn: DrawnStream) -> bytes:
    """The stream with its dictionary, packed when it is to be."""
    plain = _lines(drawn.stream)
    return _stream(drawn.extra, plain) if drawn.compress else _framed({**drawn.extra, "Length": len(plain)}, plain)


def _lines(pieces: Iterable[object]) -> bytes:
    return b"\n".join([piece if isinstance(piece, bytes) else said(piece) for piece in pieces])


def _stream(says: dict[str, object], plain: bytes) -> bytes:
    data = zlib.compress(plain, _LEVEL)
    return _framed({**says, "Filter": "/FlateDecode", "Length": len(data)}, data)


def _framed(says: dict[str, object], data: bytes) -> bytes:
    return b"%b\nstream\n%b\nendstream" % (said(says), data)


def _indirect(number: int, data: bytes) -> bytes:
    """The object under its number."""
    return b"%d 0 obj\n%b\nendobj\n" % (number, data)


def _together(packed: Sequence[tuple[int, bytes]]) -> bytes:
    """The stream of objects: first where each begins, then all of them."""
    starts: list[bytes] = []
    at = 0
    for number, data in packed:
        starts.append(b"%d %d" % (number, at))
        at += len(data) + 1
    index = b" ".join(starts) + b"\n"
    says: dict[str, object] = {"Type": "/ObjStm", "N": len(packed), "First": len(index)}
    return _stream(says, index + b"\n".join([data for _, data in packed]))


def _table(entries: Sequence[tuple[int, int, int]], says: dict[str, object]) -> bytes:
    """The cross-reference stream: of each object its kind, where it stands, and its place there."""
    wide = (max(where for _, where, _ in entries).bit_length() + 7) // 8
    lines = [
        b"%c%b%b" % (kind, where.to_bytes(wide, "big"), place.to_bytes(4, "big")) for kind, where, place in entries
    ]
    return _stream({"Type": "/XRef", "Size": len(entries), "W": [1, wide, 4], **says}, b"".join(lines))
