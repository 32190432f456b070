"""The lock that lets one writer at a time into an archive.

The kernel's lock on the file `lock` decides, so a holder that died never blocks; what the file says names the
holder. A holder that leaves in order empties the file: text in a free lock tells that the last one was killed.
"""

from __future__ import annotations

import fcntl
import json
import os
import platform
from datetime import datetime
from pathlib import Path

from auditor.errors import ArchiveError
from auditor.frozen import dataclass
from auditor.model.window import iso

LOCK = "lock"


@dataclass(frozen=True, slots=True)
class Lock:
    """A held lock; `abandoned` is true when the holder before this one was killed."""

    descriptor: int
    abandoned: bool

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
    abandoned = bool(os.read(descriptor, 1))
    text = json.dumps({"pid": os.getpid(), "host": platform.node(), "since": iso(now)}).encode()
    os.pwrite(descriptor, text, 0)
    os.ftruncate(descriptor, len(text))
    os.fsync(descriptor)
    return Lock(descriptor, abandoned)


def _named(holder: bytes) -> str:
    try:
        fields = json.loads(holder)
        return f"process {fields['pid']} on {fields['host']} since {fields['since']}"
    except (ValueError, KeyError, TypeError):
        return "another process"
