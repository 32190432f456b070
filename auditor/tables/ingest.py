"""What the tables have not yet followed of the manifest, put into them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import field

from auditor.evidence.entry import Entry, TombstoneEntry, UnitEntry
from auditor.evidence.reader import extended
from auditor.frozen import dataclass
from auditor.model.coverage import Gap
from auditor.tables.apply import Ahead, apply
from auditor.tables.archive import Archive
from auditor.tables.at_hand import AtHand
from auditor.tables.damage import hold_to_evidence
from auditor.tables.decode import Notes
from auditor.tables.state import State, read_state, write_state

ROWS_A_COMMIT = 400_000
UNITS_A_COMMIT = 5_000


@dataclass(frozen=True, slots=True)
class Ingested:
    """What became visible: units, rows decoded, rows that repeated a key, gaps found by decoding, notes."""

    units: int = 0
    rows: int = 0
    duplicates: int = 0
    gaps: tuple[Gap, ...] = ()
    notes: Notes = field(default_factory=Notes)


def ingest(
    archive: Archive,
    *,
    ahead: Ahead | None = None,
    at_hand: AtHand | None = None,
    progress: Callable[[int], None] | None = None,
) -> Ingested:
    """The rows of every unit that was committed since the last time are in the tables.

    Each table changes in one commit for many units, `collections` last. Killed anywhere, the next call does the
    rest; a unit put in twice changes nothing. `progress` is told the units done so far. Units that were decoded
    `ahead` are put in together; neither their pages nor those whose records are `at_hand` are read again.

    Raises `ArchiveError` when the tables were made from other evidence, or a page is lost or changed.
    """
    hold_to_evidence(archive)
    state = read_state(archive.store.folder)
    total = Ingested()
    for entries, offset in _batches(archive.evidence.positions(offset=state.offset), ahead):
        units = [entry for entry in entries if isinstance(entry, UnitEntry)]
        applied = apply(archive, units, ahead=ahead, at_hand=at_hand)
        total = Ingested(
            total.units + len(units),
            total.rows + applied.rows,
            total.duplicates + applied.duplicates,
            total.gaps + applied.gaps,
            total.notes + applied.notes,
        )
        state = _after(state, entries, offset, archive.store.versions())
        write_state(archive.store.folder, state)
        if progress is not None:
            progress(total.units)
    return total


def _batches(positions: Iterator[tuple[Entry, int]], ahead: Ahead | None) -> Iterator[tuple[list[Entry], int]]:
    """Entries up to and with a unit, many units together; what follows the last unit waits for its own.

    Units decoded ahead are a batch of their own.
    """
    known = frozenset[int]() if ahead is None else ahead.units
    entries: list[Entry] = []
    waiting: list[Entry] = []
    rows = units = end = 0
    together = False
    for entry, offset in positions:
        if isinstance(entry, UnitEntry) and entries and (entry.link.seq in known) != together:
            yield entries, end
            entries, rows, units = [], 0, 0
        waiting.append(entry)
        if isinstance(entry, UnitEntry | TombstoneEntry):
            entries += waiting
            waiting, end = [], offset
            units += 1
            rows += entry.unit.rows if isinstance(entry, UnitEntry) else 0
            together = entry.link.seq in known
        if not together and (rows >= ROWS_A_COMMIT or units >= UNITS_A_COMMIT):
            yield entries, end
            entries, rows, units = [], 0, 0
    if entries:
        yield entries, end


def _after(state: State, entries: Sequence[Entry], offset: int, versions: Mapping[str, int]) -> State:
    pruned = [entry.before for entry in entries if isinstance(entry, TombstoneEntry) and entry.before is not None]
    return State(
        offset,
        extended(state.chain, entries),
        max([*pruned, *filter(None, [state.pruned_before])], default=None),
        {**state.versions, **versions},
    )
