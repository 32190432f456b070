"""Every number of every sentence follows from the finding's evidence, in plain arithmetic."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import partial

import pytest

from auditor.model.finding import Finding
from tests.detectors.company import RULES


@pytest.fixture
def found(site) -> Mapping[str, tuple[Finding, ...]]:
    return site.found


class Evidence:
    """The evidence of a finding as Python's own values."""

    def __init__(self, finding: Finding) -> None:
        self.finding = finding

    def number(self, name: str, digits: int = 0) -> str:
        return shown(float(str(self.finding.evidence[name])), digits)

    def minutes(self, name: str) -> str:
        return shown(self.length(name) / timedelta(minutes=1), 0)

    def length(self, name: str) -> timedelta:
        return timedelta(microseconds=int(str(self.finding.evidence[name]).removesuffix("us")))

    def moment(self, name: str) -> datetime:
        return datetime.fromisoformat(str(self.finding.evidence[name]))

    def text(self, name: str) -> str:
        return str(self.finding.evidence[name])


def shown(value: float, digits: int) -> str:
    rounded = Decimal(abs(value) + 1e-9 / 10**digits).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)
    return f"{'−' if value < 0 and rounded else ''}{rounded}"


def span(length: timedelta) -> str:
    seconds = int(length.total_seconds())
    parts = ((seconds // 3600, "h"), (seconds // 60 % 60, "min"), (seconds % 60, "s"))
    return " ".join(f"{part} {unit}" for part, unit in parts if part) or "0 s"


def rarity(e: Evidence) -> str:
    return (
        f"{e.finding.subject} joined with {e.text('attribute')} {e.text('value')}; {e.text('n_value')} of "
        f"{e.text('n')} earlier joins of this person and {e.text('org_value')} of {e.text('org')} in the "
        f"organisation had that value ({e.number('score', 1)} bits)"
    )


def rare_client(e: Evidence) -> str:
    return (
        f"{e.finding.subject} joined with {e.text('value')}; {e.text('n_value')} of {e.text('n')} earlier joins did "
        f"({e.number('score', 1)} bits)"
    )


def robust_zscore(e: Evidence) -> str:
    return (
        f"{e.finding.subject} stayed {e.minutes('presence')} min in “…”, a value of {e.number('value', 2)}; the "
        f"middle of {e.text('n')} earlier stays is {e.number('center', 2)} (z {e.number('score', 1)})"
    )


def fan_in(e: Evidence, *, what: str) -> str:
    unseen = ", without history" if e.number("n") == "0" else ""
    return (
        f"{e.text('count')} {what} from {e.finding.subject} within {e.number('spread')} min; this device usually "
        f"stands for {e.number('center', 1)} (score {e.number('score', 1)}){unseen}"
    )


def burst(e: Evidence) -> str:
    usual = (
        ", without history"
        if e.finding.evidence["center"] is None
        else f"; the usual largest count is {e.number('center', 1)} (about 1 in 10^{e.number('score')})"
    )
    return f"{e.text('count')} joins of ….…{usual}".replace(
        "….…", f"… within 10 min from {e.moment('window_start'):%H:%M}"
    )


def overlap(e: Evidence) -> str:
    begin, both = e.moment("joined_time"), e.length("overlap")
    return (
        f"{e.finding.subject} was connected from {e.text('other_place')} and {e.text('place')} for the same "
        f"{span(both)} ({begin:%H:%M}–{begin + both:%H:%M} UTC)"
    )


def impossible_travel(e: Evidence) -> str:
    return (
        f"{e.finding.subject} left a meeting from {e.text('from_place')} at "
        f"{e.moment('previous_left'):%Y-%m-%d %H:%M} UTC and joined one from {e.text('to_place')} at "
        f"{e.moment('joined_time'):%Y-%m-%d %H:%M} UTC: "
        f"{e.number('distance')} km in {e.number('hours', 1)} h ({e.number('speed')} km/h)"
    )


def outlier(e: Evidence) -> str:
    return (
        f"{e.finding.subject}, period from {e.moment('period'):%Y-%m-%d}: {e.text('top_features')} of {e.text('n')} "
        "compared, itself included"
    )


def change_point(e: Evidence) -> str:
    before, after = (float(e.text(name)) for name in ("before", "after"))
    return (
        f"{e.finding.subject}’s value {'fell' if after < before else 'rose'} from {e.number('before', 2)} "
        f"({e.text('n_before')} periods) to {e.number('after', 2)} ({e.text('n_after')} periods) at "
        f"{e.moment('at'):%Y-%m-%d}"
    )


SENTENCES: Mapping[str, Callable[[Evidence], str]] = {
    "ANM-001": rarity,
    "ANM-003": robust_zscore,
    "ANM-004": partial(fan_in, what="accounts joined “…”"),
    "ANM-005": change_point,
    "ANM-006": outlier,
    "ANM-012": rare_client,
    "ANM-013": overlap,
    "ANM-014": burst,
    "ANM-015": partial(fan_in, what="different values on …"),
    "GEO-001": impossible_travel,
}
TITLES = {
    "ANM-003": r"“.*?”",
    "ANM-004": r"“.*?”",
    "ANM-014": r"(?<=joins of ).*?(?= within)",
    "ANM-015": r"(?<=values on )\S+",
}
"""What a sentence quotes that is no number of the evidence: titles, the entity, the day of `observed_at`."""


def without_titles(rule: str, sentence: str) -> str:
    shortened = "“…”" if TITLES.get(rule, "").startswith("“") else "…"
    return re.sub(TITLES[rule], shortened, sentence) if rule in TITLES else sentence


def test_all_rules_with_a_detector_are_recomputed() -> None:
    assert set(SENTENCES) == set(RULES)


@pytest.mark.slow
@pytest.mark.parametrize("rule", sorted(SENTENCES))
def test_a_sentence_follows_from_its_evidence(found, rule: str) -> None:
    assert found[rule]
    for finding in found[rule]:
        assert without_titles(rule, finding.message) == SENTENCES[rule](Evidence(finding)), finding.evidence


def test_speed_score_and_scale_follow_from_the_other_numbers(found) -> None:
    for finding in found["GEO-001"]:
        distance, hours, speed = (float(str(finding.evidence[name])) for name in ("distance", "hours", "speed"))
        assert math.isclose(speed, distance / hours, rel_tol=1e-9)
    for finding in found["ANM-003"]:
        value, center, scale_, score = (float(str(finding.evidence[n])) for n in ("value", "center", "scale", "score"))
        assert math.isclose(score, abs(math.log1p(value) - math.log1p(center)) / scale_, abs_tol=1e-8)
    for rule in ("ANM-004", "ANM-015"):
        for finding in found[rule]:
            k, usual, score = (float(str(finding.evidence[name])) for name in ("count", "center", "score"))
            assert math.isclose(score, (usual - k + k * math.log(k / usual)) / math.log(10), abs_tol=1e-8)


def test_tail_shares_of_a_week_are_those_of_all_weeks(found) -> None:
    for finding in found["ANM-006"]:
        shares = [float(share) / 100 for share in re.findall(r"tail ([\d.]+) %", str(finding.evidence["top_features"]))]
        n = int(str(finding.evidence["n"]))
        assert all(0 <= share <= 0.5 or share == 1 for share in shares)
        assert all(abs(share * n - round(share * n)) <= n * 0.00005 + 1e-6 for share in shares)
        assert sum(-math.log(max(share, 1 / n)) for share in shares) <= float(
            str(finding.evidence["score"])
        ) + 0.5 * len(shares)
