"""Through what a join reached the internet: an office, a carrier's shared addresses, a VPN, a cloud, a home.

What a network is follows from who used it in the four weeks before the day of the join, from what the operator
calls itself, and from lists. Whatever is not told by these is null.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

import polars as pl

from auditor.entities.columns import picked, where_true
from auditor.entities.groups import dense, greatest, packed, places, smallest, spread
from auditor.entities.lookback import DAYS, day_of, distinct, seen_before, used_before
from auditor.entities.networks import WHERE, exits_before, remote_exits
from auditor.entities.pairs import MOBILE
from auditor.frozen import dataclass

MANY = 5
"""So many people make a network a shared one."""

HOUSEHOLD_DAYS = 2
"""A person is at home on a network of few people that was theirs on so many days."""

HOSTING = (
    r"(?i)\b(hosting|cloud|vps|colocation|data ?cent(er|re)s?|amazon|aws|azure|digitalocean|hetzner|linode"
    r"|ovh|vultr|leaseweb|zscaler|netskope|cloudflare)\b"
)
"""What operators of clouds and data centres call themselves."""

READ = (
    "person_key", "is_internal", "ip_address", "ip_network", "line", "listed", "pooled", "client_os", "joined_time",
    "asn", "as_organisation", "geo_country", "geo_city", "geo_latitude", "geo_longitude",
)  # fmt: skip
"""What must be known of a row, facts among it.

`line` is what one customer has, an IPv4 address or the /64 of an IPv6 one; null where an address is private.
`listed`: it is one of an office that is listed; `pooled`: it is of the space carriers share among customers.
"""

_TEXTS = ("person_key", "ip_address", "ip_network", "as_organisation")
_IN_WORDS = ("people", "ours", "lines", "days", "past", "when", "phones", "uses")
_OF_EXIT = ("exit_people", "exit_away", "exit_days", "exit_day")
_OF_NETWORK = ("carrier", "staffed", "few")


def network_facts(
    rows: pl.DataFrame, *, wanted: Collection[str], since: datetime | None = None, asked: pl.Series | None = None
) -> pl.DataFrame:
    """Those wanted of `network_people`, `egress` and their reasons, a row for each of `rows`, which have `READ`.

    Every row has a `joined_time`; texts may be packed. Records are held since the first of the rows, or `since`. With
    `asked` the others are told nothing.
    """
    told = bool({"egress", "egress_why"} & set(wanted))
    uses = _Uses.of(rows, since)
    own = where_true(asked) if asked is not None and not asked.all() else None
    first, place = places(uses.rows["at"] if own is None else picked(uses.rows["at"], own))
    networks = _networks(rows, uses, first if own is None else picked(own, first), all_=told)
    found: dict[str, pl.Series] = {}
    if "network_people" in wanted:
        found["network_people"] = picked(networks["people"], place)
    if "network_people_why" in wanted:
        found["network_people_why"] = picked(packed(networks.select(_people_why()).to_series()), place)
    if told:
        exits, used = _exits(rows), uses.rows.select("own", "day")
        if own is not None:
            rows, exits, used = rows[own], exits[own], used[own]
        counted = rows.select("listed", "pooled").hstack(networks.select(_OF_NETWORK)[place]).hstack(exits)
        counted = counted.with_columns(
            cloud=_is_cloud(rows["as_organisation"]), own_days=_own_days(uses, used, counted["few"])
        )
        if "egress" in wanted:
            found["egress"] = packed(counted.lazy().select(_first_kind()).collect().to_series())
        if "egress_why" in wanted:
            words = rows.select(pl.col(_TEXTS).cast(pl.String()))
            counted = counted.hstack(words).hstack(networks.select(_IN_WORDS)[place])
            found["egress_why"] = counted.lazy().select(_first_kind(_reasons())).collect().to_series()
    told_of = pl.DataFrame([found[name].alias(name) for name in wanted])
    return told_of if own is None else spread(told_of, own, height=uses.rows.height)


_HOLDS: Mapping[str, pl.Expr] = {
    "office listed": pl.col("listed"),
    "cgnat pool": pl.col("pooled"),
    "cloud": pl.col("cloud"),
    "vpn": pl.col("exit"),
    "cgnat": pl.col("carrier"),
    "office": pl.col("staffed"),
    "home": pl.col("few") & (pl.col("own_days") >= HOUSEHOLD_DAYS),
}
"""When a row's egress is of a kind, which is the first word; the first kind that holds counts."""


