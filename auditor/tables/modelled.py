"""Facts about people and networks that other rows tell: who is one person, whose network it is, where home is.

They are made from every row of the table that is held, whatever the window: a visit from the legs of its meeting, a
hand-off from the legs of its person, networks and homes from earlier days. Beside each stands its reason, under the
fact's name with `_why`. A fact is null where it is not known, never false.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from types import MappingProxyType

import polars as pl

from auditor.entities import egress, presence
from auditor.entities.columns import picked, where_true
from auditor.entities.episodes import legs
from auditor.entities.groups import places, spread
from auditor.entities.networks import WHERE, homes
from auditor.entities.people import main_addresses
from auditor.frozen import dataclass
from auditor.tables.addresses import PRIVATE, Networks
from auditor.tables.dotted import in_networks, network
from auditor.tables.schema import COUNT, FLAG, LINEAGE, TEXT

POOLED = "100.64.0.0/10"
"""The space carriers share among their customers, RFC 6598."""


@dataclass(frozen=True, slots=True)
class Given:
    """What models are given beside the rows: networks listed as offices', the time of the earliest row there is.

    Of rows nobody `asked` about nothing need be told; where it is None, of each.
    """

    offices: Collection[str]
    since: datetime | None = None
    asked: pl.Series | None = None

    def asked_of(self, some: pl.Series) -> pl.Series | None:
        """Which of some of the rows are asked about."""
        return None if self.asked is None else self.asked.filter(some)


@dataclass(frozen=True, slots=True)
class Model:
    """Facts made together: `facts` with their types, from the columns and facts in `reads` of all rows.

    `make` takes those rows, in no particular order, with the names wanted, and gives what is wanted of each row, in
    their order; what nobody asked about may be null. Texts are packed, and may be in what it gives. What a row is told
    follows from the rows of equal `key` alone; where addresses are located and `far`, from all rows.
    """

    facts: Mapping[str, pl.DataType]
    reads: tuple[str, ...]
    key: str
    far: bool
    make: Callable[[pl.DataFrame, Collection[str], Given], pl.DataFrame]


_ALWAYS = "joined_time"
_STAY = ("person_key", "left_time", "meeting.end_time")
_LEGS = (*_STAY, "site_url", "meeting_id", *LINEAGE)
_AT = "__at"


def _texts(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with texts as they are, and `_AT`, their number."""
    return rows.select(pl.col(pl.Categorical()).cast(TEXT), pl.exclude(pl.Categorical())).with_row_index(_AT)


def _told(found: pl.DataFrame, legs: pl.DataFrame, wanted: Collection[str], *, height: int) -> pl.DataFrame:
    """What was found of legs by their `row`, a row for each of all."""
    placed = legs.select("row", _AT).join(found.select("row", *wanted), on="row")
    return spread(placed.select(wanted), placed[_AT], height=height)


def _visits(rows: pl.DataFrame, wanted: Collection[str], given: Given) -> pl.DataFrame:
    del given
    ended, _ = legs(_texts(rows).lazy(), entity=("person_key",), needed=("meeting_id",))
    return _told(presence.visits(ended), ended, wanted, height=rows.height)


def _handoffs(rows: pl.DataFrame, wanted: Collection[str], given: Given) -> pl.DataFrame:
    del given
    return presence.handoffs(rows, wanted=wanted)


def _telephones(rows: pl.DataFrame, wanted: Collection[str], given: Given) -> pl.DataFrame:
    del given
    ended, _ = legs(_texts(rows).lazy(), entity=(), needed=("meeting_id", "phone_leg"))
    return _told(presence.telephones(ended), ended, wanted, height=rows.height)


def _networks(rows: pl.DataFrame, wanted: Collection[str], given: Given) -> pl.DataFrame:
    timed = rows["joined_time"].is_not_null()
    known, asked = (rows, given.asked) if timed.all() else (rows.filter(timed), given.asked_of(timed))
    found = egress.network_facts(
        known.hstack(_of_addresses(known["ip_address"], given.offices)), wanted=wanted, since=given.since, asked=asked
    )
    return found if known is rows else spread(found, where_true(timed), height=rows.height)


def _of_addresses(addresses: pl.Series, offices: Collection[str]) -> pl.DataFrame:
    """`line`, `listed` and `pooled` of each address."""
    first, place = places(addresses)
    address = pl.col("address")
    line = network(address, 32, 64)
    told = picked(addresses, first).cast(TEXT).to_frame("address")
    return told.select(
        # what one customer has: of private addresses nothing is known outside
        line=pl.when(~in_networks(address, PRIVATE)).then(line).cast(pl.Categorical()),
        listed=in_networks(address, Networks(offices)),
        pooled=in_networks(address, Networks([POOLED])),
    )[place]


