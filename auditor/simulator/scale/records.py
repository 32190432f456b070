"""The columns of records as the API names them, for attendee rows, meetings and participants."""

from __future__ import annotations

import polars as pl

from auditor.simulator.scale.calendar import KINDS, MANDATORY, PERSONAL, TITLES, TOWN_HALL, WEBINAR
from auditor.simulator.scale.chance import Chance, named
from auditor.simulator.scale.made import Made
from auditor.simulator.scale.people import ROOM

_DEVICES = {
    "WINDOWS": "webex_meeting_center_windows", "MAC": "webex_meeting_center_mac", "LINUX": "webex_meeting_center_linux",
    "IOS": "webex_meeting_center_iphone", "ANDROID": "webex_meeting_center_android", "ROOMOS": "webex_room",
}  # fmt: skip


def _hexadecimal(word: pl.Expr, *, digits: int) -> pl.Expr:
    """The lowest digits of a 64-bit number in hex."""
    table = pl.Series([f"{number:04x}" for number in range(1 << 16)])

    def part(found: pl.Series) -> pl.Series:
        return table.gather(found.cast(pl.UInt32))

    pieces = [
        ((word // (1 << 16 * place)) % (1 << 16)).map_batches(part, return_dtype=pl.String(), is_elementwise=True)
        for place in range(digits // 4)
    ]
    return pl.concat_str(pieces)


def _digits(word: pl.Expr, *, digits: int) -> pl.Expr:
    rest: pl.Expr = word % 10**digits
    return rest.cast(pl.String()).str.zfill(digits)


def _identifier(chance: Chance, purpose: str, *keys: str) -> pl.Expr:
    """A UUID fixed by the keys."""
    high, low = chance.word(f"{purpose}/high", *keys), chance.word(f"{purpose}/low", *keys)
    whole = pl.concat_str(_hexadecimal(high, digits=16), _hexadecimal(low, digits=16))
    spans = ((0, 8), (8, 4), (12, 4), (16, 4), (20, 12))
    return pl.concat_str([whole.str.slice(start, length) for start, length in spans], separator="-")


def meetings(made: Made) -> pl.DataFrame:
    """One row a meeting that took place: its id, number, title and times, its host, and totals of its people.

    A total counts different people: those of the attendee rows, by e-mail, else by name.
    """
    chance = made.chance
    person = pl.coalesce("email", "name")
    rows = made.legs
    totals = (
        rows.group_by("meeting")
        .agg(
            people=person.n_unique().cast(pl.Int64),
            voip=person.filter(~pl.col("by_wire")).n_unique().cast(pl.Int64),
            call_in=person.filter("by_wire").n_unique().cast(pl.Int64),
            registered=person.filter("registered").n_unique().cast(pl.Int64),
            invitees=person.filter(pl.col("invited").fill_null(value=False)).n_unique().cast(pl.Int64),
            person_minutes=_minutes("joined", "left").sum(),
            wired_minutes=_minutes("joined", "left").filter("by_wire").sum(),
        )
        .join(_peaks(rows), on="meeting")
    )
    host = made.people.select(pl.col("who").alias("host"), host_email="email", host_name="name")
    topic = pl.col("series") % 97 + 1
    plain = named(pl.col("kind"), TITLES)
    title = (
        pl.when(pl.col("kind") == PERSONAL)
        .then(pl.concat_str(pl.col("host_name"), pl.lit("'s Personal Room")))
        .when(pl.col("kind").is_in([TOWN_HALL, MANDATORY]))
        .then(plain)
        .otherwise(pl.concat_str(plain, pl.lit(" "), topic.cast(pl.String())))
    )
    identity = pl.concat_str(
        _hexadecimal(chance.word("series/high", "series"), digits=16),
        _hexadecimal(chance.word("series/low", "series"), digits=16),
        pl.lit("_I_"),
        _digits(chance.word("instance", "meeting"), digits=18),
    )
    return (
        made.meetings.join(totals, on="meeting")
        .join(host, on="host", how="left", maintain_order="left")
        .with_columns(
            meeting_id=identity,
            meeting_number=pl.concat_str(pl.lit("25"), _digits(chance.word("number", "series"), digits=9)),
            title=title,
            webinar=pl.col("kind").is_in([WEBINAR, TOWN_HALL]),
            kind_name=named(pl.col("kind"), KINDS),
        )
        .sort("began", "meeting")
    )


def _minutes(joined: str, left: str) -> pl.Expr:
    """Whole minutes, rounded half up, at least one: how the report writes durations."""
    return pl.max_horizontal(((pl.col(left) - pl.col(joined)).dt.total_seconds() + 30) // 60, 1)


def _peaks(rows: pl.DataFrame) -> pl.DataFrame:
    """Most joins at one moment of each meeting; who leaves at a moment is gone before others join."""
    edges = pl.concat(
        [
            rows.select("meeting", at="joined", step=pl.lit(1, dtype=pl.Int64)),
            rows.select("meeting", at="left", step=pl.lit(-1, dtype=pl.Int64)),
        ]
    ).sort("meeting", "at", "step")
    return (
        edges.with_columns(now=pl.col("step").cum_sum().over("meeting"))
        .group_by("meeting")
        .agg(peak=pl.col("now").max())
    )


def attendees(made: Made, known: pl.DataFrame) -> pl.DataFrame:
    """One row a join in the order of joining, with the meeting's id, number and title, and `leg`."""
    return made.legs.join(
        known.select("meeting", "meeting_id", "meeting_number", "title"),
        on="meeting",
        how="left",
        maintain_order="left",
    ).with_columns(
        minutes=_minutes("joined", "left"),
        role=pl.when("is_host").then(pl.lit("host")).otherwise(pl.lit("attendee")),
        phone=pl.when("by_wire").then(
            pl.concat_str(pl.lit("120255501"), (pl.col("who") % 100).cast(pl.String()).str.zfill(2))
        ),
    )


def participants(made: Made, known: pl.DataFrame) -> pl.DataFrame:
    """One row a person and meeting, in the order of joining; `devices` are its joins, `legs` their numbers."""
    chance = made.chance
    device = (
        pl.col("agent")
        .str.extract(r"^([^,]*)")
        .replace_strict(
            list(_DEVICES), list(_DEVICES.values()), default="webex_meeting_center_web", return_dtype=pl.String()
        )
    )
    wired = pl.col("by_wire")
    legs = made.legs.with_columns(
        correlation=_identifier(chance, "join", "leg"),
        device=pl.when(wired).then(pl.lit("telephone")).otherwise(device),
    )
    joins = pl.struct(
        pl.col("correlation").alias("correlationId"),
        pl.col("device").alias("deviceType"),
        pl.when(wired).then(pl.lit("pstn")).otherwise(pl.lit("voip")).alias("audioType"),
        _written("joined", milliseconds=True).alias("joinedTime"),
        _written("left", milliseconds=True).alias("leftTime"),
        (pl.col("left") - pl.col("joined")).dt.total_seconds().alias("durationSecond"),
        pl.when(wired).then(pl.lit("callIn")).alias("callType"),
    )
    rights = made.rights.select("meeting", "who", co_host=pl.lit(value=True), rights="plant")
    told = known.select("meeting", "meeting_id", "began", "host_email")
    return (
        legs.group_by("meeting", "who", "name", "email", maintain_order=True)
        .agg(
            pl.col("joined").min(),
            pl.col("left").max(),
            pl.col("is_host").any(),
            pl.col("invited").any(),
            pl.col("plant").drop_nulls().first(),
            devices=joins,
            room=(pl.col("sort") == ROOM).any(),
            legs=pl.col("leg"),
        )
        .join(rights, on=["meeting", "who"], how="left", maintain_order="left")
        .join(told, on="meeting", how="left", maintain_order="left")
        .with_row_index("row")
        .with_columns(
            pl.col("co_host").fill_null(value=False),
            identity=pl.concat_str(
                pl.col("meeting_id").str.split("_I_").list.first(),
                pl.lit("_"),
                _identifier(chance, "participant", "row"),
            ),
        )
    )


def _written(column: str, *, milliseconds: bool = False) -> pl.Expr:
    return pl.col(column).dt.strftime("%Y-%m-%dT%H:%M:%S.000Z" if milliseconds else "%Y-%m-%dT%H:%M:%SZ")


def written(column: str) -> pl.Expr:
    """The moment as the API writes it: UTC, whole seconds and `Z`."""
    return _written(column)
