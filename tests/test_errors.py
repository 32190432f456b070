"""What the system said is told in its words, whoever raised it."""

import errno
import time

import polars as pl
import pytest

from auditor.errors import is_full, said

COLOURED = "Generic LocalFileSystem error\n  \x1b[31m↳\x1b[0m Unable to copy\n  \x1b[31m↳\x1b[0m {}"


@pytest.mark.parametrize(
    ("error", "words", "full"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "no space left on device", True),
        (OSError("No space left on device (os error 28)"), "no space left on device", True),
        (OSError(COLOURED.format("No space left on device (os error 28)\n")), "no space left on device", True),
        (pl.exceptions.ComputeError("parquet: IO error: File too large (os error 27)"), "file too large", True),
        (PermissionError(errno.EACCES, "Permission denied", "a"), "permission denied", False),
        (OSError(COLOURED.format("Permission denied (os error 13)")), "permission denied", False),
        (OSError(COLOURED.format("Read-only file system (os error 30)")), "read-only file system", False),
        (OSError("Input/output error (os error 5)"), "input/output error", False),
        (OSError(), "oserror", False),
        (ValueError("28"), "valueerror", False),
    ],
)
def test_words_and_whether_it_is_full(error, words, full) -> None:
    assert (said(error), is_full(error)) == (words, full)


def test_a_long_text_is_looked_through_once() -> None:
    began = time.process_time()
    assert not is_full(ValueError("word " * 10_000))
    assert time.process_time() - began < 1
