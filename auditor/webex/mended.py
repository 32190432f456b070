"""Failures of questions about some meetings or people, which broader answers have mended since."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from auditor.evidence.entry import Unit
from auditor.model.coverage import Gap
from auditor.model.spans import subtract
from auditor.model.window import Window, instant
from auditor.webex.plan import can_be_mended, mends, whole_spans
from auditor.webex.work import HOST, NARROWED, PEOPLE

_APART = re.compile(rf"(.+?)({PEOPLE}[0-9a-f]{{16}})?({HOST}[0-9a-f]{{16}})?", re.DOTALL)


def mended(units: Mapping[str, Unit], *, asked: Collection[str]) -> tuple[Unit, ...]:
    """The units that lack less than they say, with what they still lack.

    What such a question failed to bring may have come by the report of the whole site, by the list of everybody in the
    meeting, or by the same question about another span. Units of the keys `asked` in this run speak for themselves.
    None counts as settled: who asks the same once more gets an answer of its own.
    """
    found = []
    for key, unit in units.items():
        if key in asked or not mends(unit):
            continue
        brought = _brought(unit, units, asked)
        gaps = tuple(part for gap in unit.gaps for part in _left(gap, brought))
        if gaps != unit.gaps:
            found.append(replace(unit, gaps=gaps, complete=not gaps, rows=0, settled=False))
    return tuple(found)


def _left(gap: Gap, brought: Iterable[Window]) -> list[Gap]:
    """What of a gap lies outside of what was brought."""
    return [replace(gap, window=part) for part in subtract([gap.window], brought)] if can_be_mended(gap) else [gap]


def _brought(unit: Unit, units: Mapping[str, Unit], asked: Collection[str]) -> list[Window]:
    """The spans in which others brought what the unit asked for; none when it covers a span or meeting of its own."""
    site = unit.site_url or ""
    if unit.endpoint == "attendees" and unit.key.startswith(tuple(f"attendees {site} {name}=" for name in NARROWED)):
        question = unit.key.rsplit(" ", 2)[0]
        answered = [key.rsplit(" ", 2) for key, other in units.items() if not mends(other)]
        same = [Window(*map(instant, span)) for name, *span in answered if name == question]
        return [*whole_spans(units.values(), site), *same]
    meeting, people, host = _parted(unit.key)
    others = [meeting]
    if people:  # an answer in the name of a host who may be another one's brings nothing for sure
        lists = ((key, *_parted(key)) for key in asked if key.startswith(meeting + PEOPLE))
        others += [key for key, named, some, guessed in lists if named == meeting and some and not guessed]
    apart = unit.endpoint == "participants" and (people or host)
    if apart and any(key in units and not mends(units[key]) for key in others):
        return [gap.window for gap in unit.gaps]
    return []


def _parted(key: str) -> tuple[str, bool, bool]:
    """The key of the meeting, and whether some of its people were asked about, or in the name of a guessed host."""
    found = _APART.fullmatch(key)
    return (key, False, False) if found is None else (found[1], found[2] is not None, found[3] is not None)
