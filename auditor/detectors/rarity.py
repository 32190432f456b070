"""`rarity`: joins that do not look like the person's past.

For the value v of an attribute of entity u at time t, all counts strictly before t:
`q = (N_v + 1) / (N + K + 1)`, `p = (n_uv + a·q) / (n_u + a)`, `bits = −log2 p`; the score is the sum of bits
over `columns`; a join whose score reaches `min_bits` is a candidate. n_uv and n_u: the entity’s earlier joins with
v and at all; N_v and N everybody's; K the distinct values seen so far; a is `prior_weight`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, replace
from datetime import timedelta

import polars as pl

from auditor.detectors.detection import (
    DIGITS,
    Budget,
    Detection,
    learned,
    records,
    some_judged,
    unjudged,
    usable,
    within,
)
from auditor.detectors.past import Past, Uses, between
from auditor.detectors.seen import Again, Beside, Seen, concluded, ends, merged, once, together, usable_again
from auditor.detectors.suppress import first_reason, in_networks
from auditor.detectors.wording import entity, number
from auditor.entities.columns import fitted, flags, picked, uniform, where_true
from auditor.entities.groups import greatest, ids, own_number, paired, places, smallest
from auditor.entities.networks import PLACE, WHERE, is_remote_exit, remote_exits
from auditor.entities.packed import texts
from auditor.frozen import dataclass
from auditor.model.window import Window

KNOWN = "__known"
_SLACK = 1e-6


@dataclass(frozen=True, slots=True)
class Rarity:
    """Settings of `rarity`; `history` is how far back counts reach."""

    entity: tuple[str, ...] = ("email",)
    columns: tuple[str, ...] = ("ip_network", "client_os", "client_app")
    prior_weight: float = 5.0
    min_history: int = 20
    min_bits: float = 6.0
    history: timedelta = timedelta(days=90)
    networks: tuple[str, ...] = field(default=())
    suppress: tuple[str, ...] = ("remote_exit", "listed_network")
    budget: Budget = field(default_factory=Budget)

    @property
    def needed(self) -> frozenset[str]:
        """The columns and facts it reads of a row."""
        return frozenset({
            *self.entity, *self.columns, *WHERE, "site_url", "meeting_id", "joined_time", "left_time",
        })  # fmt: skip

    @property
    def sifted(self) -> frozenset[str]:
        """The columns all rows are looked at by."""
        return frozenset({*self.entity, *self.columns, "geo_country", "joined_time"})

    @property
    def whole(self) -> tuple[str, ...]:
        """What a row must have."""
        return (*self.entity, "joined_time")

    @property
    def apart(self) -> tuple[str, ...]:
        """The columns by any of which rows may be split and looked at part by part, where places are not known."""
        return self.entity

    @property
    def far(self) -> bool:
        """Whether it looks at all rows together where places are known."""
        return "remote_exit" in self.suppress


def detect(rows: pl.LazyFrame, settings: Rarity, window: Window) -> Detection:
    """The joins whose attributes are rare for their person."""
    return tell([look(rows, settings, window, Beside())], settings, window, once(rows))


def look(rows: pl.LazyFrame, settings: Rarity, window: Window, beside: Beside) -> Seen:
    """The joins that may be rare, with what their person did before, and when each value was first seen."""
    frame, lost = usable(rows, read=settings.needed, whole=settings.whole, window=window)
    if frame.is_empty():
        return Seen(0, lost)
    inside = frame.select(within(window, "joined_time")).to_series()
    events, judged, firsts = _rated(frame, inside, settings, beside)
    times = frame["joined_time"]
    population = int(inside.sum())
    return Seen(
        frame.height,
        lost,
        events,
        population,
        population - judged,
        ends(times.filter(times < window.start)),
        {KNOWN: frame.select(pl.col(sorted({*settings.columns, "geo_country"})).count()), **firsts},
    )


def tell(parts: Sequence[Seen], settings: Rarity, window: Window, again: Again) -> Detection:
    """The detection of what was seen of all parts."""
    del window
    seen, key = together(parts), list(settings.entity)
    if not seen.rows:
        return unjudged(seen.lost, settings.whole)
    scored = _visits(_surprising(seen, settings, again), settings)
    suppressed: dict[str, pl.Expr] = {}
    if "remote_exit" in settings.suppress:
        # where no row has a country nothing is known of exits
        known = usable_again(again, WHERE, whole=key) if seen.more[KNOWN]["geo_country"].sum() else ()
        scored = scored.with_columns(_exit=_came_through_exits(scored, known))
        suppressed["remote_exit"] = pl.col("_exit")
    if "listed_network" in settings.suppress:
        scored = scored.with_columns(_listed=in_networks(scored["ip_network"], settings.networks))
        suppressed["listed_network"] = pl.col("_listed")
    reasons = {name: suppressed[name] for name in settings.suppress if name in suppressed}
    named = _once_a_value(scored.with_columns(suppressed=first_reason(reasons)), settings)
    detection = concluded(seen, named, entity=key, budget=settings.budget)
    detection = replace(detection, findings=_worded(detection.findings, settings))
    nobody = seen.population and seen.unfit == seen.population
    return some_judged(replace(detection, reason="no entity has enough history" if nobody else None), settings.whole)


def _firsts(values: pl.Series, times: pl.Series) -> pl.DataFrame:
    """When each value was first seen."""
    if values.null_count() == values.len():
        return pl.DataFrame(schema={"value": values.dtype, "first": times.dtype})
    return (
        pl.DataFrame({"value": values, "first": times}).drop_nulls("value").group_by("value").agg(pl.col("first").min())
    )


def _came_through_exits(scored: pl.DataFrame, parts: Iterable[pl.DataFrame]) -> pl.Series:
    """Whether the place of each was an exit; where places are known all rows are one part."""
    among = scored.select(place=PLACE).to_series()
    exits = [remote_exits(rows, among=among) for rows in parts]
    return is_remote_exit(scored, pl.concat(exits)) if exits else flags(scored.height)


def _rated(
    frame: pl.DataFrame, inside: pl.Series, settings: Rarity, beside: Beside
) -> tuple[pl.DataFrame, int, dict[str, pl.DataFrame]]:
    """The rows inside that may be rare among all there are, with `nv_` and `n_` of each attribute.

    All counts are of rows strictly before the row that have the attribute at all. Beside them is told of how many
    rows inside the person has enough history, and when each value was first seen.
    """
    people = ids(frame, settings.entity)
    own, order, first = Past.within(people, frame["joined_time"], settings.history)
    people, asked, times = (picked(one, order) for one in (people, inside, frame["joined_time"]))
    reach = own.reach(first)
    length = own.until - reach
    learned(length.filter(asked), earlier=(own.until > reach).filter(asked))
    uses: dict[str, Uses] = {}
    every: dict[str, pl.Series] = {}
    firsts: dict[str, pl.DataFrame] = {}
    masks: list[tuple[pl.Series, pl.Series]] = []
    fresh = flags(frame.height)
    for name in settings.columns:
        values = picked(frame[name], order)
        known, value = values.is_not_null(), own_number(values)
        # columns that are null on the same rows share what does not depend on the value
        shared = next((one for mask, one in masks if (mask == known).all()), None)
        if shared is None:
            shared = length if known.all() else own.earlier(people.set(~known, None))
            masks.append((known, shared))
        every[name] = shared
        if smallest(value) == greatest(value):
            begins = where_true(known)
            begins = begins.filter(picked(times, begins) == times.min()).head(1) if known.all() else begins
            new = (shared == 0).fill_null(value=False)
        else:
            uses[name] = Uses.of(own, reach, paired(people, value))
            begins, new = uses[name].new()
        fresh |= new
        firsts[name] = _firsts(picked(values, begins), picked(times, begins))
    most = pl.select(pl.max_horizontal(shared for _, shared in masks)).to_series()
    judged = ((most >= settings.min_history) & asked).fill_null(value=False)
    # whatever was never seen is as rare as one of all rows and kinds there are, at most
    least = settings.prior_weight / (2 * (beside.rows or frame.height) + 1)
    alike = sum(name not in uses and not shared.null_count() for name, shared in every.items())
    others = sum(shared.null_count() < shared.len() for shared in every.values()) - alike
    asked_for = where_true(judged & (fresh | (most >= _often(settings, least, alike=alike, others=others))))
    counted = pl.DataFrame({f"n_{name}": picked(shared, asked_for) for name, shared in every.items()}).with_columns(
        (uses[name].counted(asked_for) if name in uses else picked(shared, asked_for)).alias(f"nv_{name}")
        for name, shared in every.items()
    )
    chance = pl.lit(1.0)
    for name in settings.columns:
        if counted[f"n_{name}"].null_count() < counted.height:
            own_chance = (pl.col(f"nv_{name}") + least) / (pl.col(f"n_{name}") + settings.prior_weight)
            chance = chance * own_chance.fill_null(1.0)
    events = counted.with_columns(picked(order, asked_for).alias("row"), _rare=chance <= _highest(settings))
    events = events.filter("_rare").drop("_rare")
    return beside.whole(frame[events["row"]]).hstack(events.drop("row")), int(judged.sum()), firsts


def _highest(settings: Rarity) -> float:
    """The chance above which nothing is rare enough."""
    return float(2.0 ** (_SLACK - settings.min_bits))


def _often(settings: Rarity, least: float, *, alike: int, others: int) -> float:
    """How many joins must come before one that met each of its values there, for it to be rare enough.

    Of so many `others` it may have met each once only; so many attributes are `alike` on all joins.
    """
    past = max(settings.min_history, 1)
    limit = _highest(settings) * ((past + settings.prior_weight) / (past + least)) ** alike
    if not others:
        return 0.0 if limit >= 1 else math.inf
    return float((1 + least) * limit ** (-1 / others) - settings.prior_weight - 1)


def _surprising(seen: Seen, settings: Rarity, again: Again) -> pl.DataFrame:
    """The events that are rare enough, with `gv_`, `g_`, `bits_` and `score`."""
    firsts = {name: seen.more[name].group_by("value").agg(pl.col("first").min()) for name in settings.columns}
    told = seen.found.hstack(_of_all(seen, firsts, settings, again))
    for name in settings.columns:
        kinds = fitted(firsts[name]["first"].sort().search_sorted(told["joined_time"]), pl.Int64).alias("_k")
        told = told.with_columns(kinds).with_columns(_bits(name, weight=settings.prior_weight))
    bits = [pl.col(f"bits_{name}") for name in settings.columns]
    scored = told.with_columns(
        score=pl.sum_horizontal(column.fill_null(0.0) for column in bits).round(DIGITS), _top=pl.max_horizontal(bits)
    )
    return texts(scored.filter(pl.col("_top").is_not_null() & (pl.col("score") >= settings.min_bits)))


def _of_all(seen: Seen, firsts: Mapping[str, pl.DataFrame], settings: Rarity, again: Again) -> pl.DataFrame:
    """How many rows of everybody's past of the events had their value, `gv_`, or any, `g_`."""
    events = seen.found
    with_any = {name: uniform(0, events.height, pl.Int64()) for name in settings.columns}
    until = events["joined_time"].dt.epoch("us")
    since = until - settings.history // timedelta(microseconds=1)
    # of a value that nobody had before, and of one that all have, no rows need be counted
    read = [name for name in settings.columns if firsts[name].height] if events.height else []
    asked = {name: where_true(_met(events, name, firsts[name])) for name in read if firsts[name].height > 1}
    counts = {name: uniform(0, rows.len(), pl.Int64()) for name, rows in asked.items()}
    for rows in merged(usable_again(again, read, whole=settings.entity), [*read, "joined_time"]) if read else ():
        times = rows["joined_time"].dt.epoch("us")
        whole: pl.Series | None = None
        for name in read:
            if rows[name].null_count() == rows.height:
                continue
            if rows[name].null_count():
                any_ = between(times.filter(rows[name].is_not_null()).sort(), since, until)
            else:
                any_ = whole = between(times.sort(), since, until) if whole is None else whole
            with_any[name] = with_any[name] + any_
            if name in asked and asked[name].len():
                value, first, last = (picked(one, asked[name]) for one in (events[name], since, until))
                counts[name] = counts[name] + _alike(value, first, last, rows[name], times)
    with_value = with_any | {
        name: uniform(0, events.height, pl.Int64()).scatter(rows, counts[name]) for name, rows in asked.items()
    }
    return pl.DataFrame(
        [column.alias(f"gv_{name}").set(events[name].is_null(), None) for name, column in with_value.items()]
        + [column.alias(f"g_{name}") for name, column in with_any.items()]
    )


