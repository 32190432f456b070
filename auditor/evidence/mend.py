"""What a killed writer leaves behind, and its removal."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from auditor.errors import ArchiveError, said
from auditor.evidence.entry import PageEntry
from auditor.evidence.lock import alone
from auditor.evidence.page import is_page_name, page_files
from auditor.evidence.places import EVIDENCE, NEXT, TABLES, manifest_path, pages_path, sync_folder
from auditor.evidence.reader import Evidence

_OLD = "old"
_READY = "ready"
_ROUNDED = 2_000_000_000
"""Nanoseconds by which file systems round the time of a file."""


def mend(folder: Path, *, killed: int | None) -> None:
    """The manifest ends with a whole line; every page that a killed run left below `pages/` has an entry.

    Only an unfinished last line is cut and, where the last holder of the lock was `killed`, only temporary files
    and pages without an entry that came since it began are removed: whatever else is wrong stays for `verify` to
    name. Older pages without an entry are what a manifest told of that was lost.
    """
    _cut_torn_line(manifest_path(folder))
    if killed is None:
        return
    pages = pages_path(folder)
    names = page_files(pages)
    cited = {entry.sha256 for entry in Evidence(folder).entries() if isinstance(entry, PageEntry)} if names else set()
    for name in names:
        path = pages / name
        temporary = path.name.startswith(".") and path.name.endswith(".zst.tmp")
        left = is_page_name(name) and path.stem not in cited and path.stat().st_mtime_ns > killed - _ROUNDED
        if temporary or left:
            path.unlink()


def _cut_torn_line(manifest: Path) -> None:
    try:
        size = manifest.stat().st_size
    except FileNotFoundError:
        return
    with manifest.open("r+b") as file:
        end = size
        while end:
            start = max(0, end - (1 << 16))
            file.seek(start)
            newline = file.read(end - start).rfind(b"\n")
            if newline >= 0:
                end = start + newline + 1
                break
            end = start
        if end < size:
            file.truncate(end)
            os.fsync(file.fileno())


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
