"""The logo of a report: a PNG or SVG in a data URL, looked through before it is printed."""

from __future__ import annotations

import base64
import re
import zlib
from xml.etree.ElementTree import ParseError, XMLParser

from auditor.errors import ConfigError

_LOGO = re.compile(r"data:image/(png|svg\+xml);base64,([A-Za-z0-9+/=\s]+)")
_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def picture(logo: str) -> tuple[bytes, str]:
    """The bytes and the type of the picture.

    Raises `ConfigError` for another address, and for a picture that is damaged: it would be missing without a word.
    """
    data = _LOGO.fullmatch(logo)
    if data is None:
        raise ConfigError("report.logo is no PNG or SVG as a data URL")
    try:
        content = base64.b64decode(data[2])
    except ValueError as error:
        raise ConfigError(f"report.logo is no base64: {error}") from None
    damaged = _png_damage(content) if data[1] == "png" else _svg_damage(content)
    if damaged is not None:
        raise ConfigError(f"report.logo cannot be shown: {damaged}; give a whole PNG or SVG")
    return content, f"image/{data[1]}"


def _png_damage(content: bytes) -> str | None:
    """What is wrong with a PNG, by its own checksums and the stream of its pixels; None when nothing is."""
    if not content.startswith(_SIGNATURE):
        return "the PNG does not begin as one"
    place, kind, pixels = len(_SIGNATURE), b"", b""
    while kind != b"IEND":
        length, kind = int.from_bytes(content[place : place + 4]), content[place + 4 : place + 8]
        end = place + 8 + length
        if end + 4 > len(content):
            return "the PNG ends too early"
        if kind[:1].isupper() and zlib.crc32(content[place + 4 : end]) != int.from_bytes(content[end : end + 4]):
            return f"the PNG is damaged at byte {place}"
        if kind == b"IDAT":
            pixels += content[place + 8 : end]
        place = end + 4
    unpacked = zlib.decompressobj()
    try:
        unpacked.decompress(pixels, 1)
    except zlib.error:
        return "the pixels of the PNG are damaged"
    return None if pixels else "the PNG has no pixels"


def _svg_damage(content: bytes) -> str | None:
    """Where an SVG is no XML; None when it is."""
    parser = XMLParser()  # noqa: S314 - read as WeasyPrint reads it; entities are bounded by expat
    try:
        parser.feed(content)
        parser.close()
    except (ParseError, ValueError, LookupError) as error:
        return f"the SVG is damaged: {error}"
    return None
