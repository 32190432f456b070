"""Every exception the package raises on purpose.

```
AuditorError
├─ ConfigError      settings or arguments missing or contradictory
├─ RuleError        rule files are wrong; `.problems` holds all of them
├─ SourceError      Webex could not be read; `.url` `.status` `.tracking_id`
│  ├─ AuthError     401, 403; names the missing scope
│  ├─ RateLimited   still 429 after the last attempt; `.retry_after`
│  └─ BadPayload    not what the API documents
├─ ArchiveError     missing, locked, or a hash that does not match
└─ ReportError      a template or the PDF failed; names it
```
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from auditor.frozen import dataclass

_BY_RUST = re.compile(r" \(os error (\d{1,4})\)")
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class AuditorError(Exception):
    """Something the user can understand and mend; its text is one clear message."""


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One mistake at one place of a user's file; line and column count from 1."""

    path: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}: {self.message}"


class _ProblemsError(AuditorError):
    """An error made of one or more `Problem`s, sorted by place."""

    def __init__(self, problems: list[Problem]) -> None:
        if not problems:
            raise ValueError("an error about files needs at least one problem")
        self.problems = sorted(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class ConfigError(AuditorError):
    """Settings or arguments are missing, wrong or contradict each other."""


class ConfigFileError(ConfigError, _ProblemsError):
    """A configuration, waiver or framework file is wrong; `.problems` says where."""


class RuleError(_ProblemsError):
    """Rule files are wrong; `.problems` holds every mistake of every file."""


class SourceError(AuditorError):
    """Webex could not be read. Carries the address without its secrets."""

    def __init__(
        self,
        message: str,
        *,
        url: str | None = None,
        status: int | None = None,
        tracking_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.url = url
        self.status = status
        self.tracking_id = tracking_id


class AuthError(SourceError):
    """Webex refused the credentials; the message names the scope that is missing."""


class RateLimited(SourceError):  # noqa: N818 - what happened, in the words of the API
    """Webex still asked to wait after the last attempt."""

    def __init__(
        self,
        message: str,
        *,
        retry_after: timedelta | None = None,
        url: str | None = None,
        status: int | None = None,
        tracking_id: str | None = None,
    ) -> None:
        super().__init__(message, url=url, status=status, tracking_id=tracking_id)
        self.retry_after = retry_after


class BadPayload(SourceError):  # noqa: N818 - what arrived
    """The answer is not what the API documents."""


class ArchiveError(AuditorError):
    """The archive is missing, locked, of an unknown format, or does not match its hashes."""


class ReportError(AuditorError):
    """A template, a chart or the PDF could not be written."""


def said(error: BaseException) -> str:
    """What the system said, in small letters; libraries in Rust tell its number inside a text of their own."""
    told = _BY_RUST.search(str(error))
    words = error.strerror if isinstance(error, OSError) else None
    return (words or (told and os.strerror(int(told[1]))) or type(error).__name__).lower()


@contextmanager
def naming(place: object) -> Iterator[None]:
    """While a file is read: what the system says of it names the file, also where reading fails and not opening."""
    try:
        yield
    except OSError as error:
        if error.filename is not None or error.errno is None:
            raise
        raise OSError(error.errno, error.strerror, str(place)) from error


def is_full(error: BaseException) -> bool:
    """Whether a disk or a device is full, or a file as long as files may be; Polars tells it in a text of its own."""
    told = _BY_RUST.search(str(error))
    number = error.errno if isinstance(error, OSError) and error.errno else told and int(told[1])
    return number in _FULL
