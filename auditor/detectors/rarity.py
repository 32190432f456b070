"""`rarity`: joins that do not look like the person's past.

For the value v of an attribute of entity u at time t, all counts strictly before t:
`q = (N_v + 1) / (N + K + 1)`, `p = (n_uv + a·q) / (n_u + a)`, `bits = −log2 p`; the score is the sum of bits
over `columns`; a join whose score reaches `min_bits` is a candidate. n_uv and n_u: the entity’s earlier joins with
v and at all; N_v and N everybody's; K the distinct values seen so far; a is `prior_weight`.
"""

from __future__ import annotations

from dataclasses import field
from datetime import timedelta

import polars as pl

from auditor.detectors.detection import Budget, Detection, conclude, days, learned, records, unjudged, within
from auditor.detectors.suppress import first_reason, in_networks
from auditor.detectors.wording import entity, number
from auditor.entities.groups import greatest, ids, paired
from auditor.entities.networks import WHERE, is_remote_exit, remote_exits
from auditor.frozen import dataclass
from auditor.model.window import Window


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


def detect(rows: pl.LazyFrame, settings: Rarity, window: Window) -> Detection:
    """The joins whose attributes are rare for their person."""
    key = list(settings.entity)
    usable = pl.all_horizontal(pl.col("joined_time").is_not_null(), *[pl.col(name).is_not_null() for name in key])
    everything = rows.with_columns(_usable=usable).collect()
    if not everything["_usable"].any():
        return unjudged(everything.height, (*key, "joined_time"))
    frame = (
        everything.filter("_usable")
        .sort("joined_time", "left_time", "page", "item", nulls_last=True)
        .with_row_index("row")
    )
    known = pl.max_horizontal(f"n_{name}" for name in settings.columns) >= settings.min_history
    events = _rated(frame, settings, window)
    young = events.filter(~known.fill_null(value=False)).height
    exits = remote_exits(frame)
    scored = _merged(events.filter(known), settings)
    scored = scored.with_columns(
        _exit=is_remote_exit(scored.with_columns(joined_time=pl.col("observed_at")), exits),
        _listed=in_networks(scored["ip_network"], settings.networks),
    )
    reasons = {"remote_exit": pl.col("_exit"), "listed_network": pl.col("_listed")}
    judged = scored.with_columns(
        suppressed=first_reason({name: reasons[name] for name in settings.suppress if name in reasons})
    ).drop("_exit", "_listed")
    before = frame.filter(pl.col("joined_time") < window.start)["joined_time"]
    reason = "no entity has enough history" if events.height and young == events.height else None
    detection = conclude(
        _worded(judged, settings),
        entity=key,
        budget=settings.budget,
        population=events.height,
        not_evaluable=everything.height - frame.height + young,
        history=days(before),
    )
    return Detection(
        detection.findings,
        detection.population,
        detection.not_evaluable,
        detection.truncated,
        detection.ledger,
        reason,
    )


@dataclass(frozen=True, slots=True)
class _Joins:
    """When rows happened, as places in the order of moments, and in which of them something is asked.

    `moment` and `horizon` are, for each row, the place of its time and of the first one its history reaches back to.
    """

    moment: pl.Series
    horizon: pl.Series
    moments: int

    @classmethod
    def of(cls, times: pl.Series, history: timedelta) -> _Joins:
        distinct = times.unique().sort()
        moment = distinct.search_sorted(times).cast(pl.Int64)
        return cls(moment, distinct.search_sorted(times - history).cast(pl.Int64), distinct.len() + 1)

    def before(self, rows: pl.Series, asked: pl.Series) -> pl.Series:
        """For each of the rows asked, how many of `rows` lie strictly before it, within its history."""
        per_moment = pl.DataFrame({"moment": self.moment[rows]}).group_by("moment").len()
        none = pl.Series([0], dtype=pl.Int64).new_from_index(0, self.moments + 1)
        # at each place how many lie before that moment
        until = none.scatter(per_moment["moment"] + 1, per_moment["len"].cast(pl.Int64)).cum_sum()
        return until.gather(self.moment[asked]) - until.gather(self.horizon[asked])

    def earlier(self, groups: pl.Series, rows: pl.Series, asked: pl.Series) -> pl.Series:
        """For each of the rows asked, how many of `rows` in its group lie strictly before it, within its history."""
        if greatest(groups) > (1 << 62) // self.moments:
            groups = groups.rank("dense").cast(pl.Int64)
        scaled = groups * self.moments
        past = (scaled + self.moment)[rows].sort()
        group = scaled[asked]
        until, since = group + self.moment[asked], group + self.horizon[asked]
        # asked in order, neighbours are searched for among what was just read
        order = until.arg_sort()
        counts = past.search_sorted(until[order]).cast(pl.Int64) - past.search_sorted(since[order]).cast(pl.Int64)
        return counts.clone().scatter(order, counts)


