"""How values are worded: times in the report's zone, durations, numbers, marks."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from auditor.errors import ConfigError
from auditor.frozen import dataclass
from auditor.model.audit import RuleResult
from auditor.model.finding import Value
from auditor.model.vocabulary import Severity, Verdict
from auditor.model.window import Window, instant, on_clock
from auditor.reports.text import EVIDENCE_CAP, visible, visible_each
from auditor.reports.view.parts import Cell, Mark
from auditor.reports.words import Words

_DURATION = "us"
_ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", re.ASCII)
_ALL_ISO = re.compile(rf"(?:{_ISO.pattern}\n)*+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Wording:
    """The words and the time zone of one report."""

    words: Words
    zone: tzinfo
    zone_name: str

    def say(self, key: str, **values: str | int) -> str:
        """The catalogue's entry with the values put in."""
        return self.words.say(key, **values)

    def moment(self, moment: datetime | None) -> str:
        """Date, time and zone to the second; `—` for none."""
        if moment is None:
            return self.none
        if self.zone is UTC:
            return f"{moment.isoformat(' ', 'seconds')[:19]} UTC"
        text = self.local(moment).isoformat(" ", "seconds")
        return f"{text[:19]} {text[19:]}"

    def day(self, moment: datetime) -> str:
        """The date of the moment in the report's zone."""
        return self.local(moment).date().isoformat()

    def local(self, moment: datetime) -> datetime:
        """The moment on the clock of the report's zone."""
        return on_clock(moment, self.zone)

    def span(self, window: Window) -> str:
        """The half-open period in words."""
        return self.say("period", start=self._exact(window.start), end=self._exact(window.end))

    def _exact(self, moment: datetime) -> str:
        """The moment with the fraction of its second: at the end of a period it says which record is still inside."""
        text = self.moment(moment)
        fraction = f".{moment.microsecond:06d}".rstrip("0") if moment.microsecond else ""
        return f"{text[:19]}{fraction}{text[19:]}"

    @property
    def none(self) -> str:
        """What stands where nothing applies."""
        return self.say("none")

    def severity(self, severity: Severity) -> Mark:
        """The severity as a mark."""
        return Mark(self.say(f"severity.{severity.value}"), "severity", severity.value)

    def severity_cell(self, severity: Severity) -> Cell:
        """The severity in a table."""
        return Cell(self.say(f"severity.{severity.value}"), "severity", severity.value)

    def verdict(self, word: str) -> Mark:
        """The verdict as a mark; `word` is one of the catalogue's."""
        return Mark(self.say(f"verdict.{word}"), "verdict", word)

    def verdict_cell(self, word: str) -> Cell:
        """The verdict in a table."""
        return Cell(self.say(f"verdict.{word}"), "verdict", word)

    def value(self, value: Value, kind: str) -> str:
        """A value of evidence as its type is read, hidden characters shown, cut at the cap of evidence."""
        if value is None:
            return self.none
        if isinstance(value, bool):
            return self.say("yes" if value else "no")
        if isinstance(value, int | float):
            return number(value)
        if isinstance(value, list):
            return ", ".join(visible(item, cap=EVIDENCE_CAP) for item in value) or self.none
        if kind == "datetime":
            return self._time(value)
        if kind == "duration" and value.endswith(_DURATION) and value[:-2].removeprefix("-").isdecimal():
            return duration(timedelta(microseconds=int(value[:-2])))
        return visible(value, cap=EVIDENCE_CAP)

    def values(self, values: Sequence[Value], kind: str) -> list[str]:
        """Each value as `value` words it; many plain ones are looked at together."""
        texts = [value for value in values if isinstance(value, str)]
        if len(texts) == len(values):
            if kind == "datetime" and self.zone is UTC and _ALL_ISO.fullmatch("".join([f"{text}\n" for text in texts])):
                return [f"{text[:10]} {text[11:19]} UTC" for text in texts]
            if kind not in ("datetime", "duration"):
                return visible_each(texts, cap=EVIDENCE_CAP)
        return [self.value(value, kind) for value in values]

    def _time(self, value: str) -> str:
        if self.zone is UTC and _ISO.fullmatch(value):
            return f"{value[:10]} {value[11:19]} UTC"
        try:
            return self.moment(instant(value))
        except ValueError:
            return visible(value, cap=EVIDENCE_CAP)


def wording(words: Words, zone: str) -> Wording:
    """The wording for a zone such as `UTC` or `Europe/Berlin`."""
    if zone == "UTC":
        return Wording(words, UTC, zone)
    try:
        return Wording(words, ZoneInfo(zone), zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ConfigError(f"{zone!r} is no time zone such as Europe/Berlin") from error


def verdict_word(rule: RuleResult) -> str:
    """The verdict as printed; a rule with waived findings only is `waived`."""
    if rule.verdict is Verdict.FAIL and rule.findings == rule.waived:
        return "waived"
    return rule.verdict.value


def number(value: float) -> str:
    """A number with commas between thousands; one that is not whole to six significant digits.

    >>> number(12408), number(2.5), number(0.1234567)
    ('12,408', '2.5', '0.123457')
    """
    return f"{value:,}" if isinstance(value, int) else f"{value:,.6g}"


def share(part: int, whole: int) -> str:
    """The part in percent with one decimal, less than that as such; `—` of nothing.

    >>> share(1, 3), share(1, 2421), share(0, 5), share(0, 0)
    ('33.3', '<0.1', '0.0', '—')
    """
    text = f"{100 * part / whole:.1f}" if whole else "—"
    return "<0.1" if part and text == "0.0" else text


@lru_cache(maxsize=4096)
def duration(length: timedelta) -> str:
    """Hours, minutes and seconds, the first unit that is there and those after it.

    >>> duration(timedelta(minutes=47)), duration(timedelta(hours=1, minutes=3)), duration(timedelta(seconds=90))
    ('47 min', '1 h 03 min', '1 min 30 s')
    """
    if length < timedelta():
        return f"−{duration(-length)}"
    whole, rest = divmod(length, timedelta(seconds=1))
    hours, minutes, seconds = whole // 3600, whole // 60 % 60, whole % 60
    fraction = f".{rest.microseconds:06d}".rstrip("0") if rest else ""
    parts = []
    if hours:
        parts = [f"{hours:,} h", f"{minutes:02d} min"]
    elif minutes:
        parts = [f"{minutes} min"]
    if seconds or fraction or not parts:
        parts.append(f"{seconds:02d}{fraction} s" if parts else f"{seconds}{fraction} s")
    return " ".join(parts)
