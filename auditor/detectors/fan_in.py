"""`fan_in`: many accounts behind one device.

`k` counts the distinct accounts of one entity (a network with a client) in one scope (a meeting, a day).
`λ = (Σ k over the entity's other scopes + 0.5) / (other scopes of its network + 1)`, the scope itself left out.
The score is the Chernoff bound on −log10 P(Poisson(λ) ≥ k): `(λ − k + k·ln(k/λ)) / ln 10` for k > λ, else 0.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import field

import polars as pl

from auditor.detectors.crowds import Cases
from auditor.detectors.detection import (
    DIGITS,
    WITHOUT_HISTORY,
    Budget,
    Detection,
    learned,
    records,
    some_judged,
    unjudged,
    usable,
    within,
)
from auditor.detectors.past import numbers
from auditor.detectors.seen import Again, Beside, Seen, concluded, ends, once, together
from auditor.detectors.suppress import first_reason, in_networks
from auditor.detectors.wording import entity, number
from auditor.entities.columns import flags, picked, run_starts, where_true
from auditor.entities.groups import codes, ids, own_numbers, paired
from auditor.entities.networks import NETWORK, WHERE, is_remote_exit, knows_network, remote_exits
from auditor.entities.packed import texts
from auditor.frozen import dataclass
from auditor.model.window import Window
from auditor.tables.schema import LINEAGE

SHOWN = 20
_PLACED = ("email", "ip_network", "geo_country")


@dataclass(frozen=True, slots=True)
class FanIn:
    """Settings of `fan_in`; the network is `ip_network` where `entity` has it, else its first column."""

    entity: tuple[str, ...] = ("ip_network", "client_agent")
    distinct: str = "email"
    scope: tuple[str, ...] = ("meeting_id",)
    min_count: int = 4
    min_score: float = 3.0
    retrospective: bool = False
    networks: tuple[str, ...] = field(default=())
    suppress: tuple[str, ...] = ("listed_network", "remote_exit")
    budget: Budget = field(default_factory=Budget)

    @property
    def needed(self) -> frozenset[str]:
        """The columns and facts it reads of a row."""
        scope = {"joined_time" if name == "day" else name for name in self.scope}
        return frozenset(
            {
                *self.entity,
                self.distinct,
                *scope,
                *(name for name in WHERE if name != "asn"),
                *(["meeting_number"] if self.retrospective else []),
                "joined_time",
                "meeting_id",
                "meeting_title",
            }
        )

    @property
    def sifted(self) -> frozenset[str]:
        """The columns all rows are looked at by."""
        return frozenset({*self.whole, *(["meeting_number"] if self.retrospective else []), *_PLACED})

    @property
    def whole(self) -> tuple[str, ...]:
        """What a row must have."""
        scope = (name for name in self.scope if name != "day")
        return tuple(dict.fromkeys((*self.entity, self.distinct, "joined_time", *scope)))

    @property
    def network(self) -> str:
        """The column that is the network."""
        return "ip_network" if "ip_network" in self.entity else self.entity[0]

    @property
    def place(self) -> tuple[str, ...]:
        """The columns of an entity in a scope."""
        return tuple(dict.fromkeys((*self.entity, *self.scope)))

    @property
    def apart(self) -> tuple[str, ...]:
        """The columns by any of which rows may be split and looked at part by part, where places are not known."""
        return (self.network,)

    @property
    def far(self) -> bool:
        """Whether it looks at all rows together where places are known."""
        return "remote_exit" in self.suppress


def detect(rows: pl.LazyFrame, settings: FanIn, window: Window) -> Detection:
    """The scopes in which an entity stands for unusually many accounts."""
    return tell([look(rows, settings, window, Beside())], settings, window, once(rows))


def tell(parts: Sequence[Seen], settings: FanIn, window: Window, again: Again) -> Detection:
    """The detection of what was seen of all parts."""
    del window, again
    seen = together(parts)
    if not seen.rows:
        return unjudged(seen.lost, settings.whole)
    found = concluded(seen, seen.found, entity=settings.entity, budget=settings.budget)
    return some_judged(found, settings.whole)


def look(rows: pl.LazyFrame, settings: FanIn, window: Window, beside: Beside) -> Seen:
    """The scopes in which an entity of the part stands for unusually many accounts, scored."""
    frame, lost = usable(rows, read=settings.needed, whole=settings.whole, window=window)
    if frame.is_empty():
        return Seen(0, lost)
    if "day" in settings.place:
        frame = frame.with_columns(day=frame["joined_time"].dt.truncate("1d").alias("day"))
    cases = Cases.of(
        frame, window, network=settings.network, entity=settings.entity, scope=settings.scope, who=settings.distinct
    )
    every, times = cases.frame, cases.frame["joined_time"]
    excess = pl.col("count") * (pl.col("count") / pl.col("center")).log() + pl.col("center") - pl.col("count")
    surprise = pl.when(pl.col("count") > pl.col("center")).then(excess / math.log(10)).otherwise(0.0)
    scored = (
        _rated(cases, settings)
        .with_columns(score=surprise.round(DIGITS))
        .filter((pl.col("score") >= settings.min_score) & within(window, "observed_at"))
        .sort("_case")
    )
    named = texts(every.select(settings.place)[picked(cases.row, scored["_case"])])
    scored = pl.concat([named, scored], how="horizontal")
    came = scored.select(joined_time="observed_at", ip_network=pl.col(settings.network).cast(pl.String()))
    networks = came["ip_network"]
    asked = networks if "remote_exit" in settings.suppress else networks.clear()
    # where no country is known nothing is known of exits
    located = beside.whole(every if every["geo_country"].null_count() < every.height else every.clear())
    members = _members(cases, scored["_case"])
    scored = scored.with_columns(
        _exit=is_remote_exit(came, remote_exits(located, place=NETWORK, among=asked), place=NETWORK),
        _known=_known(members, every, settings, networks),
        _listed=in_networks(networks, settings.networks),
    )
    reasons = {
        "listed_network": pl.col("_listed"),
        "remote_exit": pl.col("_exit"),
        "known_network": pl.col("_known"),
    }
    judged = scored.with_columns(
        suppressed=first_reason({name: reasons[name] for name in settings.suppress if name in reasons})
    ).drop("_exit", "_known", "_listed")
    return Seen(
        every.height,
        lost,
        _worded(_with_members(judged, members, beside.whole(every[members["_row"]]), settings).drop("_case"), settings),
        cases.within(every.select(within(window, "joined_time")).to_series()),
        times=ends(times.filter(times < window.start)),
    )


def _rated(cases: Cases, settings: FanIn) -> pl.DataFrame:
    """Every (entity, scope) that counts enough, with its count and its usual count λ, the scope itself left out."""
    if settings.retrospective:
        rated = _leave_one_out(cases, settings.min_count)
    else:
        rated = cases.rated(settings.min_count)
        learned(rated["_scopes"], earlier=rated.select(_after_the_first()).to_series())
    return rated.select(
        "_case",
        "count",
        "observed_at",
        center=(pl.col("_others") + 0.5) / (pl.col("_scopes") + 1),
        n=pl.col("_scopes"),
    )


def _after_the_first() -> pl.Expr:
    """Whether another scope of the network began before this one did."""
    began = pl.col("observed_at").min()
    return began.over("_place") > began.over("_network")


def _members(cases: Cases, chosen: pl.Series) -> pl.DataFrame:
    """The rows of the chosen cases, `_row`, and the place of each one's case among them, `_case`, in order."""
    asked = flags(cases.row.len()).scatter(chosen, True)
    number = cases.number.filter(picked(asked, cases.number))
    return pl.DataFrame({"_case": run_starts(number).cum_sum().cast(pl.Int64()) - 1, "_row": cases.rows_of(asked)})


