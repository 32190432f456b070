"""`rarity`: joins that do not look like the person's past.

For the value v of an attribute of entity u at time t, all counts strictly before t:
`q = (N_v + 1) / (N + K + 1)`, `p = (n_uv + a·q) / (n_u + a)`, `bits = −log2 p`; the score is the sum of bits
over `columns`; a join whose score reaches `min_bits` is a candidate. n_uv and n_u: the entity’s earlier joins with
v and at all; N_v and N everybody's; K the distinct values seen so far; a is `prior_weight`.
"""

from __future__ import annotations

from dataclasses import field, replace
from datetime import timedelta

import polars as pl

from auditor.detectors.detection import (
    Budget,
    Detection,
    before,
    conclude,
    learned,
    records,
    unjudged,
    usable,
    within,
)
from auditor.detectors.past import Past, numbers
from auditor.detectors.suppress import first_reason, in_networks
from auditor.detectors.wording import entity, number
from auditor.entities.groups import dense, greatest, ids, paired
from auditor.entities.networks import PLACE, WHERE, is_remote_exit, remote_exits
from auditor.frozen import dataclass
from auditor.model.window import Window
from auditor.rules.rows.packed import texts

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


def detect(rows: pl.LazyFrame, settings: Rarity, window: Window) -> Detection:
    """The joins whose attributes are rare for their person."""
    key = list(settings.entity)
    frame, lost = usable(rows, read=settings.needed, whole=(*key, "joined_time"))
    if frame.is_empty():
        return unjudged(lost, (*key, "joined_time"))
    inside = frame.select(within(window, "joined_time")).to_series()
    events, judged = _rated(frame, inside, settings)
    scored = _merged(events, settings)
    exits = remote_exits(frame, among=scored.select(place=PLACE).to_series())
    scored = scored.with_columns(
        _exit=is_remote_exit(scored.with_columns(joined_time=pl.col("observed_at")), exits),
        _listed=in_networks(scored["ip_network"], settings.networks),
    )
    reasons = {"remote_exit": pl.col("_exit"), "listed_network": pl.col("_listed")}
    named = scored.with_columns(
        suppressed=first_reason({name: reasons[name] for name in settings.suppress if name in reasons})
    ).drop("_exit", "_listed")
    population = int(inside.sum())
    detection = conclude(
        _worded(named, settings),
        entity=key,
        budget=settings.budget,
        population=population,
        not_evaluable=lost + population - judged,
        history=before(frame["joined_time"], window),
    )
    return replace(detection, reason="no entity has enough history" if population and not judged else None)


def _rated(frame: pl.DataFrame, inside: pl.Series, settings: Rarity) -> tuple[pl.DataFrame, int]:
    """The rows inside that may be rare, with `bits_`, `nv_`, `n_`, `gv_` and `g_` of each attribute they have.

    All counts are of rows strictly before the row that have the attribute at all. Beside them is told of how many
    rows inside the person has enough history.
    """
    past = Past.of(frame["joined_time"], settings.history)
    people = ids(frame, settings.entity)
    own, order, first = past.apart(people)
    people, asked = people.gather(order), inside.gather(order)
    attributes = {name: dense(frame[name]) for name in settings.columns}
    counts: dict[str, pl.Series] = {}
    masks: list[tuple[pl.Series, pl.Series]] = []
    for name, values in attributes.items():
        value = values.gather(order)
        known = value.is_not_null()
        # columns that are null on the same rows share what does not depend on the value
        every = next((every for mask, every in masks if (mask == known).all()), None)
        if every is None:
            every = own.earlier(people.set(~known, None))
            masks.append((known, every))
            if known.all():
                follows = own.until > (first if own.since is None else own.since.fill_null(first))
                learned(every.filter(asked), earlier=follows.filter(asked))
        own_value = every if greatest(value) == 0 else own.earlier(paired(people, value))
        counts |= {f"n_{name}": every, f"nv_{name}": own_value}
    counted = pl.DataFrame(counts | {"row": order})
    enough = pl.max_horizontal(f"n_{name}" for name in settings.columns) >= settings.min_history
    judged = counted.select(enough & asked).to_series().fill_null(value=False)
    # whatever was never seen is as rare as one of all rows and kinds there are, at most
    least = settings.prior_weight / (2 * frame.height + 1)
    most = (
        -((pl.col(f"nv_{name}") + least) / (pl.col(f"n_{name}") + settings.prior_weight)).log(2)
        for name in settings.columns
    )
    may_be = pl.sum_horizontal(bits.fill_null(0.0) for bits in most) >= settings.min_bits - _SLACK
    events = counted.filter(judged & may_be)
    rows = events["row"]
    events = texts(frame[rows]).hstack(events)
    for name, values in attributes.items():
        events = events.with_columns(_of_all(values, past, rows, name)).with_columns(
            _bits(name, weight=settings.prior_weight)
        )
    return events, int(judged.sum())


def _of_all(values: pl.Series, past: Past, rows: pl.Series, name: str) -> list[pl.Series]:
    """How many rows in the past of those `rows` have their value, `gv_`, or any, `g_`, and of how many kinds, `_k`."""
    until = past.until.gather(rows)
    since = pl.zeros(rows.len(), pl.Int64(), eager=True) if past.since is None else past.since.gather(rows).fill_null(0)
    value, known = values.gather(rows), values.is_not_null()
    among = pl.repeat(False, greatest(values) + 1, dtype=pl.Boolean(), eager=True)
    among = among.scatter(value.drop_nulls().unique(), True).gather(values)
    size = 1 << values.len().bit_length()
    keys = (values * size + numbers(values.len())).filter(among.fill_null(value=False)).sort()
    seen = pl.concat([pl.zeros(1, pl.Int64(), eager=True), known.cast(pl.Int64()).cum_sum()])
    kinds = values.arg_unique()
    kinds = kinds.filter(known.gather(kinds)).cast(pl.Int64()).sort()
    begun, ended = (keys.search_sorted(value * size + at).cast(pl.Int64()) for at in (since, until))
    return [
        (ended - begun).alias(f"gv_{name}"),
        (seen.gather(until) - seen.gather(since)).alias(f"g_{name}"),
        kinds.search_sorted(until).cast(pl.Int64()).alias("_k"),
    ]


def _bits(name: str, *, weight: float) -> pl.Expr:
    """The surprise of one attribute under its name."""
    common = (pl.col(f"gv_{name}") + 1) / (pl.col(f"g_{name}") + pl.col("_k") + 1)
    chance = (pl.col(f"nv_{name}") + weight * common) / (pl.col(f"n_{name}") + weight)
    return (-chance.log(2)).alias(f"bits_{name}")


def _merged(events: pl.DataFrame, settings: Rarity) -> pl.DataFrame:
    """One candidate a meeting and value, named by its most surprising attribute; then one a value."""
    key = list(settings.entity)
    names = settings.columns
    bits = [pl.col(f"bits_{name}") for name in names]
    order = ("joined_time", "left_time", "page", "item")
    ordered = events.drop("row").sort(*order, nulls_last=True).with_row_index("row")
    chosen = ordered.with_columns(
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
