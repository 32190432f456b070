"""The digest: one page of Markdown for a ticket or a chat."""

from __future__ import annotations

import re

from auditor.model.audit import Audit
from auditor.model.vocabulary import Severity
from auditor.reports.formats import Options
from auditor.reports.templates import words
from auditor.reports.view.cover import cover
from auditor.reports.view.parts import Fact
from auditor.reports.view.summary import summary
from auditor.reports.view.wording import Wording, number, wording

_SPECIAL = re.compile(r"[\\`*_{}\[\]<>|~&#!]|:(?=//)|(?<=www)\.|(?<!\w)@(?=\w)")
_SHORT = 12


def render(audit: Audit, options: Options) -> bytes:
    """The digest of the audit: result, figures, gravest rules, what changed and what could not be tested."""
    speech = wording(words(options.templates), audit.report.timezone)
    front, short = cover(audit, speech), summary(audit, speech)
    lines = [
        f"# {plain(front.title)}",
        "",
        f"**{plain(front.result)}**",
        "",
        plain(front.sentence),
        "",
        *_facts(front.facts, speech),
        "",
        f"| {plain(speech.say('summary.severity_column'))} | {plain(speech.say('summary.open_column'))} |",
        "| --- | ---: |",
        *(
            f"| {plain(speech.say(f'severity.{severity.value}'))} | {number(audit.summary.by_severity[severity])} |"
            for severity in Severity
        ),
        "",
        f"## {plain(speech.say('summary.gravest'))}",
        "",
        *(f"- **{plain(rule.id)}** {plain(rule.title)} ({plain(rule.count)})" for rule in short.gravest),
        *([] if short.gravest else [plain(speech.say("summary.gravest_none"))]),
        "",
        f"## {plain(speech.say('summary.changed'))}",
        "",
        plain(short.changed),
        "",
        f"## {plain(speech.say('summary.untested'))}",
        "",
        *(f"- {plain(sentence)}" for sentence in short.untested),
        "",
    ]
    return "\n".join(lines).encode("utf-8", "replace")


def _facts(facts: tuple[Fact, ...], speech: Wording) -> list[str]:
    """Period, sites, audit and evidence head; long digests are cut."""
    wanted = {speech.say(f"cover.{key}") for key in ("period", "sites", "evaluated", "audit", "head")}
    return [
        f"- {plain(fact.label)}: {plain(fact.value[:_SHORT] if len(fact.value) == 64 else fact.value)}"
        for fact in facts
        if fact.label in wanted
    ]


def plain(text: str) -> str:
    r"""The text as Markdown shows it: nothing in it is a link, an image, a mention, HTML or a table cell's end.

    >>> plain("see [x](javascript:y) | <b>")
    'see \\[x\\](javascript:y) \\| \\<b\\>'
    """
    return _SPECIAL.sub(lambda found: f"\\{found[0]}", text)
