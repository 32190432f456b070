"""Files that a reader sees whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from auditor.errors import ReportError


def check_writable(path: Path) -> None:
    """Nothing when `write_file` could write there now; else the same `ReportError` as it, and no file is touched."""
    if path.is_symlink():
        path = path.resolve()
    if path.is_dir():
        raise ReportError(f"{path}: is a folder")
    if path.exists() and not path.is_file():
        return
    try:
        number, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise ReportError(f"{path}: cannot be written: {error.strerror}") from error
    os.close(number)
    Path(name).unlink()


def write_file(path: Path, data: bytes) -> None:
    """The file holds exactly these bytes afterwards, or what it held before.

    The bytes are on disk before the name points to them. Permissions are those of the umask. A device, a pipe
    or a link is written through and stays what it is.
    """
    if path.is_symlink():
        path = path.resolve()
    if path.exists() and not path.is_file():
        if path.is_dir():
            raise ReportError(f"{path}: is a folder")
        path.write_bytes(data)
        return
    try:
        _replace(path, data)
    except OSError as error:
        raise ReportError(f"{path}: cannot be written: {error.strerror}") from error


def _replace(path: Path, data: bytes) -> None:
    number, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    beside = Path(name)
    try:
        with os.fdopen(number, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.chmod(0o666 & ~_umask())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def _umask() -> int:
    """The umask, which can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
