"""The cover: what was audited, by what, and the result in a sentence."""

from __future__ import annotations

from collections import Counter

from auditor.frozen import dataclass
from auditor.model.audit import Audit
from auditor.model.vocabulary import Verdict
from auditor.reports.text import visible
from auditor.reports.view.parts import Fact
from auditor.reports.view.wording import Wording

MOST_SITES = 6
LONG = {"title": 80, "organisation": 60, "prepared_for": 80, "classification": 40}
"""The most characters of a text that leaves the others their place, even if all are as wide as W."""
LONG_FACT = 120


@dataclass(frozen=True, slots=True)
class Cover:
    """`tone` is clean or exceptions, with `_incomplete` or `_unjudged` behind it, or nothing_judged.

    `long` names those of the texts that take so much room that nothing has a fixed place.
    """

    title: str
    organisation: str
    prepared_for: str
    classification: str
    logo: str
    result: str
    tone: str
    sentence: str
    facts: tuple[Fact, ...]
    redacted: str
    long: frozenset[str]


def cover(audit: Audit, wording: Wording) -> Cover:
    """The cover of the audit."""
    look = audit.report
    tone = _tone(audit)
    texts = {name: visible(getattr(look, name) or "") for name in LONG}
    facts = _facts(audit, wording)
    return Cover(
        **texts,
        logo=look.logo or "",
        result=wording.say(f"result.{tone}"),
        tone=tone,
        sentence=result_sentence(audit, wording),
        facts=facts,
        redacted=wording.say("cover.redacted_note") if audit.redacted else "",
        long=frozenset(
            [
                *(name for name, most in LONG.items() if len(texts[name]) > most),
                *("facts" for fact in facts if len(fact.value) > LONG_FACT),
            ]
        ),
    )


def _facts(audit: Audit, wording: Wording) -> tuple[Fact, ...]:
    who = audit.identity
    return (
        Fact(wording.say("cover.period"), wording.span(who.window)),
        Fact(wording.say("cover.zone"), wording.zone_name),
        Fact(wording.say("cover.sites"), _sites(audit, wording)),
        Fact(wording.say("cover.evaluated"), wording.moment(who.evaluated_at)),
        Fact(wording.say("cover.audit"), visible(who.id), "mono"),
        Fact(wording.say("cover.rules_digest"), who.rules_digest, "mono"),
        Fact(wording.say("cover.config_digest"), who.config_digest, "mono"),
        Fact(wording.say("cover.head"), who.evidence_head, "mono"),
        Fact(wording.say("cover.version"), visible(who.auditor_version)),
    )


def _sites(audit: Audit, wording: Wording) -> str:
    """The first sites, and how many more there are: a cover is one page, and section 2 names all."""
    sites = [visible(site) for site in audit.identity.sites]
    more = [wording.say("more", n=len(sites) - MOST_SITES)] if len(sites) > MOST_SITES else []
    return ", ".join([*sites[:MOST_SITES], *more]) or wording.none


def verdict_counts(audit: Audit) -> Counter[Verdict]:
    """How many rules ended in each verdict."""
    return Counter(rule.verdict for rule in audit.rules)


def _tone(audit: Audit) -> str:
    """A gap in the evidence and a rule that could not be evaluated are told apart; the gap is said first."""
    unknown = verdict_counts(audit)[Verdict.NOT_EVALUATED]
    if unknown == len(audit.rules):
        return "nothing_judged"
    tone = "exceptions" if audit.summary.findings else "clean"
    if not audit.coverage.complete:
        return f"{tone}_incomplete"
    return f"{tone}_unjudged" if unknown else tone


def result_sentence(audit: Audit, wording: Wording) -> str:
    """Rules by verdict, findings open and waived, and how complete the evidence is, in one breath."""
    counts = verdict_counts(audit)
    gaps = len(audit.coverage.gaps)
    return wording.say(
        "result.sentence",
        rules=wording.say("result.rules", n=len(audit.rules)),
        failed=counts[Verdict.FAIL],
        passed=counts[Verdict.PASS],
        unknown=counts[Verdict.NOT_EVALUATED],
        findings=wording.say("result.findings", n=audit.summary.findings),
        open=audit.summary.open,
        waived=audit.summary.waived,
        standing=wording.say(
            "result.standing", n=audit.summary.findings, open=audit.summary.open, waived=audit.summary.waived
        ),
        coverage=_evidence(gaps, counts[Verdict.NOT_EVALUATED], wording),
    )


def _evidence(gaps: int, unknown: int, wording: Wording) -> str:
    """How complete the collection is; without a gap in it some rules may still lack what they need."""
    if gaps:
        return wording.say("result.gaps", n=gaps)
    return wording.say("result.lacking", n=unknown) if unknown else wording.say("result.complete")
