"""The objects of a PDF as bytes made once: the writer asks for them twice, for the identifier and for the file."""

from __future__ import annotations

import zlib
from typing import Protocol, TypeGuard

_LEVEL = 6
_BEGIN, _END = b"\nstream\n", b"\nendstream"


class Drawn(Protocol):
    """An object of the writer."""

    number: int
    generation: int
    free: str

    @property
    def compressible(self) -> bool:
        """Whether it may stand in an object stream, as all but streams may."""

    @property
    def data(self) -> bytes:
        """Its bytes, made anew whenever they are asked for."""


class DrawnStream(Drawn, Protocol):
    """A stream of the writer: the pieces it is joined of, and what its dictionary says."""

    stream: list[bytes]
    extra: dict[str, str]
    compress: bool


class Settled:
    """An object whose bytes are known, in the form the writer reads."""

    __slots__ = ("compressible", "data", "free", "generation", "number", "offset")

    def __init__(self, drawn: Drawn) -> None:
        self.number, self.generation, self.free, self.offset = drawn.number, drawn.generation, drawn.free, 0
        self.compressible = drawn.compressible
        self.data = drawn.data

    @property
    def indirect(self) -> bytes:
        """The object under its number."""
        return b"%d %d obj\n%b\nendobj" % (self.number, self.generation, self.data)


class Unwritten(Protocol):
    """A PDF before it is written."""

    objects: list[Drawn | Settled]


def settle(document: object, pdf: Unwritten) -> None:
    """Puts the bytes of each object in its place, streams compressed."""
    del document
    for place, drawn in enumerate(pdf.objects):
        if drawn.free != "f" and not isinstance(drawn, Settled):
            if _streams(drawn):
                _pack(drawn)
            pdf.objects[place] = Settled(drawn)


def _streams(drawn: Drawn) -> TypeGuard[DrawnStream]:
    return not drawn.compressible


def _pack(drawn: DrawnStream) -> None:
    if drawn.compress:
        drawn.compress = False
        plain = drawn.data.partition(_BEGIN)[2].removesuffix(_END)
        drawn.stream = [zlib.compress(plain, _LEVEL)]
        drawn.extra["Filter"] = "/FlateDecode"