def _met(events: pl.DataFrame, name: str, firsts: pl.DataFrame) -> pl.Series:
    """Whether anybody had the value of each event before it."""
    known = events.select("joined_time", value=name).join(firsts, on="value", how="left", maintain_order="left")
    return known.select((pl.col("first") < pl.col("joined_time")).fill_null(value=False)).to_series()


def _alike(asked: pl.Series, since: pl.Series, until: pl.Series, values: pl.Series, times: pl.Series) -> pl.Series:
    """How many rows have the value asked for at a time in the half-open interval."""
    first, own = places(pl.concat([asked, values]))
    kinds = (first < asked.len()).sum()
    wanted, had = own.head(asked.len()).cast(pl.Int64()), own.tail(values.len())
    chosen = where_true(had < kinds)
    had, times = picked(had, chosen).cast(pl.Int64()), picked(times, chosen)
    low = min(smallest(times), smallest(since))
    width = max(greatest(times), greatest(until)) - low + 1
    counts = uniform(0, asked.len(), pl.Int64())
    # so many values at once as fit into a number beside a time
    step = (1 << 62) // width
    for start in range(0, int(kinds), step):
        few = kinds <= step
        inside = had.is_between(start, start + step - 1)
        own_, own_times = (had, times) if few else (had.filter(inside), times.filter(inside))
        keys = ((own_ - start) * width + (own_times - low)).sort()
        here = wanted.is_between(start, start + step - 1)
        base = (wanted - start) * width - low
        found = between(keys, base + since, base + until)
        counts = counts + (found if few else found.set(~here, 0))
    return counts