def _known(members: pl.DataFrame, frame: pl.DataFrame, settings: FanIn, networks: pl.Series) -> pl.Series:
    """For each candidate, whether more than half of its people used its network on two earlier days."""
    if "known_network" not in settings.suppress:
        return pl.Series([False]).new_from_index(0, networks.len())
    theirs = frame.select("email", "ip_network")[members["_row"]]
    there = theirs["ip_network"].is_in(networks.cast(theirs.schema["ip_network"]).unique().implode())
    members = members.with_columns(email=ids(theirs, ["email"])).filter(there.fill_null(value=False))
    # who was there before follows from the rows of the same people on the same networks
    use = paired(own_numbers(frame, ["ip_network"]), own_numbers(frame, ["email"]))
    rows = where_true(use.is_in(picked(use, members["_row"]).unique().implode()))
    knows = knows_network(frame.select("email", "ip_network", "joined_time")[rows], places=(NETWORK,))
    usual = (
        members.with_columns(_knows=picked(knows, rows.search_sorted(members["_row"])))
        .group_by("_case", "email")
        .agg(pl.col("_knows").any())
        .group_by("_case")
        .agg(_known=2 * pl.col("_knows").sum() > pl.len())
    )
    return (
        numbers(networks.len()).to_frame("_case").join(usual, on="_case", how="left", maintain_order="left")["_known"]
    )


