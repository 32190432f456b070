"""The digest: one page of Markdown for a ticket or a chat, as long for a million findings as for one."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from auditor.model.audit import Audit
from auditor.model.vocabulary import Severity
from auditor.reports.formats import Options
from auditor.reports.templates import words
from auditor.reports.text import visible
from auditor.reports.view.cover import Cover, cover
from auditor.reports.view.summary import Summary, summary
from auditor.reports.view.wording import Wording, number, wording

MOST_LINES = 80
_CAP = 600
_MOST_TABLES = 8

_MARKUP = re.compile(r"[`\\\[\]<>|*~]|&(?=#?\w+;)|(?<![^\W_])_|_(?![^\W_])")
_ENTITIES = {"`": "&#96;", "<": "&lt;", ">": "&gt;", "&": "&amp;"}
_BEGINNING = re.compile(r"[-+#=:]|[0-9]+(?=[.)])")
_REFERENCE = re.compile(r"(?:@|#(?=\w)|(?<!\w)[!$%](?=\w)|&(?=\d)|://|(?<=www)\.|(?<=GH)-(?=\d))+", re.IGNORECASE)


def render(audit: Audit, options: Options) -> bytes:
    """The digest of the audit: the result, figures, gravest rules, what was not tested, what changed, the digests.

    It names no person and has at most `MOST_LINES` lines. Equal audits give equal bytes.
    """
    speech = wording(words(options.templates), audit.report.timezone)
    front, short = cover(audit, speech), summary(audit, speech)
    blocks = (
        (f"# {plain(front.title)}",),
        _result(front),
        _severities(audit, speech),
        (f"## {plain(speech.say('summary.gravest'))}",),
        _gravest(short, speech),
        (f"## {plain(speech.say('summary.untested'))}",),
        _items(short.untested),
        (f"## {plain(speech.say('summary.changed'))}",),
        (plain(short.changed),),
        (f"## {plain(speech.say('titles.coverage'))}",),
        _coverage(audit, speech),
        (f"## {plain(speech.say('titles.integrity'))}",),
        _items(f"{fact.label}: {fact.value}" for fact in front.facts[1:]),
    )
    return ("\n\n".join("\n".join(block) for block in map(tuple, blocks)) + "\n").encode("utf-8", "replace")


def _result(front: Cover) -> Iterator[str]:
    """The result in bold, then what it was drawn from, a paragraph each."""
    period = front.facts[0]
    yield f"**{plain(front.result)}**"
    for text in (front.sentence, f"{period.label}: {period.value}", front.classification, front.redacted):
        if text:
            yield from ("", plain(text))


def _severities(audit: Audit, speech: Wording) -> Iterator[str]:
    counts = audit.summary.by_severity
    yield f"| {plain(speech.say('summary.severity_column'))} | {plain(speech.say('summary.open_column'))} |"
    yield "| --- | ---: |"
    for severity in Severity:
        yield f"| {plain(speech.say(f'severity.{severity.value}'))} | {number(counts.get(severity, 0))} |"
    yield f"| {plain(speech.say('summary.total'))} | {number(audit.summary.open)} |"


def _gravest(short: Summary, speech: Wording) -> Iterator[str]:
    for rule in short.gravest:
        yield f"- **{plain(rule.id)}** {plain(rule.severity.text)}, {plain(rule.count)}: {plain(rule.title)}"
    if not short.gravest:
        yield plain(speech.say("summary.gravest_none"))


def _coverage(audit: Audit, speech: Wording) -> Iterator[str]:
    """The rows of each table and the reasons of its gaps; the first few tables by name."""
    held, gaps = audit.coverage.tables, audit.coverage.gaps
    yield plain(speech.say("coverage.incomplete", n=len(gaps)) if gaps else speech.say("coverage.complete"))
    yield ""
    names = sorted(held.keys() | {gap.table for gap in gaps})
    for name in names[:_MOST_TABLES]:
        reasons = Counter(speech.say(f"gap.{gap.reason.value}") for gap in gaps if gap.table == name)
        rows = number(held[name].rows) if name in held else "0"
        parts = [f"{speech.say('coverage.rows')} {rows}", *(f"{why} ({n:,})" for why, n in sorted(reasons.items()))]
        yield f"- {plain(name)}: {plain(', '.join(parts))}"
    if len(names) > _MOST_TABLES:
        yield f"- {plain(speech.say('more', n=len(names) - _MOST_TABLES))}"


def _items(texts: Iterable[str]) -> Iterator[str]:
    return (f"- {plain(text)}" for text in texts)


def plain(text: str) -> str:
    r"""The text as Markdown shows it on one line: nothing in it is markup, HTML, a link, a mention or a reference.

    What would reach for people, tickets or addresses wherever it stands is set as code, which sites leave alone.

    >>> plain("see [x](javascript:y) | <b>, @all")
    'see \\[x\\](javascript:y) \\| &lt;b&gt;, `@`all'
    >>> plain("# 1\n2")
    '\\# 1⟨U+000A⟩2'
    """
    shown = visible(text, cap=_CAP).strip()
    parts = [_escaped(part) for part in _REFERENCE.split(shown)]
    reaching = [f"`{part}`" for part in _REFERENCE.findall(shown)]
    joined = "".join(part for pair in zip(parts, [*reaching, ""], strict=True) for part in pair)
    start = _BEGINNING.match(joined)
    return joined if start is None else f"{joined[: start.end() - 1]}{_guarded(joined[start.end() - 1 :])}"


def _guarded(text: str) -> str:
    """The text with a backslash before what would begin a block at the start of a line."""
    return f"{text[0]}\\{text[1:]}" if text[0].isdigit() else f"\\{text}"


def _escaped(text: str) -> str:
    return _MARKUP.sub(lambda found: _ENTITIES.get(found[0], f"\\{found[0]}"), text)