def _bits(name: str, *, weight: float) -> pl.Expr:
    """The surprise of one attribute under its name."""
    common = (pl.col(f"gv_{name}") + 1) / (pl.col(f"g_{name}") + pl.col("_k") + 1)
    chance = (pl.col(f"nv_{name}") + weight * common) / (pl.col(f"n_{name}") + weight)
    return (-chance.log(2)).alias(f"bits_{name}")


def _visits(events: pl.DataFrame, settings: Rarity) -> pl.DataFrame:
    """One row a meeting and value, its first join, named by its most surprising attribute, in order of time."""
    names = settings.columns
    order = ("joined_time", "left_time", "page", "item")

    def of_largest(part: str) -> pl.Expr:
        result = pl.lit(None)
        for name in reversed(names):
            value = pl.lit(name) if part == "attribute" else pl.col(f"{part}_{name}" if part else name)
            result = pl.when(pl.col(f"bits_{name}") == pl.col("_top")).then(value).otherwise(result)
        return result

    named = (
        events.sort(*order, nulls_last=True)
        .with_row_index("row")
        .with_columns(
            attribute=of_largest("attribute").cast(pl.String()),
            value=of_largest("").cast(pl.String()),
            n_value=of_largest("nv").cast(pl.Int64),
            n=of_largest("n").cast(pl.Int64),
            org_value=of_largest("gv").cast(pl.Int64),
            org=of_largest("g").cast(pl.Int64),
        )
    )
    visit = list(dict.fromkeys((*settings.entity, "site_url", "meeting_id", "attribute", "value")))
    return (
        named.group_by(visit, maintain_order=True)
        .agg(pl.all().exclude("page", "item").first(), records=records())
        .sort("row")
    )


