"""The locks of an archive: one writer at a time, and nobody who takes files away while others read them.

The kernel's lock on the file `lock` decides who writes, so a holder that died never blocks; what the file says names
the holder. A holder that leaves in order empties the file: text in a free lock tells that the last one was killed.
Who reads shares the lock of the archive's folder, which a writer has alone while it takes files away; what is only
added needs none. Where the system has no such locks, readers do without.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from auditor.errors import ArchiveError
from auditor.frozen import dataclass
from auditor.model.window import iso

LOCK = "lock"

_TURN = 0.05

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Lock:
    """A held lock; `killed` is when the holder before this one began, in nanoseconds, where that one was killed.

    Of several that were killed one after the other it is when the first began.
    """

    descriptor: int
    killed: int | None

    def keep_younger(self, written: int) -> None:
        """An open file is not older than the lock, whose holder wrote it, though the clock was set back since."""
        began = os.fstat(self.descriptor).st_mtime_ns
        if os.fstat(written).st_mtime_ns < began:
            os.utime(written, ns=(began, began))

    def release(self) -> None:
        """Leave in order."""
        os.ftruncate(self.descriptor, 0)
        os.close(self.descriptor)

    def abandon(self) -> None:
        """Leave so that the next holder looks for leftovers."""
        os.close(self.descriptor)


def acquire(folder: Path, now: datetime) -> Lock:
    """The lock of the archive in `folder`. Raises `ArchiveError` naming the holder when somebody has it."""
    try:
        descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except FileNotFoundError:
        raise ArchiveError(f"{folder} is no archive") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        holder = os.read(descriptor, 4096)
        os.close(descriptor)
        raise ArchiveError(f"{folder} is in use by {_named(holder)}; wait until it has finished") from None
    try:
        return Lock(descriptor, _signed(descriptor, now))
    except BaseException:
        os.close(descriptor)
        raise


def _signed(descriptor: int, now: datetime) -> int | None:
    """When the holder before began, if that one was killed; the file names us now."""
    killed = os.fstat(descriptor).st_mtime_ns if os.read(descriptor, 1) else None
    text = json.dumps({"pid": os.getpid(), "host": platform.node(), "since": iso(now)}).encode()
    os.pwrite(descriptor, text, 0)
    os.ftruncate(descriptor, len(text))
    if killed is not None:
        os.utime(descriptor, ns=(killed, killed))
    os.fsync(descriptor)
    return killed


@contextmanager
def shared(folder: Path) -> Iterator[None]:
    """Nobody has the archive alone meanwhile; waits for who has."""
    with _locked(folder, fcntl.LOCK_SH):
        yield


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Nobody reads the archive, or has the folder alone, meanwhile; waits for those who do."""
    with _locked(folder, fcntl.LOCK_EX):
        yield


@contextmanager
def _locked(folder: Path, kind: int) -> Iterator[None]:
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:  # whoever opens the archive says what is wrong with it
        yield
        return
    try:
        if not _taken(descriptor, kind, folder):
            _log.warning("%s is in use; waiting", folder)
            # asked again and again: no signal ends a wait of the kernel once Polars is there
            while not _taken(descriptor, kind, folder):
                time.sleep(_TURN)
        yield
    finally:
        os.close(descriptor)


def _taken(descriptor: int, kind: int, folder: Path) -> bool:
    """Whether the lock was taken, or the system has none."""
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        _log.debug("%s cannot be locked", folder, exc_info=error)
    return True


def _named(holder: bytes) -> str:
    try:
        fields = json.loads(holder)
        return f"process {fields['pid']} on {fields['host']} since {fields['since']}"
    except (ValueError, KeyError, TypeError, RecursionError):
        return "another process"
