"""Which findings a waiver accepts, and how each waiver stands at the time of an audit."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from auditor.frozen import dataclass
from auditor.model.finding import Finding, Value
from auditor.model.waiver import Waiver, WaiverState
from auditor.model.window import instant, iso
from auditor.settings.fields import duration

EXPIRING = timedelta(days=30)
"""A waiver that ends within this time is called `expiring`."""

_MICROSECONDS = re.compile(r"([0-9]{1,18})us")

Seen = Callable[[Finding], Mapping[str, Value]]
"""The values a waiver may name for a finding: those visible in the rule's `finding`."""


@dataclass(frozen=True, slots=True)
class Waived:
    """`findings` marked with the waiver that accepts them; `states` in the order of the waivers."""

    findings: tuple[Finding, ...]
    states: tuple[WaiverState, ...]


def in_force(waiver: Waiver, *, now: datetime) -> bool:
    """Whether the waiver still holds: through the end of its last day, UTC."""
    return _day(now) <= waiver.expires


def accepts(waiver: Waiver, finding: Finding, *, seen: Mapping[str, Value]) -> bool:
    """Whether the waiver names this finding, whatever its date; `waiver.rule` is an id or absent."""
    if waiver.rule is not None and waiver.rule != finding.rule_id:
        return False
    if waiver.fingerprint is not None:
        return waiver.fingerprint == finding.fingerprint
    return all(name in seen and _allowed(seen[name], allowed) for name, allowed in waiver.match.items())


def apply(
    findings: Sequence[Finding],
    waivers: Sequence[Waiver],
    *,
    seen: Seen,
    judged: Collection[str],
    known: Collection[str],
    now: datetime,
) -> Waived:
    """Each finding with the first waiver in force that accepts it.

    `judged` are the rules that ended pass or fail: a waiver for another rule is not called unused, since nobody
    can tell. `known` are all rules there are. An expired waiver accepts nothing.
    """
    holding = [waiver for waiver in waivers if in_force(waiver, now=now)]
    named = _by(holding, lambda waiver: waiver.fingerprint)
    matching = _by([waiver for waiver in holding if waiver.fingerprint is None], lambda waiver: waiver.rule)
    anyones = matching.get(None, [])
    place = {waiver.id: index for index, waiver in enumerate(waivers)}
    marked = []
    for finding in findings:
        candidates = [*named.get(finding.fingerprint, ()), *matching.get(finding.rule_id, ()), *anyones]
        first = None
        if candidates:
            values = seen(finding)
            taken = [waiver.id for waiver in candidates if accepts(waiver, finding, seen=values)]
            first = min(taken, key=place.__getitem__, default=None)
        marked.append(finding if finding.waiver == first else replace(finding, waiver=first))
    covered = Counter(finding.waiver for finding in marked)
    return Waived(
        tuple(marked),
        tuple(
            WaiverState(
                waiver,
                state(waiver, covered=covered[waiver.id], judged=judged, known=known, now=now),
                covered[waiver.id],
            )
            for waiver in waivers
        ),
    )


def _by(waivers: Sequence[Waiver], key: Callable[[Waiver], str | None]) -> dict[str | None, list[Waiver]]:
    found: dict[str | None, list[Waiver]] = {}
    for waiver in waivers:
        found.setdefault(key(waiver), []).append(waiver)
    return found


def state(waiver: Waiver, *, covered: int, judged: Collection[str], known: Collection[str], now: datetime) -> str:
    """`unknown-rule`, `expired`, `unused`, `expiring` or `active`: the first that is true."""
    if waiver.rule is not None and waiver.rule not in known:
        return "unknown-rule"
    if not in_force(waiver, now=now):
        return "expired"
    if not covered and (bool(judged) if waiver.rule is None else waiver.rule in judged):
        return "unused"
    return "expiring" if waiver.expires - _day(now) <= EXPIRING else "active"


def _day(now: datetime) -> date:
    return now.astimezone(UTC).date()


def _allowed(value: Value, allowed: tuple[Value, ...]) -> bool:
    """Whether the value equals one of those allowed; a list value equals the list as a whole."""
    if isinstance(value, list):
        return value == list(allowed)
    return any(_equal(value, one) for one in allowed)


def _equal(value: Value, wanted: Value) -> bool:
    """Equality by kind: true is not 1; times are equal when they name one moment, durations when they last as long.

    Text of digits, such as a meeting's number, equals the number a person writes without quotes.
    """
    if isinstance(value, bool) or isinstance(wanted, bool):
        return value is wanted
    if value == wanted:
        return True
    if not isinstance(value, str):
        return False
    if isinstance(wanted, int):
        return value == str(wanted)
    return isinstance(wanted, str) and (_same_moment(value, wanted) or _same_length(value, wanted))


def _same_moment(value: str, wanted: str) -> bool:
    try:
        moment = datetime.fromisoformat(value)
        return value == iso(moment) == iso(instant(wanted))
    except ValueError:
        return False


def _same_length(value: str, wanted: str) -> bool:
    """Whether the value, as evidence writes durations, lasts as long as the text of a waiver says."""
    lasts = _MICROSECONDS.fullmatch(value)
    if lasts is None:
        return False
    try:
        return timedelta(microseconds=int(lasts[1])) == duration(wanted)
    except ValueError:
        return False
