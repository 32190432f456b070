"""What the detector rules find in invented companies: recall, precision, and who is named without reason.

Ten companies of seeds nobody tuned on (1001 to 1010) unless others are named; seeds 1 to 5 are for development.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from statistics import median

import polars as pl

from auditor.model.finding import Finding
from auditor.model.window import Window
from auditor.rules.bind import BoundRule, bind
from auditor.rules.load import RuleSet, load_rules
from auditor.rules.outcome import Outcome
from auditor.rules.run import Means, run
from auditor.rules.spec import Detector
from auditor.rules.statistical import needed
from auditor.rules.tree import Literal, Type
from auditor.simulator.scale import Made, Scale, frames, make, places
from auditor.simulator.scale.made import behaviour
from auditor.simulator.scale.people import DOMAIN
from auditor.simulator.scale.tables import PAGE
from auditor.tables.facts import GEO, with_facts

UNSEEN = tuple(range(1001, 1011))
DEVELOPMENT = tuple(range(1, 6))
BUDGET = 50
EVERYTHING = 10_000
EFFECTS = (0.25, 0.5, 1.0, 2.0)
PLAIN = frozenset({"home", "office", "vpn", "carrier"})


@dataclass(frozen=True, slots=True)
class Question:
    """A rule, the behaviours it is there for, and those it may find as well without being wrong."""

    name: str
    rule: str
    own: frozenset[str]
    also: frozenset[str] = frozenset()
    zero: bool = False
    precision: float | None = None
    recall: float | None = None


ACCOUNTS = frozenset({"impossible-travel", "credential-sharing", "takeover"})
ELSEWHERE = ACCOUNTS | {"proxy-attendance"}
"""Behaviours in which somebody else uses an account from another place."""

QUESTIONS = (
    Question("travel", "GEO-001", frozenset({"impossible-travel"}), ELSEWHERE, True, 0.90, 0.95),
    Question("overlap", "ANM-013", frozenset({"credential-sharing"}), ELSEWHERE, True, 0.90, 0.95),
    Question("burst", "ANM-014", frozenset({"flapping"}), frozenset({"bombing"}), True, 0.90, 0.95),
    Question("bombing", "ENU-001", frozenset({"bombing"}), frozenset(), False, 0.90, 0.95),
    Question("fan-in", "ANM-004", frozenset({"proxy-attendance"}), frozenset(), True, 0.90, 0.95),
    Question("enumeration", "ANM-015", frozenset({"enumeration"}), frozenset(), True, 0.90, 0.95),
    Question(
        "robust z", "ANM-003", frozenset({"duration-inflation"}), frozenset({"attendance-change"}), True, 0.80, 0.90
    ),
    Question("change point", "ANM-005", frozenset({"attendance-change"}), frozenset(), True, 0.80, 0.90),
    Question("rarity", "ANM-001", frozenset({"takeover"}), ELSEWHERE, False, 0.60, None),
    Question("outlier", "ANM-006", ACCOUNTS | {"flapping"}, frozenset({"enumeration", "proxy-attendance", "bombing"})),
    Question("ghost host", "HST-002", frozenset({"ghost-host"})),
)


@dataclass(frozen=True, slots=True)
class Result:
    """How one rule did on one company, `found` within the budget and `all_found` without one."""

    found: int
    right: int
    recall: float
    average_precision: float
    base_rate: float
    false_people: int
    causes: Counter[str]
    verdict: str
    seconds: float
    all_found: int

    @property
    def precision(self) -> float:
        return self.right / self.found if self.found else 1.0


@dataclass(frozen=True, slots=True)
class Truth:
    """By leg and by participant: what was planted, and what kind of join it was."""

    legs: list[tuple[int | None, str | None, str]]
    rights: pl.DataFrame
    episodes: Mapping[str, int]

    @classmethod
    def of(cls, made: Made, tables: Mapping[str, pl.LazyFrame]) -> Truth:
        legs = made.legs.select("plant", "cause", behaviour=behaviour(pl.col("plant")))
        rights = tables["participants"].select("page", "item", "meeting_id", "email").collect()
        known = made.rights.join(made.people.select("who", "email"), on="who").select("email", "plant")
        counted = legs.filter(pl.col("plant").is_not_null()).group_by("behaviour").agg(pl.col("plant").n_unique())
        episodes = dict(counted.iter_rows())
        if made.rights.height:
            episodes["ghost-host"] = made.rights["plant"].n_unique()
        named = rights.filter(pl.col("email").is_in(known["email"].implode())).join(known.unique("email"), on="email")
        return cls(list(legs.select("plant", "behaviour", "cause").iter_rows()), named, episodes)

    def plants(self, finding: Finding, table: str) -> list[tuple[int | None, str | None, str]]:
        """Plant, behaviour and kind of join of each record of a finding."""
        if table == "participants":
            keys = {(record.page, record.item) for record in finding.records}
            rows = self.rights.filter(
                pl.struct("page", "item").is_in(pl.Series([{"page": p, "item": i} for p, i in keys]).implode())
            )
            return [(plant, "ghost-host", "partner") for plant in rows["plant"]] or [(None, None, "partner")]
        return [
            self.legs[int(record.page.removeprefix("sha256:"), 16) * PAGE + record.item] for record in finding.records
        ]


@cache
def bundled() -> RuleSet:
    """The rules as shipped, read once."""
    return load_rules()


def bound_rules(made: Made, only: Iterable[str], *, budget: int) -> tuple[BoundRule, ...]:
    """The rules of the questions with their budget lifted, so that the whole ranking is seen."""
    rules = bundled()
    found = []
    for rule_id in only:
        rule = rules.get(rule_id)
        if rule is None:
            raise SystemExit(f"no rule {rule_id}")
        lists = {"internal_domains": (DOMAIN,), "office_networks": ()}
        one = bind(rule, now=made.scale.end, lists=lists)
        found.append(_lifted(one, budget))
    return tuple(found)


def _lifted(one: BoundRule, budget: int) -> BoundRule:
    stage = one.rule.detect.stage
    if not isinstance(stage, Detector):
        return one
    name = "top" if stage.type == "outlier" else "budget"
    settings = {**stage.settings, name: Literal(budget, Type.INTEGER, one.rule.position)}
    detect = replace(one.rule.detect, stage=replace(stage, settings=settings))
    return replace(one, rule=replace(one.rule, detect=detect))


def judged(made: Made, questions: Sequence[Question]) -> dict[str, Result]:
    """Every question answered on one company."""
    plain = frames(made)
    truth = Truth.of(made, plain)
    tables = _with_facts(made, plain, questions)
    window = Window(made.scale.audited, made.scale.end)
    means = Means(lists={"internal_domains": (DOMAIN,)}, geo=None, python=None)
    results = {}
    for question in questions:
        begin = time.process_time()
        (bound,) = bound_rules(made, [question.rule], budget=EVERYTHING)
        (outcome,) = run(
            [bound], tables, window=window, now=made.scale.end, means=means, also={question.rule: ["score"]}
            if isinstance(bound.rule.detect.stage, Detector) else {},
        )  # fmt: skip
        if outcome.crashed:
            raise SystemExit(f"{question.rule}: {outcome.reason}")
        results[question.name] = _result(
            outcome, question, truth, seconds=time.process_time() - begin, table=bound.rule.detect.table,
            base=_base_rate(made, question),
        )  # fmt: skip
    return results


def _with_facts(
    made: Made, tables: Mapping[str, pl.LazyFrame], questions: Sequence[Question]
) -> dict[str, pl.LazyFrame]:
    """The tables, the attendees with every fact the rules read, so that it is made once."""
    stages = [rule.rule.detect.stage for rule in bound_rules(made, [each.rule for each in questions], budget=1)]
    read = frozenset().union(*(needed(stage) for stage in stages if isinstance(stage, Detector)))
    told = with_facts(
        tables, "attendees", needed=read | set(GEO) | {"is_internal", "is_host", "ip_network", "client_os"},
        internal_domains=(DOMAIN,), geo=partial(places, blocks=made.geography.blocks()),
    )  # fmt: skip
    return {**tables, "attendees": told.collect().lazy()}


def _base_rate(made: Made, question: Question) -> float:
    """The share of planted legs among those of the window; of person-weeks for `outlier`."""
    legs = made.legs.filter((pl.col("joined") >= made.scale.audited) & pl.col("email").is_not_null()).with_columns(
        own=behaviour(pl.col("plant")).is_in(list(question.own)).fill_null(value=False)
    )
    if question.name == "outlier":
        legs = legs.group_by("email", pl.col("joined").dt.truncate("1w")).agg(pl.col("own").any(), n=pl.len())
        legs = legs.filter(pl.col("n") >= 3)
    return float(legs["own"].mean() or 0.0)


def _result(outcome: Outcome, question: Question, truth: Truth, *, seconds: float, table: str, base: float) -> Result:
    scored = sorted(
        zip(outcome.findings, outcome.seen, strict=True),
        key=lambda pair: (-float(pair[1].get("score") or 0), pair[0].subject, pair[0].fingerprint),
    )
    right = question.own | question.also
    budget = BUDGET if outcome.ledger is not None else len(scored)
    hit: set[int] = set()
    relevant, precisions, seen_plants = 0, [], set()
    rank = good = 0
    causes: Counter[str] = Counter()
    people: set[str] = set()
    for finding, _ in scored:
        plants = truth.plants(finding, table)
        own = {plant for plant, name, _ in plants if name in question.own}
        any_right = any(name in right for _, name, _ in plants)
        rank += 1
        if own:
            relevant += 1
            precisions.append(relevant / rank)
        if rank <= budget:
            good += any_right
            hit |= {plant for plant in own if plant is not None}
            if not any_right:
                people.add(finding.subject)
                causes[_cause(plants)] += 1
        seen_plants |= own
        if any_right and not own:
            rank -= 1 if rank > budget else 0
    episodes = sum(truth.episodes.get(name, 0) for name in question.own)
    total = max(relevant, episodes)
    if question.name == "outlier":
        total = max(relevant, 1)
    return Result(
        found=min(len(scored), budget), right=good, recall=len(hit) / episodes if episodes else 1.0,
        average_precision=sum(precisions) / total if total else 0.0, base_rate=base, false_people=len(people),
        causes=causes, verdict=outcome.verdict.value + (f" ({outcome.reason})" if outcome.reason else ""),
        seconds=seconds, all_found=len(scored),
    )  # fmt: skip


def _cause(plants: Sequence[tuple[int | None, str | None, str]]) -> str:
    """What may have caused a false finding: the rarest kind of join among its records."""
    if any(name for _, name, _ in plants):
        return "another plant"
    told = Counter(cause for _, _, cause in plants)
    odd = [cause for cause in told if cause not in PLAIN]
    return min(odd, key=lambda cause: (told[cause], cause)) if odd else "ordinary: " + "+".join(sorted(told))


def _share(values: Sequence[float]) -> str:
    return f"{min(values):.2f}/{median(values):.2f}"


def table(results: Sequence[dict[str, Result]], scales: Sequence[Scale]) -> None:
    """Minimum and median over the seeds, one line a question."""
    print(
        f"{'':13}{'rule':8} {'precision':>11} {'recall':>11} {'avg.prec.':>11} {'base rate':>9}"
        f" {'findings':>9} {'all':>7} {'false /1000/month':>18} {'cpu s':>6}"
    )
    for question in QUESTIONS:
        mine = [result[question.name] for result in results if question.name in result]
        if not mine:
            continue
        rates = [
            1000 * (one.found - one.right) / scale.users / _months(scale)
            for one, scale in zip(mine, scales, strict=True)
        ]
        goal = "" if question.precision is None else _verdict(question, mine)
        print(
            f"{question.name:13}{question.rule:8} {_share([one.precision for one in mine]):>11}"
            f" {_share([one.recall for one in mine]):>11} {_share([one.average_precision for one in mine]):>11}"
            f" {median(one.base_rate for one in mine):9.5f} {median(one.found for one in mine):9.0f}"
            f" {median(one.all_found for one in mine):7.0f} {max(rates):8.2f}/{median(rates):.2f}"
            f" {median(one.seconds for one in mine):10.1f}  {goal}"
        )
        odd = {one.verdict for one in mine if one.verdict.startswith("not")}
        for verdict in sorted(odd):
            print(f"{'':13}{verdict}")


def _months(scale: Scale) -> float:
    return (scale.days - scale.since) / 30


def _verdict(question: Question, mine: Sequence[Result]) -> str:
    met = all(one.precision >= (question.precision or 0) for one in mine) and all(
        one.recall >= (question.recall or 0) for one in mine
    )
    return "met" if met else "NOT met"


def causes(results: Sequence[dict[str, Result]]) -> None:
    """False findings by what the records were, over all seeds."""
    for question in QUESTIONS:
        counted: Counter[str] = Counter()
        for result in results:
            if question.name in result:
                counted += result[question.name].causes
        if counted:
            told = ", ".join(f"{cause} {number}" for cause, number in counted.most_common(8))
            print(f"  {question.name}: {told}")


def zero_run(results: Sequence[dict[str, Result]], scales: Sequence[Scale]) -> None:
    """Findings where nothing was planted, per 1,000 people and month."""
    sums = []
    for result, scale in zip(results, scales, strict=True):
        many = sum(one.found for name, one in result.items() if _question(name).zero)
        sums.append(1000 * many / scale.users / _months(scale))
    for question in QUESTIONS:
        mine = [result[question.name].found for result in results if question.name in result]
        if mine:
            print(f"  {question.name:13} findings: max {max(mine)}, median {median(mine):.0f}")
    print(f"  the six together, per 1,000 people and month: max {max(sums):.2f}, median {median(sums):.2f}")
    causes(results)


def _question(name: str) -> Question:
    return next(question for question in QUESTIONS if question.name == name)


def main(arguments: Sequence[str] = ()) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks detection")
    parser.add_argument("--users", type=int, default=2000)
    parser.add_argument("--days", type=int, default=180)
    parser.add_argument("--seeds", default="", help="as 1001-1010 or 1,2; `dev` is 1-5")
    parser.add_argument("--only", default="", help="names of questions, with commas")
    parser.add_argument("--parts", default="found,effects,zero", help="what to measure")
    parser.add_argument("--effect-seeds", type=int, default=3, help="how many of the seeds for other effect sizes")
    asked = parser.parse_args(list(arguments))
    seeds = _seeds(asked.seeds)
    questions = [one for one in QUESTIONS if not asked.only or one.name in asked.only.split(",")]

    def scales(**changed: object) -> list[Scale]:
        return [replace(Scale(asked.users, asked.days, seed=str(seed)), **changed) for seed in seeds]

    print(
        f"{asked.users} people, {asked.days} days, seeds {seeds[0]} to {seeds[-1]}, budget {BUDGET}; minimum/median",
        flush=True,
    )
    parts = asked.parts.split(",")
    at_one: list[dict[str, Result]] = []
    if "found" in parts:
        at_one = [judged(make(scale), questions) for scale in scales()]
        table(at_one, scales())
        print("\nfalse findings by kind of join, all seeds")
        causes(at_one)
    if "effects" in parts:
        few = slice(asked.effect_seeds)
        print(f"\nrecall by effect size, median over {len(seeds[few])} seeds", flush=True)
        swept = {1.0: at_one[few]} if at_one else {}
        for effect in EFFECTS:
            if effect not in swept:
                swept[effect] = [judged(make(scale), questions) for scale in scales(effect=effect)[few]]
        for question in questions:
            line = "  ".join(
                f"{effect:g}: {median(one[question.name].recall for one in swept[effect]):.2f}" for effect in EFFECTS
            )
            print(f"  {question.name:13} {line}")
    if "zero" in parts:
        print("\nnothing planted", flush=True)
        zero_run([judged(make(scale), questions) for scale in scales(zero=True)], scales())


def _seeds(text: str) -> tuple[int, ...]:
    if text == "dev":
        return DEVELOPMENT
    if not text:
        return UNSEEN
    first, dash, last = text.partition("-")
    return tuple(range(int(first), int(last) + 1)) if dash else tuple(int(each) for each in text.split(","))


if __name__ == "__main__":
    import sys

    main(sys.argv[1:])