def _first_kind(words: Mapping[str, pl.Expr] | None = None) -> pl.Expr:
    """The first kind that holds, or the words for it; null where none does."""
    found = pl.lit(None, pl.String())
    for name, holds in reversed(tuple(_HOLDS.items())):
        told = pl.lit(name.partition(" ")[0]) if words is None else words[name]
        found = pl.when(holds.fill_null(value=False)).then(told).otherwise(found)
    return found


def _reasons() -> Mapping[str, pl.Expr]:
    """Of each kind why a row's egress is of it."""
    return {
        "office listed": _words("ip_address", " is listed in office_networks"),
        "cgnat pool": _words("ip_address", " is of the space that carriers share among their customers"),
        "cloud": _words("its operator is ", "as_organisation"),
        "vpn": _words(
            "exit_people", " of our people used it while their home was far away, on ", "exit_away", " of ",
            "exit_days", " days until ", "exit_day",
        ),
        "cgnat": pl.concat_str(
            _many("people", "person", "people"),
            _used(),
            _words(", ", "phones", " of ", "uses", " times by phone alone"),
        ),
        "office": pl.concat_str(
            _words("ours", " of our people"), _used(), _words(", with ", "lines", " of its addresses")
        ),
        "home": pl.concat_str(
            _words("person_key", " used ", "ip_network", " on ", "own_days", " of "), _many("past", "day", "days"),
            _words(" before ", "when", ", as did "), _many("people", "person", "people"), pl.lit(" in all"),
        ),
    }  # fmt: skip


def _people_why() -> pl.Expr:
    ours = pl.when(pl.col("ours") > 0).then(_words(", ", "ours", " of them ours,")).otherwise(pl.lit(""))
    return pl.concat_str(_many("people", "person", "people"), ours, _used())


def _used() -> pl.Expr:
    return pl.concat_str(
        _words(" used ", "ip_network", " on ", "days", " of "), _many("past", "day", "days"), _words(" before ", "when")
    )


def _many(column: str, one: str, more: str) -> pl.Expr:
    """A count with what it counts."""
    return pl.concat_str(column, pl.when(pl.col(column) == 1).then(pl.lit(f" {one}")).otherwise(pl.lit(f" {more}")))


_COLUMNS = frozenset({
    "people", "ours", "lines", "days", "past", "when", "phones", "uses", "own_days", "exit_people", "exit_away",
    "exit_days", "exit_day", "person_key", "ip_network", "ip_address", "as_organisation",
})  # fmt: skip


def _words(*parts: str) -> pl.Expr:
    """The parts in a row; those that name a column stand for its value."""
    return pl.concat_str(pl.col(part).cast(pl.String()) if part in _COLUMNS else pl.lit(part) for part in parts)


@dataclass(frozen=True, slots=True)
class _Uses:
    """Rows as whole numbers: `who` used which `network`, null where nothing is to be known of it, on which `day`.

    Days count from the first one, `span` in all. `own` is a person on a network, `at` a network on a day. `daily` has
    every `own` and its days once, in order, and whether the person was there by phone alone: `mobile`; `ours` has those
    of our people.
    """

    rows: pl.DataFrame
    daily: pl.DataFrame
    ours: pl.DataFrame
    span: int

    @classmethod
    def of(cls, rows: pl.DataFrame, since: datetime | None) -> _Uses:
        """The uses the rows tell of; days count from the one of `since`, if given, which is none of a later row."""
        known = rows.select(pl.col("ip_network").is_not_null() & pl.col("line").is_not_null()).to_series()
        who, day = dense(rows["person_key"]), day_of(rows["joined_time"])
        first = smallest(day if since is None else day_of(pl.Series([since])))
        people = greatest(who) + 1
        span = greatest(day) - first + 1
        network = pl.select(pl.when(known).then(dense(rows["ip_network"]))).to_series()
        facts = {"network": network, "who": who, "day": day - first, "own": network * people + who}
        used = pl.DataFrame(facts | {"at": network * span + facts["day"]})
        mobile = rows["client_os"].is_in(list(MOBILE)).fill_null(value=False)
        ours = rows["is_internal"].fill_null(value=False)
        kinds = distinct((((used["own"] * span + used["day"]) * 2 + ~mobile) * 2 + ours).drop_nulls())
        key, before, after = pl.col("key") // 4, pl.col("key").shift(1) // 4, pl.col("key").shift(-1) // 4
        # of a person's joins of a day the last one is by something else, if any is
        day_ends = kinds.to_frame("key").filter((key != after).fill_null(value=True))
        of_ours = kinds.filter(kinds % 2 == 1).to_frame("key").filter((key != before).fill_null(value=True))
        daily, of_us = (
            ends.select(own=key // span, day=key % span, mobile=pl.col("key") // 2 % 2 == 0).with_columns(
                network=pl.col("own") // people, who=pl.col("own") % people
            )
            for ends in (day_ends, of_ours)
        )
        return cls(used, daily, of_us, span)


