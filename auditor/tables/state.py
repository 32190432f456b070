"""How far the tables have followed the manifest, kept in one small file beside them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from pathlib import Path

from auditor.errors import ArchiveError, naming
from auditor.evidence.places import Place, make_private, write_private
from auditor.evidence.reader import EMPTY_CHAIN
from auditor.frozen import dataclass
from auditor.model.audit import Chain
from auditor.model.window import instant, iso

_NAME = "state.json"
_FARTHEST = 1 << 43
"""The byte of a file behind which systems refuse to look."""


@dataclass(frozen=True, slots=True)
class State:
    """The tables have the rows of every unit before byte `offset` of the manifest, where `chain` ended.

    `pruned_before` is the moment before which a retention run removed everything. `versions` are those the tables had
    then, by name: a table that is not there, or at an earlier one, has lost rows.
    """

    offset: int = 0
    chain: Chain = EMPTY_CHAIN
    pruned_before: datetime | None = None
    versions: Mapping[str, int] = field(default_factory=dict)


def read_state(tables: Place) -> State:
    """The state of the tables in a folder; the empty one when they were never made."""
    try:
        with naming(tables / _NAME):
            written = (tables / _NAME).read_bytes()
    except FileNotFoundError:
        return State()
    try:
        fields = json.loads(written)
        if int(fields["offset"]) not in range(_FARTHEST):
            raise ValueError("no place in a file")  # noqa: TRY301 - one message for every kind of damage
        return State(
            int(fields["offset"]),
            Chain(
                str(fields["head"]),
                int(fields["entries"]),
                int(fields["pages"]),
                int(fields["bytes"]),
                _moment(fields["first_fetched_at"]),
                _moment(fields["last_fetched_at"]),
            ),
            _moment(fields["pruned_before"]),
            {str(table): int(version) for table, version in dict(fields.get("versions", {})).items()},
        )
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise ArchiveError("tables/state.json is damaged; run archive rebuild") from error


def write_state(tables: Path, state: State) -> None:
    """The state is on disk."""
    make_private(tables)
    fields = {
        "offset": state.offset,
        "head": state.chain.head,
        "entries": state.chain.entries,
        "pages": state.chain.pages,
        "bytes": state.chain.bytes,
        "first_fetched_at": _written(state.chain.first_fetched_at),
        "last_fetched_at": _written(state.chain.last_fetched_at),
        "pruned_before": _written(state.pruned_before),
        "versions": dict(state.versions),
    }
    write_private(tables / _NAME, json.dumps(fields).encode())


def _moment(text: str | None) -> datetime | None:
    return None if text is None else instant(text)


def _written(moment: datetime | None) -> str | None:
    return None if moment is None else iso(moment)
