"""Files beside the one they are to become: each is locked while its run lives, what dead runs left is taken away."""

from __future__ import annotations

import fcntl
import os
import re
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_END = ".part"
_LONGEST = 240
"""Bytes of a file's name to which more can be put."""


@contextmanager
def open_beside(path: Path, *, elsewhere: bool = False) -> Iterator[tuple[int, Path]]:
    """A new file beside `path`, or `elsewhere` among temporary files: its descriptor and its place.

    It is gone afterwards where nobody put it into another place. Leftovers for the same path go first.
    """
    if not elsewhere:
        _sweep(path)
    number, place = _created(path, folder=None if elsewhere else path.parent)
    try:
        yield number, place
    finally:
        place.unlink(missing_ok=True)
        os.close(number)


def _created(path: Path, *, folder: Path | None) -> tuple[int, Path]:
    """A new file that is locked; one that another run took for a leftover before it was locked is left to that."""
    while True:
        number, name = tempfile.mkstemp(dir=folder, prefix=_beginning(path), suffix=_END)
        if _is_ours(number, Path(name)):
            return number, Path(name)
        os.close(number)


def _beginning(path: Path) -> str:
    """What the names begin with; of a name that leaves no room for more only its beginning."""
    name = path.name if len(os.fsencode(path.name)) <= _LONGEST else path.name[: _LONGEST // 4]
    return f".{name}."


def _is_ours(number: int, place: Path) -> bool:
    """Whether nobody else had the file locked; where files cannot be locked nobody takes them for leftovers either."""
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return _is_at(number, place)


def _sweep(path: Path) -> None:
    """Remove what runs that died left beside `path`; files that are locked belong to runs that live."""
    left = re.compile(rf"{re.escape(_beginning(path))}[a-z0-9_]{{8}}{re.escape(_END)}")
    with suppress(OSError), os.scandir(path.parent) as found:
        names = [entry.name for entry in found if left.fullmatch(entry.name)]
        for name in names:
            with suppress(OSError):
                _remove(path.parent / name)


def _remove(place: Path) -> None:
    number = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if stat.S_ISREG(os.fstat(number).st_mode) and _is_at(number, place):
            place.unlink()
    finally:
        os.close(number)


def _is_at(number: int, place: Path) -> bool:
    """Whether the open file is the one that lies there."""
    try:
        return os.path.samestat(os.fstat(number), place.lstat())
    except FileNotFoundError:
        return False
