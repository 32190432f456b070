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

from auditor.detectors.detection import (
    DIGITS,
    WITHOUT_HISTORY,
    Budget,
    Detection,
    in_time,
    kinds_within,
    learned,
    records,
    some_judged,
    unjudged,
    usable,
    within,
)
from auditor.detectors.past import Past, keyed
from auditor.detectors.seen import Again, Beside, Seen, concluded, ends, once, together
from auditor.detectors.suppress import first_reason, in_networks
from auditor.detectors.wording import entity, number
from auditor.entities.columns import picked, run_starts
from auditor.entities.groups import codes, greatest, ids, paired
from auditor.entities.networks import NETWORK, WHERE, is_remote_exit, knows_network, remote_exits
from auditor.entities.packed import texts
from auditor.frozen import dataclass
from auditor.model.window import Window

SHOWN = 20


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
    del beside
    frame, lost = usable(rows, read=settings.needed, whole=settings.whole, window=window)
    if frame.is_empty():
        return Seen(0, lost)
    every = frame.with_columns(day=frame["joined_time"].dt.truncate("1d").alias("day"))
    numbered = _numbered(every, settings)
    straddling = _straddling(numbered, window)
    if straddling.any():
        every = every.filter(~straddling)
        numbered = numbered.filter(~straddling).with_columns(_row=pl.int_range(pl.len(), dtype=pl.Int64()))
    times = every["joined_time"]
    crowd = _crowded(numbered["_case"], settings)
    counted = _rated(numbered, crowd, settings)
    frame = every.filter(_like(numbered["_network"], crowd))
    excess = pl.col("count") * (pl.col("count") / pl.col("center")).log() + pl.col("center") - pl.col("count")
    surprise = pl.when(pl.col("count") > pl.col("center")).then(excess / math.log(10)).otherwise(0.0)
    scored = counted.with_columns(score=surprise.round(DIGITS)).filter(
        (pl.col("score") >= settings.min_score) & within(window, "observed_at")
    )
    named = texts(every.select(settings.place)[scored["_row"]])
    scored = pl.concat([named, scored.drop("_row")], how="horizontal")
    came = scored.select(joined_time="observed_at", ip_network=pl.col(settings.network).cast(pl.String()))
    networks = came["ip_network"]
    asked = networks if "remote_exit" in settings.suppress else networks.clear()
    scored = scored.with_columns(
        _exit=is_remote_exit(came, remote_exits(every, place=NETWORK, among=asked), place=NETWORK),
        _known=_known(scored, frame, settings, networks),
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
        _worded(_with_members(judged, frame, settings), settings),
        kinds_within(numbered["_case"], times, window),
        times=ends(times.filter(times < window.start)),
    )


def _numbered(frame: pl.DataFrame, settings: FanIn) -> pl.DataFrame:
    """The rows as numbers: network, entity as `_pair`, scope, entity in its scope as `_case`, account as `_who`."""
    network, scope = ids(frame, [settings.network]), ids(frame, settings.scope)
    pair = paired(network, ids(frame, [name for name in settings.entity if name != settings.network]))
    return frame.select(
        "joined_time",
        _network=network,
        _pair=pair,
        _scope=scope,
        _case=paired(pair, scope),
        _who=ids(frame, [settings.distinct]),
        _series=codes(frame["meeting_number"]) if settings.retrospective else None,
        _row=pl.int_range(pl.len(), dtype=pl.Int64()),
    )


def _straddling(numbered: pl.DataFrame, window: Window) -> pl.Series:
    """Which rows lie before the window, and others of their case inside, on which alone it is judged."""
    earlier = numbered["joined_time"] < window.start
    if not earlier.any():
        return earlier
    return earlier & numbered["_case"].is_in(numbered["_case"].filter(~earlier).unique().implode())


def _crowded(case: pl.Series, settings: FanIn) -> pl.Series:
    """Rows that are of a case with enough rows to count, at least one of each."""
    size = 1 << case.len().bit_length()
    if greatest(case) >= (1 << 62) // size:
        case = case.rank("dense").cast(pl.Int64())
    keys = (case * size + pl.int_range(case.len(), dtype=pl.Int64(), eager=True)).sort()
    own = keys // size
    # sorted by case, so one has enough rows where the row that many places before is of it, too
    enough = (own == own.shift(max(settings.min_count - 1, 0))).fill_null(value=False)
    return keys.filter(enough) % size


def _like(groups: pl.Series, rows: pl.Series) -> pl.Series:
    """Which rows are of a group that one of those rows is of."""
    return groups.is_in(picked(groups, rows).unique().implode())


def _counted(theirs: pl.DataFrame) -> pl.DataFrame:
    """Every case with what its rows share, the first of them, when it began and its `count` of different accounts."""
    keys, size = keyed(theirs["_case"])
    keys = keys.sort()
    rows, case = keys % size, keys // size
    # what stands together is grouped in a third of the time
    case = run_starts(case).cum_sum().cast(pl.Int64()).set_sorted()
    found = (
        theirs[rows]
        .with_columns(case.alias("_case"))
        .group_by("_case", maintain_order=True)
        .agg(
            pl.col("_network", "_pair", "_scope").first(),
            pl.col("_series", "_row").min(),
            observed_at=pl.col("joined_time").min(),
        )
    )
    people = greatest(theirs["_who"]) + 1
    each = (case * people + picked(theirs["_who"], rows)).sort()
    different = each.filter(run_starts(each)) // people
    return found.with_columns(different.rle().struct.field("len").cast(pl.Int64()).alias("count"))