def _networks(rows: pl.DataFrame, uses: _Uses, first: pl.Series, *, all_: bool) -> pl.DataFrame:
    """Who used the networks of the rows at the places in `first` in the four weeks before the day of each.

    `people`, `ours` among them and `days` are counts of different ones; with `all_` also `lines`, `uses`, which are
    days of a person, `phones`, those by phone alone, and whether these make it a `carrier`, a `staffed` one of ours or
    one of `few` people. `past` tells how many days before are held at most. All is null where nothing was held before.
    """
    used, daily = uses.rows, uses.daily
    asked = (picked(used["network"], first), picked(used["day"], first))
    mine = uses.ours
    each_day = distinct(daily["network"] * uses.span + daily["day"])
    counts = {
        "people": seen_before(daily["network"], daily["who"], daily["day"], asked=asked),
        "ours": seen_before(mine["network"], mine["who"], mine["day"], asked=asked),
        "days": used_before(each_day // uses.span, each_day % uses.span, asked=asked),
    }
    if all_:
        lines = used.select("network", "day", line=pl.when(used["who"].is_not_null()).then(dense(rows["line"])))
        phones = daily.filter("mobile")
        counts |= {
            "lines": seen_before(lines["network"], lines["line"], lines["day"], asked=asked),
            "uses": used_before(daily["network"], daily["day"], asked=asked),
            "phones": used_before(phones["network"], phones["day"], asked=asked),
        }
    told = pl.DataFrame(counts | {"past": asked[1].clip(0, DAYS)})
    if all_:
        told = told.with_columns(**_SHAPES)
    when = picked(rows["joined_time"], first).dt.strftime("%Y-%m-%d")
    known = told.select(pl.when(pl.col("past") > 0).then(pl.all()))
    return known.with_columns(when=when, ip_network=picked(rows["ip_network"], first).cast(pl.String()))


_SHARED = pl.col("people") >= MANY
# neighbours at one provider have an address each; an office or a carrier has fewer than people
_BEHIND_FEW = pl.col("lines") < pl.col("people")
_SHAPES = {
    "carrier": _SHARED & _BEHIND_FEW & (2 * pl.col("phones") > pl.col("uses")),
    "staffed": _SHARED & _BEHIND_FEW & (pl.col("ours") >= MANY) & (2 * pl.col("ours") > pl.col("people")),
    "few": pl.col("people") < MANY,
}


def _own_days(uses: _Uses, used: pl.DataFrame, asked: pl.Series) -> pl.Series:
    """On how many days of the four weeks before its day each row's person used its network; null where not asked."""
    places = where_true(asked.fill_null(value=False))
    rows = used[places]
    counts = used_before(uses.daily["own"], uses.daily["day"], asked=(rows["own"], rows["day"]))
    return pl.Series([None], dtype=pl.Int64).new_from_index(0, asked.len()).scatter(places, counts)


def _is_cloud(operators: pl.Series) -> pl.Series:
    """Whether the operator of each row calls itself one of clouds or data centres."""
    first, place = places(operators)
    return picked(picked(operators, first).cast(pl.String()).str.contains(HOSTING), place)


def _exits(rows: pl.DataFrame) -> pl.DataFrame:
    """Whether the row's place was an exit used from elsewhere before its day, and what was known of it then."""
    if rows["geo_country"].null_count() == rows.height:
        # nobody's home is known
        return pl.DataFrame(schema={"exit": pl.Boolean(), **dict.fromkeys(_OF_EXIT, pl.String())}).clear(rows.height)
    people = rows.rename({"person_key": "email"}).select(*WHERE, "joined_time")
    people = people.with_columns(pl.col(pl.Categorical()).cast(pl.String()))
    found = exits_before(people, remote_exits(people)).select(
        "row",
        exit=pl.lit(True),
        exit_people="people",
        exit_away="away",
        exit_days="days",
        exit_day=pl.col("day").dt.strftime("%Y-%m-%d"),
    )
    return spread(found.drop("row"), found["row"], height=rows.height)