def _rated(frame: pl.DataFrame, settings: Rarity, window: Window) -> pl.DataFrame:
    """The rows of the window with `bits_`, `nv_`, `n_`, `gv_` and `g_` of each attribute they have.

    All counts are of rows strictly before the row that have the attribute at all.
    """
    joins = _Joins.of(frame["joined_time"], settings.history)
    people = ids(frame, settings.entity)
    inside = frame.select(within(window, "joined_time")).to_series()
    events = frame.filter(inside)
    counted: list[tuple[pl.Series, pl.Series, pl.Series]] = []
    for name in settings.columns:
        known = frame[name].is_not_null()
        rows, asked = known.arg_true(), (known & inside).arg_true()
        values = ids(frame, [name])
        # columns that are null on the same rows share what does not depend on the value
        shared = next(((own, every) for mask, own, every in counted if (mask == known).all()), None)
        own, every = shared or (joins.earlier(people, rows, asked), joins.before(rows, asked))
        if shared is None:
            counted.append((known, own, every))
        if rows.len() == frame.height:
            learned(every, earlier=(joins.moment > joins.horizon)[asked])
        named = _surprise(
            frame.select("row")[asked].with_columns(
                _nv=joins.earlier(paired(people, values), rows, asked),
                _n=own,
                _gv=joins.earlier(values, rows, asked),
                _g=every,
                _k=_kinds(values[rows], joins.moment[rows], joins.moment[asked]),
            ),
            name,
            weight=settings.prior_weight,
        )
        events = events.join(named, on="row", how="left", maintain_order="left")
    return events


def _kinds(values: pl.Series, moments: pl.Series, asked: pl.Series) -> pl.Series:
    """How many different values were seen strictly before each of the moments asked."""
    firsts = pl.DataFrame({"value": values, "moment": moments}).group_by("value").agg(pl.col("moment").min())
    return firsts["moment"].sort().search_sorted(asked).cast(pl.Int64)


def _surprise(counted: pl.DataFrame, name: str, *, weight: float) -> pl.DataFrame:
    """The counts and the bits of one attribute under its name."""
    common = (pl.col("_gv") + 1) / (pl.col("_g") + pl.col("_k") + 1)
    chance = (pl.col("_nv") + weight * common) / (pl.col("_n") + weight)
    return counted.select(
        "row",
        (-chance.log(2)).alias(f"bits_{name}"),
        *[pl.col(f"_{part}").alias(f"{part}_{name}") for part in ("nv", "n", "gv", "g")],
    )


def _merged(events: pl.DataFrame, settings: Rarity) -> pl.DataFrame:
    """One candidate a meeting and value, named by its most surprising attribute; then one a value."""
    key = list(settings.entity)
    names = settings.columns
    bits = [pl.col(f"bits_{name}") for name in names]
    chosen = events.with_columns(
        score=pl.sum_horizontal(column.fill_null(0.0) for column in bits), _top=pl.max_horizontal(bits)
    ).filter(pl.col("_top").is_not_null() & (pl.col("score") >= settings.min_bits))

    def of_largest(part: str) -> pl.Expr:
        result = pl.lit(None)
        for name in reversed(names):
            value = pl.lit(name) if part == "attribute" else pl.col(f"{part}_{name}" if part else name)
            result = pl.when(pl.col(f"bits_{name}") == pl.col("_top")).then(value).otherwise(result)
        return result

    named = chosen.with_columns(
        attribute=of_largest("attribute").cast(pl.String()),
        value=of_largest("").cast(pl.String()),
        n_value=of_largest("nv").cast(pl.Int64),
        n=of_largest("n").cast(pl.Int64),
        org_value=of_largest("gv").cast(pl.Int64),
        org=of_largest("g").cast(pl.Int64),
    )
    order = ("joined_time", "left_time", "page", "item")
    visit = [*key, "site_url", "meeting_id", "attribute", "value"]
    one_visit = (
        named.sort(*visit, *order, nulls_last=True)
        .group_by(visit, maintain_order=True)
        .agg(pl.all().exclude("page", "item").first(), records=records())
    )
    return (
        one_visit.sort("joined_time", "left_time", "row", nulls_last=True)
        .group_by(*key, "attribute", "value", maintain_order=True)
        .agg(pl.all().first())
        .with_columns(observed_at=pl.col("joined_time"))
        .select(
            *key,
            "observed_at",
            "attribute",
            "value",
            "n_value",
            "n",
            "org_value",
            "org",
            "score",
            "meeting_id",
            "records",
            "ip_network",
            "asn",
            "geo_city",
            *[f"bits_{name}" for name in names],
        )
    )


def _worded(judged: pl.DataFrame, settings: Rarity) -> pl.DataFrame:
    """The candidates with their sentence."""
    drop = [name for name in ("ip_network", "asn", "geo_city") if name not in settings.entity]
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
    ).drop(drop)
