"""What a killed writer leaves behind, and its removal."""

from __future__ import annotations

import os
from pathlib import Path

from auditor.evidence.entry import PageEntry
from auditor.evidence.page import is_page_name, page_files
from auditor.evidence.places import manifest_path, pages_path
from auditor.evidence.reader import Evidence

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
