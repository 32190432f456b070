"""What the past says of networks: who comes through them from elsewhere, and which ones a person knows.

A *place* is an operator in a city, or the network where either is unknown: carriers and leases change networks, but
neither operator nor city. Everything is taken strictly before the day, or the week, of the row it is said of, so
that the order of rows and later collections of the same time never change it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import or_

import polars as pl

from auditor.entities.columns import flags, picked, where_true
from auditor.entities.groups import codes, greatest, ids, paired, places, smallest
from auditor.frozen import dataclass

HOME_WEEKS = 4
MOST_DAYS = 1 << 20
DAY_ZERO = 1 << 19
EXIT_PEOPLE = 5
EXIT_SHARE = 10
FAR_KM = 500.0
EARTH_KM = 6371.0

NETWORK = pl.col("ip_network")
PLACE = pl.coalesce(pl.concat_str(pl.col("asn").cast(pl.String()), pl.lit(" "), "geo_city"), NETWORK)
"""An operator in a city, else the network."""

WHERE = ("email", "is_internal", "ip_network", "asn", "geo_country", "geo_city", "geo_latitude", "geo_longitude")
"""The columns and facts of a row that tell where it came from."""


def kilometres(one: str, other: str) -> pl.Expr:
    """Great-circle distance of the coordinates of two suffixes, rounded to a hundredth of a degree."""
    lat_a, lat_b, lon_a, lon_b = (
        pl.col(f"geo_{axis}_{side}").round(2).radians() for axis in ("latitude", "longitude") for side in (one, other)
    )
    half = ((lat_b - lat_a) / 2).sin() ** 2 + lat_a.cos() * lat_b.cos() * ((lon_b - lon_a) / 2).sin() ** 2
    return 2 * EARTH_KM * half.sqrt().clip(0.0, 1.0).arcsin()


@dataclass(frozen=True, slots=True)
class _Spots:
    """Countries and cities as numbers that sort as their names do; an unknown city comes first."""

    country: pl.Series
    city: pl.Series
    cities: int

    @classmethod
    def of(cls, frame: pl.DataFrame) -> _Spots:
        city = codes(frame["geo_city"]).fill_null(-1) + 1
        return cls(codes(frame["geo_country"]), city, greatest(city) + 1)

    @property
    def both(self) -> pl.Series:
        return self.country * self.cities + self.city


def _dated(frame: pl.DataFrame, spots: _Spots) -> pl.DataFrame:
    """Each row with `who`, `spot`, `day` and `week` as numbers, and its coordinates."""
    return frame.select(
        "geo_latitude",
        "geo_longitude",
        who=ids(frame, ["email"]),
        named=pl.col("email").is_not_null(),
        country=spots.country,
        spot=spots.both,
        day=pl.col("joined_time").dt.epoch("d").cast(pl.Int64),
    ).with_columns(week=(pl.col("day") + 3) // 7)


def _stays(dated: pl.DataFrame) -> pl.DataFrame:
    """`who`, `week`, `spot` and its coordinates: on how many `days` of the four weeks before each was where."""
    least = [pl.col("geo_latitude", "geo_longitude").min()]
    located = dated.filter(pl.col("named") & pl.col("spot").is_not_null())
    spots = greatest(located["spot"]) + 1
    # one number a person, spot and time: nothing is as cheap to group by
    day = pl.col("_key") % MOST_DAYS - DAY_ZERO
    daily = located.group_by(_key=(pl.col("who") * spots + pl.col("spot")) * MOST_DAYS + pl.col("day") + DAY_ZERO).agg(
        *least
    )
    weekly = daily.group_by(_key=pl.col("_key") // MOST_DAYS * MOST_DAYS + (day + 3) // 7 + DAY_ZERO).agg(
        pl.len().cast(pl.Int64).alias("days"), *least
    )
    later = pl.concat(weekly.with_columns(pl.col("_key") + ahead) for ahead in range(1, HOME_WEEKS + 1))
    return (
        later.group_by("_key")
        .agg(pl.col("days").sum(), *least)
        .select(
            "days",
            "geo_latitude",
            "geo_longitude",
            who=pl.col("_key") // MOST_DAYS // spots,
            spot=pl.col("_key") // MOST_DAYS % spots,
            week=pl.col("_key") % MOST_DAYS - DAY_ZERO,
        )
    )


def _homes(stays: pl.DataFrame) -> pl.DataFrame:
    """Of the stays of each week those on most days; of as many days the smallest country and city."""
    spots = greatest(stays["spot"]) + 1
    rank = pl.col("days") * spots + (spots - 1 - pl.col("spot"))
    return stays.filter(rank == rank.max().over("who", "week"))


@dataclass(frozen=True, slots=True)
class Lives:
    """Where the people of a frame were, row by row and in numbers, and where they lived from week to week."""

    spots: _Spots
    dated: pl.DataFrame
    homes: pl.DataFrame

    @classmethod
    def of(cls, frame: pl.DataFrame) -> Lives:
        """The lives the rows of the frame tell of."""
        spots = _Spots.of(frame)
        dated = _dated(frame, spots)
        homes_ = _homes(_stays(dated)).drop("days")
        return cls(
            spots, dated, homes_.rename({name: f"{name}_home" for name in ("spot", "geo_latitude", "geo_longitude")})
        )

    def near(self, rows: pl.Series) -> pl.DataFrame:
        """For each of those rows whether it lies `near_home`, within 500 km of it, and at least `in_homeland`.

        The homeland is the country of home with what is near home. Without coordinates near is the same country;
        without a home neither holds.
        """
        told = (
            self.dated[rows]
            .rename({name: f"{name}_here" for name in ("geo_latitude", "geo_longitude")})
            .join(self.homes, on=["who", "week"], how="left", maintain_order="left")
        )
        country = pl.col("country") == pl.col("spot_home") // self.spots.cities
        near = pl.coalesce(kilometres("here", "home") <= FAR_KM, country).fill_null(value=False)
        return told.select(near_home=near, in_homeland=near | country.fill_null(value=False))


def near_home(frame: pl.DataFrame, rows: pl.Series) -> pl.DataFrame:
    """`Lives.near` of those rows of the frame."""
    if frame["geo_country"].null_count() == frame.height:
        nowhere = flags(rows.len())
        return pl.DataFrame({"near_home": nowhere, "in_homeland": nowhere})
    return Lives.of(frame).near(rows)


def homes(frame: pl.DataFrame) -> pl.DataFrame:
    """Where each person was on most days of the four weeks before each week: `email`, `week`, the place, `days` there.

    `located` are the days in any place, one in two places counting twice. Ties go to the smallest country and city.
    A person without a located join in those weeks has no row.
    """
    dated = _dated(frame, _Spots.of(frame))
    found = _homes(_stays(dated).with_columns(located=pl.col("days").sum().over("who", "week")))
    names = frame.select("email", "geo_country", "geo_city", who=dated["who"], spot=dated["spot"])
    people = names.select("who", "email").unique("who", keep="first", maintain_order=True)
    places = names.select("spot", "geo_country", "geo_city").unique("spot", keep="first", maintain_order=True)
    epoch = pl.lit(0).cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    return (
        found.join(people, on="who")
        .join(places, on="spot")
        .select(
            "email",
            "days",
            "located",
            week=epoch + pl.duration(days=7 * pl.col("week") - 3),
            **{f"{name}_home": pl.col(name) for name in ("geo_country", "geo_city", "geo_latitude", "geo_longitude")},
        )
        .sort("email", "week")
    )


_EXITS = {
    "exit": pl.Boolean(), "people": pl.Int64(), "away": pl.Int64(), "days": pl.Int64(),
    "place": pl.String(), "day": pl.Datetime("us", "UTC"),
}  # fmt: skip


def remote_exits(
    frame: pl.DataFrame, *, place: pl.Expr = PLACE, lives: Lives | None = None, among: pl.Series | None = None
) -> pl.DataFrame:
    """What is known of places that ever were exits after each day of use by internal people: `place`, `day`, `exit`.

    Of places that are not `among` those given nothing need be told. Texts may be packed in the frame.

    `people` are those from elsewhere, `away` and `days` the days they and all whose home is known used it until then.

    A place is an exit used from elsewhere once five internal people whose home is more than 500 km away, or in
    another country where coordinates are unknown, have used it, theirs are more than a tenth of the days on which
    somebody did, and some of them shared a network: strangers who took accounts over sit on lines of their own.
    That is a VPN, a cloud gateway, a carrier's far end; an office is not. `lives` are those of the frame, if at hand.
    """
    told = pl.all_horizontal(pl.col("ip_network", "geo_country", "email").is_not_null())
    inside = where_true(frame.select(pl.col("is_internal").fill_null(value=False) & told).to_series())
    if inside.is_empty():
        return pl.DataFrame(schema=_EXITS)
    names, own = _named(frame[inside], place)
    if among is not None:
        asked = picked(names.is_in(among.cast(pl.String()).unique().implode()), own)
        inside, own = inside.filter(asked), own.filter(asked)
    person = ids(frame, ["email"])
    people = greatest(person) + 1
    used = (own * people + picked(person, inside)).unique() // people
    crowded = used.alias("place").value_counts().filter(pl.col("count") >= EXIT_PEOPLE)["place"]
    if crowded.is_empty():
        return pl.DataFrame(schema=_EXITS)
    chosen = own.is_in(crowded.implode())
    inside, own = inside.filter(chosen), own.filter(chosen)
    if lives is None:
        # where somebody lives follows from their own rows alone
        theirs = person.is_in(picked(person, inside).unique().implode())
        frame, inside = frame.filter(theirs), picked(theirs.cum_sum() - 1, inside)
        lives = Lives.of(frame)
    spots, dated = lives.spots, lives.dated
    people = greatest(dated["who"]) + 1
    internal = dated.select("country", "geo_latitude", "geo_longitude")[inside]
    who, day = (picked(dated[name], inside) for name in ("who", "day"))
    low, days = smallest(day), greatest(day - smallest(day)) + 1
    daily = (
        internal.with_columns(
            line=codes(picked(frame["ip_network"], inside)), _key=(own * people + who) * days + day - low
        )
        .group_by("_key")
        .agg(pl.col("country", "line").min(), pl.col("geo_latitude", "geo_longitude").min().name.suffix("_here"))
        .with_columns(_pair=pl.col("_key") // days, day=pl.col("_key") % days + low)
        .with_columns(place=pl.col("_pair") // people, who=pl.col("_pair") % people, week=(pl.col("day") + 3) // 7)
        .join(
            lives.homes,
            on=["who", "week"],
            how="left",
        )
    )
    known = pl.col("spot_home").is_not_null()
    far = pl.coalesce(
        kilometres("here", "home") > FAR_KM, pl.col("country") != pl.col("spot_home") // spots.cities
    ).fill_null(value=False)
    away_day = pl.when("away").then("day")
    counted = (
        daily.with_columns(away=far & known)
        .with_columns(
            newcomer=pl.col("away") & (pl.col("day") == away_day.min().over("_pair")),
            line=pl.when("away").then("line"),
            _fresh=pl.col("away") & (pl.col("day") == away_day.min().over("place", "line")),
        )
        .group_by("place", "day")
        .agg(
            known.sum().cast(pl.Int64).alias("days"),
            pl.col("away").sum().cast(pl.Int64),
            pl.col("newcomer").fill_null(value=False).sum().cast(pl.Int64).alias("people"),
            pl.col("line").filter("_fresh").n_unique().cast(pl.Int64).alias("lines"),
        )
        .sort("place", "day")
        .with_columns(pl.col("days", "away", "people", "lines").cum_sum().over("place"))
        .with_columns(
            exit=(pl.col("people") >= EXIT_PEOPLE)
            & (EXIT_SHARE * pl.col("away") > pl.col("days"))
            & (pl.col("people") > pl.col("lines"))
        )
        .filter(pl.col("exit").any().over("place"))
    )
    epoch = pl.lit(0).cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    known_of = {"place": picked(names, counted["place"]), "day": epoch + pl.duration(days="day")}
    return counted.select("exit", "people", "away", "days", **known_of)


def is_remote_exit(frame: pl.DataFrame, exits: pl.DataFrame, *, place: pl.Expr = PLACE) -> pl.Series:
    """For each row of `frame`, whether its place was an exit after the last day before it on which it was used."""
    rows = pl.int_range(frame.height, dtype=pl.Int64, eager=True)
    return rows.is_in(exits_before(frame, exits, place=place)["row"].implode()).alias("exit")


def exits_before(frame: pl.DataFrame, exits: pl.DataFrame, *, place: pl.Expr = PLACE) -> pl.DataFrame:
    """The rows of `frame`, by their number, whose place was an exit before their day, with what was known then."""
    if exits.is_empty():
        return exits.drop("exit").clear().with_columns(row=pl.lit(None, pl.Int64()))
    names, own = _named(frame, place)
    rows = where_true(picked(names.is_in(exits["place"].unique().implode()), own).fill_null(value=False))
    asked = pl.DataFrame(
        {
            "row": rows.cast(pl.Int64()),
            "place": picked(names, picked(own, rows)),
            "asked": picked(frame["joined_time"], rows).dt.truncate("1d"),
        }
    )
    return (
        asked.sort("asked")
        .join_asof(
            exits.sort("day"),
            left_on="asked",
            right_on="day",
            by="place",
            strategy="backward",
            allow_exact_matches=False,
            check_sortedness=False,
        )
        .filter("exit")
        .drop("exit")
    )


def knows_network(frame: pl.DataFrame, *, places: Sequence[pl.Expr] = (NETWORK, PLACE)) -> pl.Series:
    """For each leg, whether its person used one of its places on at least two earlier days."""
    if any(place is PLACE for place in places) and frame["geo_city"].null_count() == frame.height:
        # where no city is known the place is the network
        places = (NETWORK, *(place for place in places if place is not PLACE and place is not NETWORK))
    return reduce(or_, [_on_two_days(frame, place) for place in places])


def _on_two_days(frame: pl.DataFrame, place: pl.Expr) -> pl.Series:
    """For each leg, whether its day is later than the second on which its person was in that place."""
    names, where = _named(frame, place)
    day = frame["joined_time"].dt.epoch("d").cast(pl.Int64)
    known = frame["email"].is_not_null() & picked(names.is_not_null(), where)
    first, pair = places(paired(ids(frame, ["email"]), where))
    low, span = smallest(day), greatest(day - smallest(day)) + 1
    used = (pair.cast(pl.Int64) * span + day - low).unique().sort()
    whose = used // span
    second = ((whose == whose.shift(1)) & (whose != whose.shift(2)).fill_null(value=True)).fill_null(value=False)
    since = pl.Series([None], dtype=pl.Int64).new_from_index(0, first.len())
    since = since.scatter(whose.filter(second), used.filter(second) % span + low)
    return (known & (day > picked(since, pair))).fill_null(value=False)


def _named(frame: pl.DataFrame, place: pl.Expr) -> tuple[pl.Series, pl.Series]:
    """The different places of the rows of a frame, and which of them each row has."""
    read = frame.select(place.meta.root_names())
    first, own = places(ids(read, read.columns))
    told = read[first].with_columns(pl.col(pl.Categorical()).cast(pl.String())).select(place=place).to_series()
    once, among = places(told)
    return picked(told, once), picked(among, own).cast(pl.Int64)
