"""Evidence and tables made anew take the place of the old ones, as one step for whoever reads the archive."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from auditor.errors import ArchiveError, said
from auditor.evidence.lock import alone, shared
from auditor.evidence.places import EVIDENCE, NEXT, TABLES, Place, sync_folder
from auditor.evidence.remote import Remote

_OLD = "old"
_READY = "ready"


@contextmanager
def reading(place: Place) -> Iterator[None]:
    """No file of the archive is taken away meanwhile; waits for whoever does so, and ends it for one who was killed."""
    if isinstance(place, Remote):
        yield
        return
    with shared(place):
        if not is_swapping(place):
            yield
            return
    end_swap(place)
    with shared(place):
        yield


def swap(folder: Path) -> None:
    """What stands in `next/` has taken the place of its namesakes; killed midway, `finish_swap` ends it."""
    following = folder / NEXT
    with alone(folder):
        (following / _READY).touch(mode=0o600)
        sync_folder(following)
        _put_in_place(folder)
    _remove(following)


def finish_swap(folder: Path) -> None:
    """No replacement is half done: one that was ready is in place, one that was not is gone."""
    end_swap(folder)
    _remove(folder / NEXT)


def is_swapping(folder: Path) -> bool:
    """Whether a replacement is half done; for who has a lock of the folder, its writer was killed."""
    return os.path.exists(folder / NEXT / _READY)  # noqa: PTH110 - a folder nobody may look into says no


def end_swap(folder: Path) -> None:
    """A replacement that was ready is in place; readers may do it, too. Raises `ArchiveError` when they may not."""
    if not is_swapping(folder):
        return
    with alone(folder):
        if is_swapping(folder):
            try:
                _put_in_place(folder)
            except OSError as error:
                raise ArchiveError(
                    f"{folder}: a run was killed while what it made took its place, and that cannot be ended here "
                    f"({said(error)}); archive compact ends it, by somebody who may write to the archive"
                ) from error


def _put_in_place(folder: Path) -> None:
    following = folder / NEXT
    for name in (EVIDENCE, TABLES):
        old = following / f"{_OLD}-{name}"
        if (following / name).exists():
            if (folder / name).exists():
                _remove(old)
                (folder / name).rename(old)
            (following / name).rename(folder / name)
    sync_folder(folder)
    for name in (EVIDENCE, TABLES):
        _remove(following / f"{_OLD}-{name}")
    (following / _READY).unlink()


def _remove(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)
