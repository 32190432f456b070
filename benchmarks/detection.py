"""What the detector rules find in invented companies: recall, precision, and who is named without reason.

Ten companies of seeds nobody tuned on (1001 to 1010) unless others are named; seeds 1 to 5 and 11 to 16 are for
development.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from statistics import median

import polars as pl

from auditor.model.window import Window
from auditor.rules.judging.run import Means, run
from auditor.rules.language.spec import Detector
from auditor.rules.language.tree import Literal, Type
from auditor.rules.outcome import Outcome
from auditor.rules.reading.bind import BoundRule, bind
from auditor.rules.reading.load import RuleSet, load_rules
from auditor.rules.stages.statistical import needed
from auditor.simulator.scale import Made, Scale, frames, places, variants
from auditor.simulator.scale.made import behaviour
from auditor.simulator.scale.people import DOMAIN
from auditor.tables.facts import GEO, with_facts
from benchmarks.companies.questions import QUESTIONS, Question
from benchmarks.companies.truth import Truth

UNSEEN = tuple(range(1001, 1011))
DEVELOPMENT = (*range(1, 6), *range(11, 17))
EVERYTHING = 10_000
EFFECTS = (0.25, 0.5, 1.0, 2.0)
PLAIN = frozenset({"home", "office", "vpn", "carrier"})


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


@cache
def bundled() -> RuleSet:
    """The rules as shipped, read once."""
    return load_rules()


def bound_rules(made: Made, only: Iterable[str]) -> tuple[BoundRule, ...]:
    """The rules of the questions as a company of that kind would run them."""
    rules = bundled()
    found = []
    for rule_id in only:
        rule = rules.get(rule_id)
        if rule is None:
            raise SystemExit(f"no rule {rule_id}")
        lists = {"internal_domains": (DOMAIN,), "office_networks": ()}
        one = bind(rule, now=made.scale.end, lists=lists)
        found.append(one)
    return tuple(found)


def _budget(one: BoundRule) -> int | None:
    """How many findings the rule lists; None when it lists all."""
    stage = one.rule.detect.stage
    if not isinstance(stage, Detector):
        return None
    setting = stage.settings["top" if stage.type == "outlier" else "budget"]
    return int(str(setting.value)) if isinstance(setting, Literal) else None


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
        (listed,) = bound_rules(made, [question.rule])
        bound = _lifted(listed, EVERYTHING)
        (outcome,) = run(
            [bound], tables, window=window, now=made.scale.end, means=means, also={question.rule: ["score"]}
            if isinstance(bound.rule.detect.stage, Detector) else {},
        )  # fmt: skip
        if outcome.crashed:
            raise SystemExit(f"{question.rule}: {outcome.reason}")
        results[question.name] = _result(
            outcome, question, truth, seconds=time.process_time() - begin, table=bound.rule.detect.table,
            budget=_budget(listed),
            base=_planted(made, question),
        )  # fmt: skip
    return results


def _with_facts(
    made: Made, tables: Mapping[str, pl.LazyFrame], questions: Sequence[Question]
) -> dict[str, pl.LazyFrame]:
    """The tables, the attendees with every fact the rules read, so that it is made once."""
    stages = [rule.rule.detect.stage for rule in bound_rules(made, [each.rule for each in questions])]
    read = frozenset().union(*(needed(stage) for stage in stages if isinstance(stage, Detector)))
    told = with_facts(
        tables, "attendees", needed=read | set(GEO) | {"is_internal", "is_host", "ip_network", "client_os"},
        internal_domains=(DOMAIN,), geo=partial(places, blocks=made.geography.blocks()),
    )  # fmt: skip
    return {**tables, "attendees": told.collect().lazy()}


def _planted(made: Made, question: Question) -> tuple[int, int]:
    """How many legs of the window are planted, and of how many; person-weeks of staff for `outlier`."""
    legs = made.legs.filter((pl.col("joined") >= made.scale.audited) & pl.col("email").is_not_null()).with_columns(
        own=behaviour(pl.col("plant")).is_in(list(question.own)).fill_null(value=False)
    )
    if question.name == "outlier":
        staff = legs.filter(pl.col("email").str.ends_with(f"@{DOMAIN}"))
        weeks = staff.group_by("email", pl.col("joined").dt.truncate("1w")).agg(pl.col("own").any(), n=pl.len())
        legs = weeks.filter(pl.col("n") >= 3)
    return int(legs["own"].sum()), legs.height


def _result(
    outcome: Outcome,
    question: Question,
    truth: Truth,
    *,
    seconds: float,
    table: str,
    base: tuple[int, int],
    budget: int | None,
) -> Result:
    scored = sorted(
        zip(outcome.findings, outcome.seen, strict=True),
        key=lambda pair: (-float(pair[1].get("score") or 0), pair[0].subject, pair[0].fingerprint),
    )
    right = question.own | question.also
    shown = len(scored) if budget is None else budget
    hit: set[int] = set()
    precisions: list[float] = []
    aside = good = 0
    causes: Counter[str] = Counter()
    people: set[str] = set()
    for rank, (finding, _) in enumerate(scored, start=1):
        plants = truth.plants(finding, table)
        own = {plant for plant, name, _ in plants if name in question.own}
        any_right = any(name in right for _, name, _ in plants)
        if own:
            precisions.append((len(precisions) + 1) / (rank - aside))
        elif any_right:
            aside += 1
        if rank <= shown:
            good += any_right
            hit |= {plant for plant in own if plant is not None}
            if not any_right:
                people.add(finding.subject)
                causes[_cause(plants)] += 1
    episodes = sum(truth.episodes.get(name, 0) for name in question.own)
    planted, of = base
    total = max(len(precisions), planted if question.name == "outlier" else episodes)
    return Result(
        found=min(len(scored), shown), right=good, recall=len(hit) / episodes if episodes else 1.0,
        average_precision=sum(precisions) / max(total, 1), base_rate=planted / max(of, 1), false_people=len(people),
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
        goal = _verdict(question, mine)
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
    reached = [
        (question.precision, [one.precision for one in mine]),
        (question.recall, [one.recall for one in mine]),
        (question.above_chance, [one.average_precision / max(one.base_rate, 1e-9) for one in mine]),
    ]
    asked = [(goal, min(found)) for goal, found in reached if goal is not None]
    if not asked:
        return ""
    return "met" if all(found >= goal for goal, found in asked) else "NOT met"


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
    parser.add_argument("--seeds", default="", help="as 1001-1010 or 1,2; `dev` is 1-5 and 11-16")
    parser.add_argument("--only", default="", help="names of questions, with commas")
    parser.add_argument("--parts", default="found,effects,zero", help="what to measure")
    parser.add_argument("--effect-seeds", type=int, default=3, help="how many of the seeds for other effect sizes")
    asked = parser.parse_args(list(arguments))
    seeds = _seeds(asked.seeds)
    questions = [one for one in QUESTIONS if not asked.only or one.name in asked.only.split(",")]

    parts = frozenset(asked.parts.split(","))
    scales = [Scale(asked.users, asked.days, seed=str(seed)) for seed in seeds]
    print(
        f"{asked.users} people, {asked.days} days, seeds {seeds[0]} to {seeds[-1]}, each rule with its own budget;"
        " minimum/median",
        flush=True,
    )
    swept: dict[float, list[dict[str, Result]]] = {effect: [] for effect in EFFECTS}
    quiet: list[dict[str, Result]] = []
    for place, scale in enumerate(scales):
        changes = _changes(parts, further=place < asked.effect_seeds)
        for made in variants(scale, *changes):
            results = judged(made, [one for one in questions if made.scale.zero <= one.quiet])
            (quiet if made.scale.zero else swept[made.scale.effect]).append(results)
            _progress(made.scale, results)
    if "found" in parts:
        table(swept[1.0], scales)
        print("\nfalse findings by kind of join, all seeds")
        causes(swept[1.0])
    if "effects" in parts:
        print(f"\nrecall by effect size, median over {min(asked.effect_seeds, len(seeds))} seeds", flush=True)
        for question in questions:
            line = "  ".join(
                f"{effect:g}: {median(one[question.name].recall for one in found[: asked.effect_seeds]):.2f}"
                for effect, found in swept.items()
            )
            print(f"  {question.name:13} {line}")
    if "zero" in parts:
        print("\nnothing planted", flush=True)
        zero_run(quiet, scales)


def _changes(parts: Collection[str], *, further: bool) -> list[dict[str, float]]:
    """The variants of a company that the parts ask for."""
    effects = [effect for effect in EFFECTS if (effect == 1.0 and "found" in parts) or (further and "effects" in parts)]
    return [*({"effect": effect} for effect in effects), *([{"zero": True}] if "zero" in parts else [])]


def _progress(scale: Scale, results: Mapping[str, Result]) -> None:
    """One line a company on stderr, so that a run cut short has told something."""
    told = ", ".join(f"{name} {one.right}/{one.found} {one.recall:.2f}" for name, one in results.items())
    kind = "nothing planted" if scale.zero else f"effect {scale.effect:g}"
    print(f"seed {scale.seed}, {kind}: {told}", file=sys.stderr, flush=True)


def _seeds(text: str) -> tuple[int, ...]:
    if text == "dev":
        return DEVELOPMENT
    if not text:
        return UNSEEN
    first, dash, last = text.partition("-")
    return tuple(range(int(first), int(last) + 1)) if dash else tuple(int(each) for each in text.split(","))


if __name__ == "__main__":
    main(sys.argv[1:])
