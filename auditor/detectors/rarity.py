"""`rarity`: joins that do not look like the person's past.

For the value v of an attribute of entity u at time t, all counts strictly before t:
`q = (N_v + 1) / (N + K + 1)`, `p = (n_uv + a·q) / (n_u + a)`, `bits = −log2 p`; the score is the sum of bits
over `columns`; a join whose score reaches `min_bits` is a candidate. n_uv and n_u: the entity’s earlier joins with
v and at all; N_v and N everybody's; K the distinct values seen so far; a is `prior_weight`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

import polars as pl

from auditor.detectors.detection import Budget, Detection, conclude, days, records, within
from auditor.detectors.networks import WHERE, is_remote_exit, remote_exits
from auditor.detectors.suppress import first_reason, in_networks
from auditor.detectors.wording import entity, number
from auditor.model.window import Window

EARLIER = pl.col("joined_time").rank("min").cast(pl.Int64) - 1
"""How many rows are strictly earlier."""


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
    frame = (
        everything.filter("_usable")
        .sort("joined_time", "left_time", "page", "item", nulls_last=True)
        .with_row_index("row")
    )
    # of columns that are never null everybody's counts are the same
    rated = frame.with_columns(_n=EARLIER.over(*key), _g=EARLIER)
    for name in settings.columns:
        rated = _rate(rated, name, settings, window)
    known = pl.max_horizontal(f"n_{name}" for name in settings.columns) >= settings.min_history
    events = rated.filter(within(window, "joined_time"))
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


def _rate(frame: pl.DataFrame, name: str, settings: Rarity, window: Window) -> pl.DataFrame:
    """`frame` with `bits_`, `nv_`, `n_`, `gv_` and `g_` of the attribute, all counts strictly before the row.

    Rows outside the window keep them null.
    """
    key = list(settings.entity)
    subject = frame.filter(pl.col(name).is_not_null())
    whole = subject.height == frame.height
    counts = subject.select(
        "row",
        "joined_time",
        *key,
        name,
        _nv=EARLIER.over(*key, name),
        _n=pl.col("_n") if whole else EARLIER.over(*key),
        _gv=EARLIER.over(name),
        _g=pl.col("_g") if whole else EARLIER,
    )
    if counts["joined_time"].is_empty():
        empty = {f"{part}_{name}": pl.lit(None, dtype=pl.Int64) for part in ("nv", "n", "gv", "g")}
        return frame.with_columns(pl.lit(None, dtype=pl.Float64).alias(f"bits_{name}"), **empty)
    asked = counts.filter(within(window, "joined_time"))
    for group, column in (([*key, name], "_nv"), (key, "_n"), ([name], "_gv"), ([], "_g")):
        asked = _forget(asked, counts, group, column=column, history=settings.history)
    firsts = (
        subject.group_by(name)
        .agg(first=pl.col("joined_time").min())
        .group_by("first")
        .len()
        .sort("first")
        .with_columns(_k=pl.col("len").cum_sum().cast(pl.Int64))
        .select("first", "_k")
    )
    counts = (
        asked.sort("joined_time")
        .join_asof(firsts, left_on="joined_time", right_on="first", strategy="backward", allow_exact_matches=False)
        .with_columns(pl.col("_k").fill_null(0))
    )
    common = (pl.col("_gv") + 1) / (pl.col("_g") + pl.col("_k") + 1)
    chance = (pl.col("_nv") + settings.prior_weight * common) / (pl.col("_n") + settings.prior_weight)
    named = counts.select(
        "row",
        (-chance.log(2)).alias(f"bits_{name}"),
        pl.col("_nv").alias(f"nv_{name}"),
        pl.col("_n").alias(f"n_{name}"),
        pl.col("_gv").alias(f"gv_{name}"),
        pl.col("_g").alias(f"g_{name}"),
    )
    return frame.join(named, on="row", how="left", maintain_order="left")


def _forget(
    asked: pl.DataFrame, counts: pl.DataFrame, key: list[str], *, column: str, history: timedelta
) -> pl.DataFrame:
    """`asked` with the count less what lies further back than the history: what its group had counted by then."""
    latest = (
        counts.sort("joined_time")
        .group_by(*key, "joined_time", maintain_order=True)
        .agg(_past=pl.col(column).max() + pl.len().cast(pl.Int64))
    )
    edged = asked.with_columns(_edge=pl.col("joined_time") - history).sort("_edge")
    joined = edged.join_asof(
        latest.rename({"joined_time": "_at"}),
        left_on="_edge",
        right_on="_at",
        by=key or None,
        strategy="backward",
        allow_exact_matches=False,
        check_sortedness=False,
    )
    return joined.with_columns(pl.col(column) - pl.col("_past").fill_null(0)).drop(
        "_edge", "_past", "_at", strict=False
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
