"""Where things lie below an archive's folder, and how private files are made and kept."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, Self, TypeAlias, TypeVar

from auditor.errors import ArchiveError, said
from auditor.evidence.remote import Remote

EVIDENCE = "evidence"
TABLES = "tables"
NEXT = "next"
"""Where an erasure or a rebuild prepares what will take the place of `evidence/` and `tables/`."""


Place: TypeAlias = Path | Remote
"""Where an archive lies, for those who read it."""


class _Joined(Protocol):
    def __truediv__(self, name: str, /) -> Self: ...


AnyPlace = TypeVar("AnyPlace", bound=_Joined)


def manifest_path(folder: AnyPlace) -> AnyPlace:
    """The manifest of the archive in `folder`."""
    return folder / EVIDENCE / "manifest.jsonl"


def pages_path(folder: AnyPlace) -> AnyPlace:
    """The pages of the archive in `folder`."""
    return folder / EVIDENCE / "pages"


def make_private(folder: Path) -> list[Path]:
    """The folder is there, with all its parents; those made now, which come back, are their owner's alone (0700)."""
    missing = [path for path in reversed([folder, *folder.parents]) if not path.exists()]
    for path in missing:
        path.mkdir(mode=0o700, exist_ok=True)
    return missing


def half_written(path: Path) -> Path:
    """Where `write_private` writes what `path` is to hold; left behind only by a kill."""
    return path.with_name(f".{path.name}.tmp")


def write_private(path: Path, content: bytes) -> None:
    """The file holds `content` and belongs to its owner alone (0600): the whole of it or, killed midway, none."""
    temporary = half_written(path)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


@contextmanager
def written(folder: Path) -> Iterator[None]:
    """While something is written below an archive's folder: what the system refuses is an `ArchiveError`."""
    try:
        yield
    except OSError as error:
        words = str(error.filename) if error.filename else f"{folder}: the archive cannot be written"
        raise ArchiveError(f"{words}: {said(error)}") from error


def sync_folder(folder: Path) -> None:
    """The names in the folder are on disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
