"""Files that a reader sees whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO

from auditor.errors import ReportError, said
from auditor.frozen import dataclass
from auditor.reports.beside import open_beside

_IN_MEMORY = 32_000_000


@dataclass(frozen=True, slots=True)
class Laid:
    """Bytes laid out beside the file that is to hold them; a device or a pipe is `through`, and written to as it is."""

    target: Path
    beside: Path
    through: bool

    def place(self) -> None:
        """The file holds the bytes afterwards, or what it held before."""
        try:
            if self.through:
                with self.beside.open("rb") as laid, self.target.open("wb") as file:
                    shutil.copyfileobj(laid, file)
            else:
                self.beside.replace(self.target)
        except OSError as error:
            raise _unwritable(self.target, error) from error


@contextmanager
def laid_out(path: Path, pieces: Iterable[bytes]) -> Iterator[Laid]:
    """The bytes on disk beside `path`, whole, so that to place them is one step; gone afterwards where they were not.

    Permissions are those of the umask. What a link leads to is written and the link stays what it is.
    """
    path = _led_to(path)
    if path.is_dir():
        raise ReportError(f"{path}: is a folder")
    through = path.exists() and not path.is_file()
    with ExitStack() as gone_after:
        try:
            number, beside = gone_after.enter_context(open_beside(path, elsewhere=through))
            _fill(number, beside, pieces)
        except OSError as error:
            raise _unwritable(path, error) from error
        yield Laid(path, beside, through)


@contextmanager
def aside(pieces: Iterable[bytes]) -> Iterator[IO[bytes]]:
    """The bytes, whole, to be read from their beginning: in memory, or where they are many in a file without a name."""
    with tempfile.SpooledTemporaryFile(_IN_MEMORY) as file:
        try:
            for piece in pieces:
                file.write(piece)
            file.seek(0)
        except OSError as error:
            raise ReportError(f"a temporary file cannot be written: {said(error)}") from error
        yield file


def check_writable(path: Path) -> None:
    """Nothing when `path` could be written now; else the same `ReportError` as writing it, and no file is touched."""
    path = _led_to(path)
    if path.exists() and not path.is_file() and not path.is_dir():
        return
    with laid_out(path, ()):
        pass


def write_file(path: Path, data: bytes) -> None:
    """The file holds exactly these bytes afterwards, or what it held before."""
    with laid_out(path, (data,)) as laid:
        laid.place()


def _led_to(path: Path) -> Path:
    """What the path leads to where it is a link."""
    if not path.is_symlink():
        return path
    with suppress(RuntimeError, OSError):
        end = path.resolve()
        if not end.is_symlink():
            return end
    raise ReportError(f"{path}: cannot be written: it is a link that leads back to itself")


def _fill(number: int, beside: Path, pieces: Iterable[bytes]) -> None:
    with os.fdopen(number, "wb", closefd=False) as file:
        file.writelines(pieces)
        file.flush()
        os.fsync(number)
    beside.chmod(0o666 & ~_umask())


def _unwritable(path: Path, error: OSError) -> ReportError:
    return ReportError(f"{path}: cannot be written: {said(error)}")


def _umask() -> int:
    """The umask, which can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