def _with_members(judged: pl.DataFrame, members: pl.DataFrame, rows: pl.DataFrame, settings: FanIn) -> pl.DataFrame:
    """The candidates with `meeting_title`, `spread`, `members`, the first accounts of each, and `records`."""
    read = list(dict.fromkeys(("meeting_title", settings.distinct, "joined_time", *LINEAGE)))
    told = (
        texts(rows.select(read))
        .with_columns(members["_case"])
        .group_by("_case")
        .agg(
            _title=pl.col("meeting_title").min(),
            members=pl.col(settings.distinct).unique().sort().head(SHOWN),
            records=records(),
            _last=pl.col("joined_time").max(),
        )
        .sort("_case")
    )
    spread = (pl.col("_last") - pl.col("observed_at")).dt.total_microseconds() / 60_000_000
    return judged.hstack(told.drop("_case")).with_columns(spread=spread, meeting_title="_title").drop("_last", "_title")


def _leave_one_out(cases: Cases, least: int) -> pl.DataFrame:
    """The same as `Cases.rated`, over all scopes but those of the same scope or the same series."""
    theirs = cases.of_crowds(least)
    counts, _ = cases.accounts(theirs)
    first, place = cases.places()
    series = codes(cases.frame["meeting_number"])
    of_rows = pl.DataFrame(
        {"_case": cases.number, "_place": picked(place, cases.number), "_series": picked(series, cases.rows)}
    )
    by_case, by_place = (
        of_rows.group_by(key, maintain_order=True).agg(pl.col("_series").min())["_series"]
        for key in ("_case", "_place")
    )
    alone = pl.col("_series").is_null()
    case = where_true(theirs)
    row = picked(cases.row, case)
    total = pl.DataFrame(
        {
            "_case": case.cast(pl.Int64()),
            "_place": picked(place, case),
            "_pair": picked(cases.pair, row),
            "_series": picked(by_case, case),
            "count": picked(counts, case),
            "observed_at": picked(cases.frame["joined_time"], row),
        }
    ).with_columns(
        _all=pl.col("count").sum().over("_pair"),
        _mine=pl.when(alone).then("count").otherwise(pl.col("count").sum().over("_pair", "_series")),
    )
    sizes = pl.DataFrame({"_network": picked(cases.network, first), "_series": by_place}).select(
        _scopes=pl.len().over("_network").cast(pl.Int64)
        - pl.when(alone).then(1).otherwise(pl.len().over("_network", "_series")).cast(pl.Int64),
    )
    return (
        total.with_columns(_others=pl.col("_all") - pl.col("_mine"))
        .hstack(sizes[total["_place"]])
        .filter(pl.col("count") >= least)
    )


def _worded(judged: pl.DataFrame, settings: FanIn) -> pl.DataFrame:
    """The candidates with their sentence."""
    where = (
        pl.concat_str(pl.lit("“"), pl.col("meeting_title").fill_null("a meeting"), pl.lit("”"))
        if settings.scope == ("meeting_id",)
        else pl.concat_str(pl.col(name).cast(pl.String()).fill_null("—") for name in settings.scope)
        if settings.scope != ("day",)
        else pl.col("day").dt.strftime("%Y-%m-%d")
    )
    unseen = pl.col("n") == 0
    noun = "accounts joined " if settings.distinct == "email" else "different values on "
    return judged.with_columns(
        explanation=pl.concat_str(
            pl.col("count").cast(pl.String()),
            pl.lit(f" {noun}"),
            where,
            pl.lit(" from "),
            entity(settings.entity),
            pl.lit(" within "),
            number("spread", digits=0),
            pl.lit(" min; this device usually stands for "),
            number("center"),
            pl.lit(" (score "),
            number("score"),
            pl.lit(")"),
            pl.when(unseen).then(pl.lit(WITHOUT_HISTORY)).otherwise(pl.lit("")),
        ),
        confidence=pl.when(unseen).then(pl.lit("low")),
    )
