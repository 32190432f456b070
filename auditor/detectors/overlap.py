"""`overlap`: one account in two places at once.

For two legs of one entity, `o = min(ends) − max(joins)`. A pair is a candidate when `o` is longer than `grace`
and every column of `different` differs. The score is the minutes of overlap times a weight: 3 when the country
differs, 2 when the operator or the city does, 1 when only `different` does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field
from datetime import timedelta

import polars as pl

from auditor.detectors.detection import Budget, Detection, conclude, ended, recognised, some_judged, unjudged, within
from auditor.detectors.past import in_order
from auditor.detectors.seen import Again, Beside, Seen, ends, once, together
from auditor.detectors.suppress import first_reason, in_networks
from auditor.detectors.wording import clock, entity, span
from auditor.entities.columns import picked
from auditor.entities.episodes import ORDER
from auditor.entities.groups import codes, greatest, ids, smallest
from auditor.entities.networks import PLACE, WHERE, is_remote_exit, knows_network, near_home, remote_exits
from auditor.entities.packed import texts
from auditor.entities.pairs import companion, hand_off, reconnect, same_provider
from auditor.frozen import dataclass
from auditor.model.window import Window

PARTNERS = 50
"""With so many others at most a leg is compared; what that leaves out is counted."""
RUN_GAP = timedelta(hours=12)
_SIDE = (
    "row", "meeting_id", "joined_time", "end", "ip_network", "client_os", "client_agent", "geo_country", "geo_city",
    "asn", "exit", "known", "in_homeland", "page", "item",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Overlap:
    """Settings of `overlap`; `level` is the least weight of a pair."""

    entity: tuple[str, ...] = ("email",)
    different: tuple[str, ...] = ("ip_network",)
    grace: timedelta = timedelta(minutes=2)
    level: int = 1
    networks: tuple[str, ...] = field(default=())
    suppress: tuple[str, ...] = ("hand_off", "companion", "same_provider", "remote_exit", "known_network", "reconnect")
    budget: Budget = field(default_factory=Budget)

    @property
    def needed(self) -> frozenset[str]:
        """The columns and facts it reads of a row."""
        return frozenset({
            *self.entity, *self.different, *WHERE, "meeting_id", "joined_time", "left_time", "meeting.end_time",
            "client_os", "client_agent",
        })  # fmt: skip

    @property
    def sifted(self) -> frozenset[str]:
        """The columns all rows are looked at by."""
        return frozenset({*self.whole, "left_time", "meeting.end_time", "geo_country"})

    @property
    def apart(self) -> tuple[str, ...]:
        """The columns by any of which rows may be split and looked at part by part, where places are not known."""
        return ("email",) if "email" in self.entity else ()

    @property
    def far(self) -> bool:
        """Whether it looks at all rows together where places are known."""
        return not {"remote_exit", "companion"}.isdisjoint(self.suppress)

    @property
    def whole(self) -> tuple[str, ...]:
        """What a row must have, beside an end."""
        return (*self.entity, *self.different, "joined_time")


def detect(rows: pl.LazyFrame, settings: Overlap, window: Window) -> Detection:
    """The times an entity was in two places at once."""
    return tell([look(rows, settings, window, Beside())], settings, window, once(rows))


def tell(parts: Sequence[Seen], settings: Overlap, window: Window, again: Again) -> Detection:
    """The detection of what was seen of all parts."""
    del window, again
    seen = together(parts)
    needed = (*settings.whole, "left_time")
    if not seen.rows:
        return unjudged(seen.lost, needed)
    found = conclude(
        seen.found,
        entity=settings.entity,
        budget=settings.budget,
        population=seen.population,
        not_evaluable=seen.lost,
        history=seen.history,
        cut=int(seen.more["cut"]["cut"].sum()),
    )
    return some_judged(found, needed)


def look(rows: pl.LazyFrame, settings: Overlap, window: Window, beside: Beside) -> Seen:
    """The times an entity of the part was in two places at once, scored."""
    frame, unusable = ended(rows, read=settings.needed, whole=settings.whole, window=window)
    if frame.is_empty():
        return Seen(0, unusable)
    pairs = _pairs(_islands(frame, settings, beside), settings)
    weight = (
        pl.when((pl.col("geo_country_a") != pl.col("geo_country_b")).fill_null(value=False))
        .then(3)
        .when(
            (pl.col("asn_a") != pl.col("asn_b")).fill_null(value=False)
            | (pl.col("geo_city_a") != pl.col("geo_city_b")).fill_null(value=False)
        )
        .then(2)
        .otherwise(1)
    )
    reasons = {
        "hand_off": hand_off(),
        "companion": companion(),
        "same_provider": same_provider(),
        "reconnect": reconnect(),
        # through an exit from a place the person is known at; from an unknown one it stays a candidate
        "remote_exit": (pl.col("exit_a") & (pl.col("known_b") | pl.col("exit_b")))
        | (pl.col("exit_b") & pl.col("known_a")),
        "known_network": pl.col("known_a") & pl.col("known_b"),
        "listed_network": pl.col("listed_a") | pl.col("listed_b"),
    }
    scored = (
        pairs.with_columns(
            weight=weight,
            listed_a=in_networks(pairs["ip_network_a"], settings.networks),
            listed_b=in_networks(pairs["ip_network_b"], settings.networks),
        )
        .filter((pl.col("weight") >= settings.level) & within(window, "joined_time_b"))
        .with_columns(
            score=pl.col("overlap").dt.total_microseconds() * pl.col("weight") / 60_000_000,
            suppressed=first_reason({name: reasons[name] for name in settings.suppress if name in reasons}),
        )
        .sort("row_a", pl.col("suppressed").is_not_null(), "row_b")
        .with_columns(_cut=pl.int_range(pl.len()).over("row_a") >= PARTNERS)
    )
    episodes = _episodes(scored, settings)
    lost = pl.col("_cut") & pl.col("suppressed").is_null()
    return Seen(
        frame.height,
        unusable,
        episodes.filter(~lost).drop("_cut"),
        frame.filter(within(window, "joined_time")).height,
        times=ends(frame["joined_time"]),
        more={"cut": episodes.select(cut=lost.sum().cast(pl.Int64()))},
    )


def _islands(frame: pl.DataFrame, settings: Overlap, beside: Beside) -> pl.DataFrame:
    """The legs that may overlap others from elsewhere, in order, with what is known of where they came from.

    Legs of one entity that overlap without a gap have one `island` number, so that a leg is only compared with its
    island.
    """
    who = ids(frame, settings.entity)
    ordered = frame.select("row", "joined_time", "end", _who=who)
    order = in_order(who, frame["joined_time"].dt.epoch("us"))
    ordered = ordered if order.is_sorted() else ordered[order]
    apart = (ordered["joined_time"] + settings.grace >= _reach_before(ordered)).fill_null(value=True)
    numbered = ordered.select("row", "_who", island=apart.cum_sum()).filter(~apart | ~apart.shift(-1, fill_value=True))
    for name in settings.different:
        value = codes(picked(frame[name], numbered["row"]))
        alike = (
            numbered.select("island", value=value)
            .group_by("island")
            .agg(pl.col("value").min() == pl.col("value").max())
        )
        numbered = numbered.join(alike.filter(~pl.col("value")), on="island", how="semi", maintain_order="left")
    theirs = beside.whole(frame.filter(who.is_in(numbered["_who"].unique().implode())))
    known = recognised(theirs, knows_network(theirs))
    place = theirs["row"].search_sorted(numbered["row"]).cast(pl.Int64())
    told = theirs[place].hstack(numbered.select("island")).hstack(near_home(theirs, place))
    told = texts(told.with_columns(known=picked(known, place)))
    # where no country is known nothing is known of exits
    located = beside.whole(frame if frame["geo_country"].null_count() < frame.height else frame.clear())
    exits = remote_exits(located, among=told.select(place=PLACE).to_series())
    told = told.with_columns(exit=is_remote_exit(told, exits)).drop("row").sort(*ORDER)
    return told.with_columns(row=pl.int_range(pl.len(), dtype=pl.Int64))


def _reach_before(ordered: pl.DataFrame) -> pl.Series:
    """The latest end of the earlier legs of the same person, in legs sorted by `_who`; null on the first."""
    ends = ordered["end"].dt.epoch("us")
    low, who = smallest(ends), ordered["_who"]
    width = greatest(ends) - low + 1
    if greatest(who) >= (1 << 62) // width:
        return ordered.select(pl.col("end").cum_max().shift(1).over("_who")).to_series()
    # whoever comes later reaches further than anybody before, so one running maximum does
    reach = (ends - low + who * width).cum_max().shift(1) - who * width + low
    return reach.set(who != who.shift(1), None).cast(pl.Datetime("us")).dt.replace_time_zone("UTC")


def _pairs(islands: pl.DataFrame, settings: Overlap) -> pl.DataFrame:
    """Pairs of legs that overlap by more than the grace, earlier leg first."""
    key = list(settings.entity)
    side = list(dict.fromkeys((*_SIDE, *settings.different)))
    left = islands.select("island", *key, *[pl.col(name).alias(f"{name}_a") for name in side])
    right = islands.select("island", *[pl.col(name).alias(f"{name}_b") for name in side])
    overlap = pl.min_horizontal("end_a", "end_b") - pl.max_horizontal("joined_time_a", "joined_time_b")
    earlier = (pl.col("joined_time_a") < pl.col("joined_time_b")) | (
        (pl.col("joined_time_a") == pl.col("joined_time_b")) & (pl.col("row_a") < pl.col("row_b"))
    )
    return (
        left.lazy()
        .join(right.lazy(), on="island")
        .filter(earlier)
        .with_columns(overlap=overlap)
        .filter(
            (pl.col("overlap") > settings.grace),
            *[pl.col(f"{name}_a") != pl.col(f"{name}_b") for name in settings.different],
        )
        .collect()
        .sort("row_a", "row_b")
    )


def _episodes(scored: pl.DataFrame, settings: Overlap) -> pl.DataFrame:
    """The longest overlap of each entity, unordered pair of values and run of overlaps; the others are its episode."""
    first = settings.different[0]
    low = pl.min_horizontal(f"{first}_a", f"{first}_b")
    high = pl.max_horizontal(f"{first}_a", f"{first}_b")
    key = [*settings.entity, "_low", "_high"]
    runs = (
        scored.with_columns(_low=low, _high=high)
        .sort(*key, "joined_time_b", "row_a", "row_b")
        .with_columns(
            _run=(
                (pl.col("joined_time_b") - pl.col("joined_time_b").shift(1).over(key) > RUN_GAP).fill_null(value=True)
            )
            .cast(pl.Int64)
            .cum_sum()
        )
        .sort("suppressed", "_cut", "score", "row_a", "row_b", descending=[False, False, True, False, False])
    )
    best = runs.group_by(*key, "_run", maintain_order=True).first()
    place_a = pl.coalesce("geo_city_a", "geo_country_a", f"{first}_a")
    place_b = pl.coalesce("geo_city_b", "geo_country_b", f"{first}_b")
    return best.with_columns(
        pl.col("joined_time_b").alias("observed_at"),
        pl.lit(2, dtype=pl.Int64).alias("n"),
        pl.col("meeting_id_b").alias("meeting_id"),
        pl.col(f"{first}_a").alias("other_value"),
        pl.col("meeting_id_a").alias("other_meeting_id"),
        place_b.alias("place"),
        place_a.alias("other_place"),
        pl.min_horizontal("end_a", "end_b").alias("until"),
        pl.concat_list(
            pl.struct(pl.col("page_a").alias("page"), pl.col("item_a").alias("item")),
            pl.struct(pl.col("page_b").alias("page"), pl.col("item_b").alias("item")),
        ).alias("records"),
    ).select(
        *settings.entity,
        "observed_at",
        "n",
        "score",
        "suppressed",
        *([] if "meeting_id" in settings.entity else ["meeting_id"]),
        "other_value",
        "overlap",
        "other_meeting_id",
        "place",
        "other_place",
        "until",
        "weight",
        "records",
        "_cut",
        explanation=pl.concat_str(
            entity(settings.entity),
            pl.lit(" was connected from "),
            "other_place",
            pl.lit(" and "),
            "place",
            pl.lit(" for the same "),
            span("overlap"),
            pl.lit(" ("),
            clock("observed_at"),
            pl.lit("–"),
            clock("until"),
            pl.lit(" UTC)"),
        ),
    )
