"""The file form of a page: one zstd frame, then a skippable frame with the SHA-256 of the first.

`zstd -d` reads such a file; the seal makes every flipped bit of the file show, even one that decompresses alike.
"""

from __future__ import annotations

import hashlib
import re
import threading
from pathlib import Path

import zstandard

from auditor.errors import ArchiveError
from auditor.evidence.remote import Remote
from auditor.frozen import dataclass

_DIGEST = 32
_SEAL = b"\x50\x2a\x4d\x18" + _DIGEST.to_bytes(4, "little")
_SEALED = len(_SEAL) + _DIGEST
_NAME = re.compile(r"([0-9a-f]{2})/\1[0-9a-f]{62}\.zst")


class _Kept(threading.local):
    """What compresses and what decompresses, made once a thread."""

    def __init__(self) -> None:
        self.compressor = zstandard.ZstdCompressor(level=3, write_checksum=True)
        self.decompressor = zstandard.ZstdDecompressor()


_KEPT = _Kept()


@dataclass(frozen=True, slots=True)
class Sealed:
    """A page on its way to its file: the SHA-256 and the size of its body, and the bytes of the file."""

    sha256: str
    size: int
    stored: bytes

    def body(self) -> bytes:
        """The body, decompressed."""
        return unsealed(self.stored, sha256=self.sha256)


def sealed(body: bytes) -> bytes:
    """The bytes of the page's file."""
    frame = _KEPT.compressor.compress(body)
    return frame + _SEAL + hashlib.sha256(frame).digest()


def seal_of(stored: bytes) -> str:
    """The SHA-256 of the compressed body, as the end of the page's file tells it."""
    return stored[-_DIGEST:].hex()


def unsealed(stored: bytes, *, sha256: str, seal: str | None = None) -> bytes:
    """The body in a page's file, which is the one named. Raises `ArchiveError` when a bit is not as written.

    Where the file has the `seal` its entry tells, it is the file that was written when the body was hashed, and holds
    that body: it is not hashed again.
    """
    frame, end = stored[:-_SEALED], stored[-_SEALED:]
    if end != _SEAL + hashlib.sha256(frame).digest():
        raise ArchiveError("the file is not as it was written")
    try:
        body = _KEPT.decompressor.decompress(frame)
    except (zstandard.ZstdError, MemoryError) as error:
        raise ArchiveError(f"the file does not decompress ({str(error) or 'it tells of too large a size'})") from error
    found = sha256 if seal == seal_of(end) else hashlib.sha256(body).hexdigest()
    if found != sha256:
        raise ArchiveError(f"it holds sha256:{found}")
    return body


def page_name(sha256: str) -> str:
    """Where a page lies below `pages/`.

    >>> page_name("ab" + "0" * 62)[:8]
    'ab/ab000'
    """
    return f"{sha256[:2]}/{sha256}.zst"


def is_page_name(name: str) -> bool:
    """Whether a path relative to `pages/` is one `page_name` gives."""
    return _NAME.fullmatch(name) is not None


def page_files(pages: Path | Remote) -> list[str]:
    """Every file below `pages/`, relative to it, sorted; temporary and foreign ones too."""
    if isinstance(pages, Remote):
        return pages.names()
    return sorted(str(path.relative_to(pages)) for path in pages.rglob("*") if not path.is_dir() or path.is_symlink())