def _rated(numbered: pl.DataFrame, crowd: pl.Series, settings: FanIn) -> pl.DataFrame:
    """Every (entity, scope) that counts enough, with its count and its usual count λ, the scope itself left out.

    `_row` is one of its rows; `crowd` has rows of every one.
    """
    theirs = numbered.filter(_like(numbered["_pair"], crowd))
    counted = _counted(theirs)
    near = in_time(numbered.filter(_like(numbered["_network"], crowd)))
    place = paired(near["_network"], near["_scope"])
    places = near.select("_network", "_scope", _start="joined_time")[place.arg_unique()]
    if settings.retrospective:
        series = near.group_by("_network", "_scope").agg(pl.col("_series").min())
        places = places.join(series, on=["_network", "_scope"])
    enough = pl.col("count") >= settings.min_count
    rated = _leave_one_out(counted, places) if settings.retrospective else _strictly_before(counted, places)
    rated = rated.filter(enough)
    if not settings.retrospective:
        learned(rated["_scopes"], earlier=rated.select(_after_the_first()).to_series())
    return rated.select(
        "_row",
        "count",
        "observed_at",
        center=(pl.col("_others") + 0.5) / (pl.col("_scopes") + 1),
        n=pl.col("_scopes"),
    )


def _after_the_first() -> pl.Expr:
    """Whether another scope of the network began before this one did."""
    began = pl.col("observed_at").min()
    return began.over("_network", "_scope") > began.over("_network")


def _known(scored: pl.DataFrame, frame: pl.DataFrame, settings: FanIn, networks: pl.Series) -> pl.Series:
    """For each candidate, whether more than half of its people used its network on two earlier days."""
    if "known_network" not in settings.suppress:
        return pl.Series([False]).new_from_index(0, scored.height)
    there = frame.filter(NETWORK.is_in(networks.cast(frame.schema["ip_network"]).unique().implode()))
    usual = (
        _rows_of(scored, there.with_columns(_knows=knows_network(there, places=(NETWORK,))), settings)
        .group_by(*settings.place, _who="email")
        .agg(pl.col("_knows").any())
        .group_by(settings.place)
        .agg(_known=2 * pl.col("_knows").sum() > pl.len())
    )
    return scored.select(settings.place).join(usual, on=settings.place, how="left", maintain_order="left")["_known"]


def _rows_of(candidates: pl.DataFrame, frame: pl.DataFrame, settings: FanIn) -> pl.DataFrame:
    """The rows the candidates stand for."""
    asked = candidates.select(settings.place).cast(frame.select(settings.place).schema)
    return texts(frame.join(asked, on=settings.place, how="semi"))


def _with_members(judged: pl.DataFrame, frame: pl.DataFrame, settings: FanIn) -> pl.DataFrame:
    """The candidates with `meeting_title`, `spread`, `members`, the first accounts of each, and `records`."""
    told = (
        _rows_of(judged, frame, settings)
        .group_by(settings.place)
        .agg(
            _title=pl.col("meeting_title").min(),
            members=pl.col(settings.distinct).unique().sort().head(SHOWN),
            records=records(),
            _last=pl.col("joined_time").max(),
        )
    )
    spread = (pl.col("_last") - pl.col("observed_at")).dt.total_microseconds() / 60_000_000
    return (
        judged.join(told, on=settings.place, how="left", maintain_order="left")
        .with_columns(spread=spread, meeting_title="_title")
        .drop("_last", "_title")
    )


def _strictly_before(counted: pl.DataFrame, places: pl.DataFrame) -> pl.DataFrame:
    """`_others` and `_scopes` over the scopes that began earlier; scopes that began together do not know each other.

    `places` are in order of time.
    """
    size = 1 << places.height.bit_length()
    begun = (places["_network"] * size + pl.int_range(places.height, dtype=pl.Int64(), eager=True)).sort()
    past, order, first = Past.within(counted["_pair"], counted["observed_at"])
    rated = counted[order]
    before = rated["count"].cum_sum() - rated["count"]
    rated = rated.with_columns((picked(before, past.until) - picked(before, first)).alias("_others"))
    network = rated["_network"] * size
    until = places["_start"].search_sorted(rated["observed_at"], side="left")
    scopes = begun.search_sorted(network + until).cast(pl.Int64) - begun.search_sorted(network).cast(pl.Int64)
    # somebody else on the network may have begun the scope itself
    own = rated.join(places, on=["_network", "_scope"], how="left", maintain_order="left")
    begun_itself = (own["_start"] < own["observed_at"]).cast(pl.Int64)
    return rated.with_columns(_scopes=scopes - begun_itself)


def _leave_one_out(counted: pl.DataFrame, places: pl.DataFrame) -> pl.DataFrame:
    """`_others` and `_scopes` over all scopes but those of the same scope or the same series."""
    alone = pl.col("_series").is_null()
    total = counted.with_columns(
        _all=pl.col("count").sum().over("_pair"),
        _mine=pl.when(alone).then("count").otherwise(pl.col("count").sum().over("_pair", "_series")),
    )
    sizes = places.with_columns(
        _every=pl.len().over("_network").cast(pl.Int64),
        _same=pl.when(alone).then(1).otherwise(pl.len().over("_network", "_series")).cast(pl.Int64),
    ).select("_network", "_scope", _scopes=pl.col("_every") - pl.col("_same"))
    return total.with_columns(_others=pl.col("_all") - pl.col("_mine")).join(sizes, on=["_network", "_scope"])


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
