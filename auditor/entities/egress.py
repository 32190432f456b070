"""Through what a join reached the internet: an office, a carrier's shared addresses, a VPN, a cloud, a home.

What a network is follows from who used it in the four weeks before the day of the join, from what the operator
calls itself, and from lists. Whatever is not told by these is null.
"""

from __future__ import annotations

from collections.abc import Collection

import polars as pl

from auditor.entities.groups import codes, greatest
from auditor.entities.lookback import DAYS, day_of, seen_before, used_before
from auditor.entities.networks import exits_before, remote_exits
from auditor.entities.pairs import MOBILE

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

EGRESS = ("office", "cgnat", "cloud", "vpn", "home")


def network_facts(rows: pl.DataFrame, *, wanted: Collection[str]) -> pl.DataFrame:
    """Those wanted of `network_people`, `egress` and their reasons, a row for each of `rows`, which have `READ`.

    Every row has a `joined_time`.
    """
    told = bool({"egress", "egress_why"} & set(wanted))
    counted = rows.select(READ).hstack(_counted(rows, all_=told))
    if told:
        counted = counted.hstack(_exits(rows))
    kinds = _kinds()
    kind, why = pl.lit(None, pl.String()), pl.lit(None, pl.String())
    for name, (holds, words) in reversed(kinds.items()):
        kind = pl.when(holds.fill_null(value=False)).then(pl.lit(name.partition(" ")[0])).otherwise(kind)
        why = pl.when(holds.fill_null(value=False)).then(words).otherwise(why)
    ours = pl.when(pl.col("ours") > 0).then(_words(", ", "ours", " of them ours,")).otherwise(pl.lit(""))
    facts = {
        "network_people": pl.col("people"),
        "network_people_why": pl.concat_str(_many("people", "person", "people"), ours, _used()),
        "egress": kind,
        "egress_why": why,
    }
    return counted.lazy().select(facts[name].alias(name) for name in wanted).collect()


def _kinds() -> dict[str, tuple[pl.Expr, pl.Expr]]:
    """Each kind of egress with its condition and its reason; the first that holds counts.

    The first word is the kind.
    """
    shared = pl.col("people") >= MANY
    # neighbours at one provider have an address each; an office or a carrier has fewer than people
    behind_few = pl.col("lines") < pl.col("people")
    return {
        "office listed": (pl.col("listed"), _words("ip_address", " is listed in office_networks")),
        "cgnat pool": (
            pl.col("pooled"),
            _words("ip_address", " is of the space that carriers share among their customers"),
        ),
        "cloud": (
            pl.col("as_organisation").str.contains(HOSTING),
            _words("its operator is ", "as_organisation"),
        ),
        "vpn": (
            pl.col("exit"),
            _words(
                "exit_people", " of our people used it while their home was far away, on ", "exit_away", " of ",
                "exit_days", " days until ", "exit_day",
            ),
        ),
        "cgnat": (
            shared & behind_few & (2 * pl.col("phones") > pl.col("uses")),
            pl.concat_str(
                _many("people", "person", "people"),
                _used(),
                _words(", ", "phones", " of ", "uses", " times by phone alone"),
            ),
        ),
        "office": (
            shared & behind_few & (pl.col("ours") >= MANY) & (2 * pl.col("ours") > pl.col("people")),
            pl.concat_str(_words("ours", " of our people"), _used(), _words(", with ", "lines", " of its addresses")),
        ),
        "home": (
            (pl.col("people") < MANY) & (pl.col("own_days") >= HOUSEHOLD_DAYS),
            pl.concat_str(
                _words("person_key", " used ", "ip_network", " on ", "own_days", " of "), _many("past", "day", "days"),
                _words(" before ", "when", ", as did "), _many("people", "person", "people"), pl.lit(" in all"),
            ),
        ),
    }  # fmt: skip


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


def _counted(rows: pl.DataFrame, *, all_: bool) -> pl.DataFrame:
    """Who used the network of each row in the four weeks before its day; null where nothing was held before it.

    `people`, `ours` among them and `days` are counts of different ones; with `all_` also `lines`, `uses`, which are
    days of a person, `phones`, those by phone alone, and `own_days` of the row's person. `past` tells how many days
    before are held at most.
    """
    day = day_of(rows["joined_time"])
    known = (rows["ip_network"].is_not_null() & rows["line"].is_not_null()).to_frame("known")
    network = known.select(pl.when("known").then(codes(rows["ip_network"]))).to_series()
    who, ours = codes(rows["person_key"]), rows["is_internal"].fill_null(value=False)
    own = network * (greatest(who) + 1) + who
    facts = {"network": network, "who": who, "day": day, "ours": ours, "own": own}
    used = pl.DataFrame(facts).drop_nulls()
    mine, each_day = used.filter("ours"), used.unique(["network", "day"])
    questions = pl.DataFrame({"network": network, "day": day}).unique()
    asked = (questions["network"], questions["day"])
    counts = {
        "people": seen_before(used["network"], used["who"], used["day"], asked=asked),
        "ours": seen_before(mine["network"], mine["who"], mine["day"], asked=asked),
        "days": used_before(each_day["network"], each_day["day"], asked=asked),
    }
    if all_:
        lines = pl.DataFrame({**facts, "line": codes(rows["line"])}).drop_nulls()
        mobile = rows.select(pl.col("client_os").is_in(list(MOBILE)).fill_null(value=False)).to_series()
        daily = (
            pl.DataFrame({**facts, "mobile": mobile})
            .drop_nulls()
            .group_by("own", "day")
            .agg(pl.col("network").first(), pl.col("mobile").all())
        )
        phones = daily.filter("mobile")
        counts |= {
            "lines": seen_before(lines["network"], lines["line"], lines["day"], asked=asked),
            "uses": used_before(daily["network"], daily["day"], asked=asked),
            "phones": used_before(phones["network"], phones["day"], asked=asked),
        }
    past = (day - day.min()).clip(0, DAYS)
    told = pl.DataFrame({"network": network, "day": day}).join(
        questions.with_columns(**counts), on=["network", "day"], how="left", nulls_equal=True, maintain_order="left"
    )
    if all_:
        told = told.with_columns(own_days=used_before(daily["own"], daily["day"], asked=(own, day)))
    when = rows["joined_time"].dt.strftime("%Y-%m-%d")
    return told.drop("network", "day").with_columns(pl.when(past > 0).then(pl.all()), past=past, when=when)


def _exits(rows: pl.DataFrame) -> pl.DataFrame:
    """Whether the row's place was an exit used from elsewhere before its day, and what was known of it then."""
    people = rows.rename({"person_key": "email"})
    found = exits_before(people, remote_exits(people)).select(
        "row",
        exit=pl.lit(True),
        exit_people="people",
        exit_away="away",
        exit_days="days",
        exit_day=pl.col("day").dt.strftime("%Y-%m-%d"),
    )
    return (
        pl.DataFrame({"row": pl.int_range(rows.height, dtype=pl.Int64, eager=True)})
        .join(found, on="row", how="left", maintain_order="left")
        .drop("row")
    )
