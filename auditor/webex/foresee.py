"""The requests a collection would make, as far as the archive tells before the first one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from auditor.errors import ArchiveError
from auditor.evidence.entry import Unit
from auditor.tables.archive import Archive
from auditor.tables.damage import damage_told
from auditor.tables.still import held_still
from auditor.webex import plan
from auditor.webex.endpoints import LOOKBACK
from auditor.webex.plan import Wanted
from auditor.webex.seen import meetings_seen, units_held
from auditor.webex.spans import Horizon
from auditor.webex.work import Seen, sites


def foreseen(wanted: Wanted, folder: Path, *, base: str, now: datetime, settle: timedelta) -> Iterator[str]:
    """One line a request, and notes about what only the answers will tell, which start with `#`.

    Raises `ArchiveError` where a file of a table is lost or was changed.
    """
    opened = _opened(folder)
    if opened is None:
        return _lines(wanted, None, base=base, now=now, settle=settle)
    with held_still(opened) as archive, damage_told(opened, read=archive):
        return iter([*_lines(wanted, archive, base=base, now=now, settle=settle)])


def _lines(wanted: Wanted, archive: Archive | None, *, base: str, now: datetime, settle: timedelta) -> Iterator[str]:
    yield from plan.lines([sites()], base=base)
    horizon = Horizon.at(now, lookback=LOOKBACK, settle=settle)
    units: dict[str, Unit] = {} if archive is None else units_held(archive)
    known = tuple(dict.fromkeys(unit.site_url for unit in units.values() if unit.site_url is not None))
    asked = replace(wanted, sites=wanted.sites or known)
    if not wanted.sites:
        yield "# then for each site of the answer" + (", so far:" if known else "")
    reports = plan.reports(asked, units, horizon=horizon)
    yield from plan.lines(reports.todo, base=base)
    seen: tuple[Seen, ...] = ()
    if archive is not None and asked.sites:
        seen = meetings_seen(archive, asked.span(horizon), sites=asked.sites)
    if asked.narrowed is None:
        yield from plan.lines(plan.one_by_one((), seen, units, horizon=horizon), base=base)
    details = plan.details(asked, seen, units, horizon=horizon)
    yield from plan.lines(details.todo, base=base)
    if asked.participants and reports.todo:
        yield "# then participants of each meeting the reports name"
    for unit in (*reports.lost, *details.lost):
        for gap in unit.gaps[:1]:
            yield f"# lost: {unit.endpoint} of {gap.site_url}, {gap.window.start} to {gap.window.end}: {gap.detail}"


def _opened(folder: Path) -> Archive | None:
    """The archive, or None when it is still to be made."""
    if not folder.exists():
        return None
    try:
        return Archive(folder)
    except ArchiveError:
        if any(folder.iterdir()):
            raise
        return None