def _homes(rows: pl.DataFrame, wanted: Collection[str], given: Given) -> pl.DataFrame:
    del given
    known = (
        _texts(rows)
        .filter(pl.col("joined_time").is_not_null())
        .with_columns(week=pl.col("joined_time").dt.truncate("1w"))
    )
    found = homes(known.rename({"person_key": "email"})).rename(
        {"email": "person_key", "geo_country_home": "home_country"}
    )
    when = pl.col("week").dt.strftime("%Y-%m-%d")
    place = pl.concat_str("geo_city_home", "home_country", separator=", ", ignore_nulls=True)
    why = pl.concat_str(
        pl.lit("in "),
        place,
        pl.lit(" on "),
        "days",
        pl.lit(" of "),
        "located",
        pl.lit(" located days of the four weeks before "),
        when,
    )
    told = known.join(found.with_columns(home_country_why=why), on=["person_key", "week"])
    return spread(told.select(wanted), told[_AT], height=rows.height)


def _model(
    make: Callable[..., pl.DataFrame], key: str, reads: tuple[str, ...], *, far: bool = False, **facts: pl.DataType
) -> Model:
    return Model(MappingProxyType(facts), tuple(dict.fromkeys((_ALWAYS, *reads))), key, far, make)


_MADE = ("line", "listed", "pooled")
MODELS: Mapping[str, tuple[Model, ...]] = MappingProxyType(
    {
        "attendees": (
            _model(_visits, "meeting_id", _LEGS, visit_number=COUNT, visit_number_why=TEXT),
            _model(_handoffs, "person_key", (*_STAY, "client_os"), handoff=FLAG, handoff_why=TEXT),
            _model(
                _telephones,
                "meeting_id",
                (*_LEGS, "display_name", "phone_leg"),
                phone_leg_of=TEXT, phone_leg_why=TEXT,
            ),
            _model(
                _networks,
                "ip_network",
                tuple(name for name in egress.READ if name not in _MADE),
                far=True, network_people=COUNT, network_people_why=TEXT, egress=TEXT, egress_why=TEXT,
            ),
            _model(
                _homes,
                "person_key",
                ("person_key", *(name for name in WHERE if name != "email")),
                home_country=TEXT, home_country_why=TEXT,
            ),
        )
    }
)  # fmt: skip
"""The models of each table that has any."""

LEARNED: Mapping[str, pl.DataType] = MappingProxyType(
    {name: dtype for models in MODELS.values() for model in models for name, dtype in model.facts.items()}
)
"""Every fact that only all rows together tell, with its type."""

REASONS: Mapping[str, str] = MappingProxyType(
    {
        "person_key": "person_key_why",
        **{name.removesuffix("_why"): name for name in LEARNED if name.endswith("_why") and name != "phone_leg_why"},
        "phone_leg_of": "phone_leg_why",
    }
)
"""Of facts that have one, the fact that tells why they are what they are."""


def models_of(table: str, names: Collection[str]) -> list[tuple[Model, list[str]]]:
    """The models that make the names, each with those of them it makes."""
    found = [(model, sorted(set(names) & model.facts.keys())) for model in MODELS.get(table, ())]
    return [(model, wanted) for model, wanted in found if wanted]


def is_learned(table: str, name: str) -> bool:
    """Whether only all rows of the table together tell the fact."""
    return any(name in model.facts for model in MODELS.get(table, ()))


def learned(rows: pl.DataFrame, table: str, *, wanted: Collection[str], given: Given) -> pl.DataFrame:
    """What all rows of the table tell of each of them, in their order; they have what `learned_from` names.

    Texts may be packed in the rows, and are in what is told. The rows may be not all there are, but all of equal
    keys, where `given` tells since when there are any.
    """
    packed = rows.with_columns(pl.col(TEXT).cast(pl.Categorical()))
    found = [model.make(packed.select(model.reads), names, given) for model, names in models_of(table, wanted)]
    told = pl.concat(found, how="horizontal")
    return told.select(
        pl.col(name).cast(pl.Categorical() if LEARNED[name] == TEXT else LEARNED[name]) for name in wanted
    )


def learned_from(table: str, wanted: Collection[str]) -> frozenset[str]:
    """The columns and facts that must be known of all rows for facts to be learned from them."""
    return frozenset[str]().union(*(model.reads for model, _ in models_of(table, wanted)))


def with_person(
    frame: pl.LazyFrame, *, email: str, people: pl.LazyFrame | None, wanted: Collection[str]
) -> pl.LazyFrame:
    """The frame with those wanted of `person_key`, which is the account that names the address an alias, else it."""
    own, main = pl.col(email), pl.col("__main")
    if people is None:
        named = frame.with_columns(__main=pl.lit(None, TEXT))
    else:
        aliases = main_addresses(people).rename({"alias": email, "main": "__main"})
        named = frame.join(aliases, on=email, how="left", maintain_order="left")
    alias = pl.concat_str(own, pl.lit(" is an alias of "), main, pl.lit(" in people"))
    why = pl.when(main.is_not_null()).then(alias).when(own.is_not_null()).then(pl.lit("the address of the record"))
    facts = {"person_key": pl.coalesce(main, own), "person_key_why": why}
    return named.with_columns(facts[name].alias(name) for name in wanted).drop("__main")