def _once_a_value(visits: pl.DataFrame, settings: Rarity) -> pl.DataFrame:
    """One candidate a value: its first visit that does not fall away, else its first."""
    key = list(settings.entity)
    named = dict.fromkeys(
        (
            *key,
            "observed_at",
            "attribute",
            "value",
            "n_value",
            "n",
            "org_value",
            "org",
            "score",
            "suppressed",
            "meeting_id",
            "records",
            *(f"bits_{name}" for name in settings.columns),
        )
    )
    return (
        visits.sort(pl.col("suppressed").is_not_null(), "row")
        .group_by(*key, "attribute", "value", maintain_order=True)
        .agg(pl.all().first())
        .sort("row")
        .with_columns(observed_at=pl.col("joined_time"))
        .select(*named)
    )


def _worded(judged: pl.DataFrame, settings: Rarity) -> pl.DataFrame:
    """The candidates with their sentence."""
    return judged.with_columns(
        explanation=pl.concat_str(
            entity(settings.entity),
            pl.lit(" joined with "),
            pl.col("attribute"),
            pl.lit(" "),
            pl.col("value"),
            pl.lit("; "),
            pl.col("n_value").cast(pl.String()),
            pl.lit(" of "),
            pl.col("n").cast(pl.String()),
            pl.lit(" earlier joins of this person and "),
            pl.col("org_value").cast(pl.String()),
            pl.lit(" of "),
            pl.col("org").cast(pl.String()),
            pl.lit(" in the organisation had that value ("),
            number("score"),
            pl.lit(" bits)"),
        )
    )
