"""Archives on an object store, seen the way folders are seen, for reading only (extra `cloud`).

Credentials are those of the environment, by the names obstore, Polars and Delta Lake share: see docs/cloud.md.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from types import MappingProxyType
from typing import IO, TYPE_CHECKING, Self

from auditor.errors import ArchiveError, ConfigError
from auditor.frozen import dataclass

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer
    from obstore.store import ObjectStore

SCHEMES = ("s3://", "abfss://", "gs://")
OPTIONS: Mapping[str, str] = MappingProxyType({"allow_http": "true"})
"""What Polars and Delta Lake are told beside the environment: an endpoint of http:// is taken as it is named."""

_PLAIN = re.compile(r"[a-z0-9]+://[A-Za-z0-9._@-]+(?:/[A-Za-z0-9._=+~-]+)*/?")
_BLOCK = 1 << 20
_WAIT = timedelta(seconds=20)
_STATUS = re.compile(r"\b([345]\d\d [A-Z][A-Za-z]+(?: [A-Z][A-Za-z]+)*)")
_CODE = re.compile(r"<Code>([A-Za-z]+)</Code>")
# where the clients ask a cloud for credentials when the environment holds none
_NO_CREDENTIALS = ("token request", "169.254.", "metadata.google.internal", "credential")


def is_remote(place: str) -> bool:
    """Whether the text is an address and not a folder.

    >>> is_remote("s3://bucket/archive"), is_remote("audits/archive")
    (True, False)
    """
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", place) is not None


@dataclass(frozen=True, slots=True)
class Remote:
    """A name below an archive on an object store; what readers ask of a path, it answers."""

    store: ObjectStore
    address: str
    below: str = ""

    def __truediv__(self, name: str, /) -> Self:
        return type(self)(self.store, self.address, f"{self.below}/{name}" if self.below else name)

    def __str__(self) -> str:
        return f"{self.address}/{self.below}" if self.below else self.address

    def read_bytes(self) -> bytes:
        """The whole object. Raises `FileNotFoundError` when there is none."""
        import obstore

        with _understood(self):
            return bytes(obstore.get(self.store, self.below).bytes())

    def open(self, mode: str) -> IO[bytes]:
        """The object as a file that is read block by block. Raises `FileNotFoundError` when there is none."""
        import obstore

        if mode != "rb":
            raise ValueError("an object store is read only")
        with _understood(self):
            size = obstore.head(self.store, self.below)["size"]
        return io.BufferedReader(_Blocks(self, size), buffer_size=_BLOCK)

    def is_dir(self) -> bool:
        """Whether there are objects below the name."""
        return next(self._listed(), None) is not None

    def exists(self) -> bool:
        """Whether there are objects below the name."""
        return self.is_dir()

    def names(self) -> list[str]:
        """The names of all objects below, relative to this one, sorted."""
        skipped = len(self.below) + 1 if self.below else 0
        return sorted(name[skipped:] for name in self._listed())

    def _listed(self) -> Iterator[str]:
        import obstore

        with _understood(self):
            for some in obstore.list(self.store, prefix=self.below or None):
                for each in some:
                    yield each["path"]


class _Blocks(io.RawIOBase):
    """An object read by ranges, as the buffer in front of it asks."""

    def __init__(self, place: Remote, size: int) -> None:
        self._place = place
        self._size = size
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = start + offset
        return self._at

    def readinto(self, buffer: WriteableBuffer) -> int:
        import obstore

        room = memoryview(buffer)
        end = min(self._at + len(room), self._size)
        if end <= self._at:
            return 0
        with _understood(self._place):
            content = bytes(obstore.get_range(self._place.store, self._place.below, start=self._at, end=end))
        room[: len(content)] = content
        self._at += len(content)
        return len(content)


def remote(address: str) -> Remote:
    """The place an address names. Nothing is asked of the store yet.

    Raises `ConfigError` when the address is none of an object store, or the extra `cloud` is not installed.
    """
    if not address.startswith(SCHEMES):
        raise ConfigError(f"{_shown(address)}: an archive is a folder, or below {', '.join(SCHEMES)}")
    if _PLAIN.fullmatch(address) is None:
        raise ConfigError(f"{_shown(address)}: only letters, digits and ._=+~- may stand between the slashes")
    try:
        from obstore.exceptions import BaseError
        from obstore.store import from_url
    except ModuleNotFoundError:
        raise ConfigError("an object store needs the extra cloud: pip install 'webex-auditor[cloud]'") from None
    try:
        store = from_url(
            address.rstrip("/"),
            client_options={"allow_http": True, "connect_timeout": _WAIT},
            retry_config={"max_retries": 3, "retry_timeout": _WAIT},
        )
    except (BaseError, ValueError) as error:
        raise ConfigError(f"{address}: {reason(error)}") from None
    return Remote(store, address.rstrip("/"))


@contextmanager
def _understood(place: Remote) -> Iterator[None]:
    """What a store refuses as errors of ours; their text holds no part of a request, where secrets may stand."""
    from obstore.exceptions import BaseError, NotFoundError

    try:
        yield
    except (FileNotFoundError, NotFoundError) as error:
        if "NoSuchBucket" in str(error):
            raise ArchiveError(f"{place.address}: there is no such bucket") from None
        raise FileNotFoundError(2, "not found", str(place)) from None
    except (BaseError, PermissionError) as error:
        raise ArchiveError(f"{place.address}: {reason(error)}") from None


def reason(error: Exception) -> str:
    """Why a store did not answer, in our words, with the status and code it gave."""
    told = str(error).split("Debug source", maxsplit=1)[0]
    status, code = _STATUS.search(told), _CODE.search(told)
    if any(sign in told.lower() for sign in _NO_CREDENTIALS) and code is None:
        return "no credentials were found in the environment; see docs/cloud.md"
    if status is None:
        return "the store does not answer; are its address and region right?"
    said = f"{status[1]}, {code[1]}" if code else status[1]
    if status[1][:3] in {"401", "403"}:
        return f"the store refuses access ({said}); the credentials are those of the environment"
    return f"the store answers {said}"


def _shown(address: str) -> str:
    """The address as far as it is sure to hold no secret."""
    return f"{address.partition('://')[0]}://…"
