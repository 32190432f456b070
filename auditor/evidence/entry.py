"""The entries of the manifest, as frozen dataclasses.

An entry is one line of `manifest.jsonl`: `seq` counts from 0, `prev` is the hash of the entry before
(64 zeros in front of the first), `hash` is the SHA-256 of the entry's canonical JSON without `hash`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from datetime import datetime
from typing import TypeAlias

from auditor.frozen import dataclass
from auditor.model.coverage import Gap
from auditor.model.window import Window

JsonValue: TypeAlias = "bool | int | float | str | Sequence[JsonValue] | Mapping[str, JsonValue] | None"

GENESIS = "0" * 64
"""The head of an empty chain, and `prev` of its first entry."""

IMPORT = "import:"
"""What the endpoint of a unit made from a file starts with: `import:attendees`, `import:people` …"""

FILE = "IMPORT"
"""The method of the request that stands for a file; its path is the file's name."""


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked, relative to the base URL. `headers` are those of the allow-list, never a token."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    body: JsonValue = None


ERASED = Request("", "")
"""Stands for a request that named somebody and was made null."""


@dataclass(frozen=True, slots=True)
class Response:
    """What came back beside the body; `headers` are those of the allow-list, names in lower case."""

    status: int
    received_at: datetime
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Unit:
    """One piece of collected work: its pages, and what of it is absent.

    `key` is stable from run to run: the latest unit of a key speaks for it, so a success heals an earlier gap.
    `window` is the span the unit covers, None when it has no place in time. `meeting_id` is set for a unit that
    asked for one meeting: it covers that meeting, never a span, and without a window not even that. `pages` are the
    `seq` of its page entries, in reading order. `settled` is false when the data may still change. `options` tell how
    to decode an imported file (`timezone`, `kind`).
    """

    key: str
    endpoint: str
    site_url: str | None
    window: Window | None
    pages: tuple[int, ...]
    complete: bool
    rows: int
    settled: bool = True
    meeting_id: str | None = None
    service_type: str | None = None
    gaps: tuple[Gap, ...] = ()
    options: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.complete and not self.gaps:
            raise ValueError(f"unit {self.key}: what is not complete names its gaps")


@dataclass(frozen=True, slots=True)
class Link:
    """The place of an entry in the chain."""

    seq: int
    prev: str
    hash: str


@dataclass(frozen=True, slots=True)
class RunEntry:
    """A run began: `asked` is what it was asked for."""

    link: Link
    at: datetime
    asked: Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True)
class PageEntry:
    """A page was received: `sha256` and `size` are those of the body as sent, decompressed.

    `seal` is that of the page's file as it was written for this entry; None where the file was there before.
    """

    link: Link
    request: Request
    response: Response
    sha256: str
    size: int
    seal: str | None = None

    @property
    def seq(self) -> int:
        """The number a `Unit` cites the page by."""
        return self.link.seq


@dataclass(frozen=True, slots=True)
class UnitEntry:
    """A unit was finished at `at`; `hashes` are the pages' SHA-256, one for each of `unit.pages`.

    `redacted` is true once an item of its pages was erased or pruned: a null item is then no fault.
    """

    link: Link
    at: datetime
    unit: Unit
    hashes: tuple[str, ...]
    redacted: bool = False


@dataclass(frozen=True, slots=True)
class TombstoneEntry:
    """Items were made null on purpose, for `reason` (`erase` or `prune`).

    `pages` maps old page hashes to new ones, `heads` are the hashes runs ended with before the chain was
    rewritten, `before` is the moment a `prune` removed everything before.
    """

    link: Link
    at: datetime
    reason: str
    items: int
    pages: Mapping[str, str]
    heads: tuple[str, ...]
    before: datetime | None = None


Entry: TypeAlias = RunEntry | PageEntry | UnitEntry | TombstoneEntry
