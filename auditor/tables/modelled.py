"""Facts about people and networks that other rows tell: who is one person, whose network it is, where home is.

They are made from every row of the table that is held, whatever the window: a visit from the legs of its meeting, a
hand-off from the legs of its person, networks and homes from earlier days. Beside each stands its reason, under the
fact's name with `_why`. A fact is null where it is not known, never false.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType

import polars as pl

from auditor.entities import egress, presence
from auditor.entities.episodes import legs
from auditor.entities.networks import WHERE, homes
from auditor.entities.people import main_addresses
from auditor.frozen import dataclass
from auditor.tables.addresses import Networks, is_private, network_of
from auditor.tables.distinct import mapped
from auditor.tables.schema import COUNT, FLAG, LINEAGE, TEXT

POOLED = "100.64.0.0/10"
"""The space carriers share among their customers, RFC 6598."""


@dataclass(frozen=True, slots=True)
class Model:
    """Facts made together: `facts` with their types, from the columns and facts in `reads` of all rows.

    `make` takes those rows, in no particular order, with the names wanted, and gives for each it can speak of its
    lineage and what is wanted. `lists` are the names of lists it is handed.
    """

    facts: Mapping[str, pl.DataType]
    reads: tuple[str, ...]
    make: Callable[[pl.DataFrame, Collection[str], Collection[str]], pl.DataFrame]


_ALWAYS = ("joined_time", *LINEAGE)
_LEGS = ("person_key", "site_url", "meeting_id", "left_time", "meeting.end_time")


def _with_rows(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with a known time, in order of time and lineage, numbered by `row`."""
    known = rows.filter(pl.col("joined_time").is_not_null()).sort("joined_time", *LINEAGE)
    return known.with_row_index("row").with_columns(pl.col("row").cast(COUNT))


def _told(found: pl.DataFrame, rows: pl.DataFrame, wanted: Collection[str]) -> pl.DataFrame:
    """What was found of rows by their number, by their lineage."""
    return rows.select("row", *LINEAGE).join(found, on="row").select(*LINEAGE, *wanted)


def _visits(rows: pl.DataFrame, wanted: Collection[str], offices: Collection[str]) -> pl.DataFrame:
    del offices
    ended, _ = legs(rows.lazy(), entity=("person_key",), needed=("meeting_id",))
    return _told(presence.visits(ended), ended, wanted)


def _handoffs(rows: pl.DataFrame, wanted: Collection[str], offices: Collection[str]) -> pl.DataFrame:
    del offices
    ended, _ = legs(rows.lazy(), entity=("person_key",), needed=("client_os",))
    return _told(presence.handoffs(ended), ended, wanted)


def _telephones(rows: pl.DataFrame, wanted: Collection[str], offices: Collection[str]) -> pl.DataFrame:
    del offices
    ended, _ = legs(rows.lazy(), entity=(), needed=("meeting_id", "phone_leg"))
    return _told(presence.telephones(ended), ended, wanted)


def _networks(rows: pl.DataFrame, wanted: Collection[str], offices: Collection[str]) -> pl.DataFrame:
    listed, pooled = Networks(offices), Networks([POOLED])
    address = pl.col("ip_address")
    known = rows.filter(pl.col("joined_time").is_not_null()).with_columns(
        line=mapped(address, _line, TEXT),
        listed=mapped(address, listed.holds, FLAG),
        pooled=mapped(address, pooled.holds, FLAG),
    )
    return known.select(*LINEAGE).hstack(egress.network_facts(known, wanted=wanted))


def _line(text: str) -> str | None:
    """What one customer has: the IPv4 address, the /64 of an IPv6 address; null where it means nothing outside."""
    return None if is_private(text) else network_of(text, 32, 64)


def _homes(rows: pl.DataFrame, wanted: Collection[str], offices: Collection[str]) -> pl.DataFrame:
    del offices
    known = _with_rows(rows).with_columns(week=pl.col("joined_time").dt.truncate("1w"))
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
    return _told(known.join(found.with_columns(home_country_why=why), on=["person_key", "week"]), known, wanted)


def _model(make: Callable[..., pl.DataFrame], reads: tuple[str, ...], **facts: pl.DataType) -> Model:
    return Model(MappingProxyType(facts), tuple(dict.fromkeys((*_ALWAYS, *reads))), make)


_MADE = ("line", "listed", "pooled")
MODELS: Mapping[str, tuple[Model, ...]] = MappingProxyType(
    {
        "attendees": (
            _model(_visits, _LEGS, visit_number=COUNT, visit_number_why=TEXT),
            _model(_handoffs, (*_LEGS, "client_os"), handoff=FLAG, handoff_why=TEXT),
            _model(_telephones, (*_LEGS, "display_name", "phone_leg"), phone_leg_of=TEXT, phone_leg_why=TEXT),
            _model(
                _networks,
                tuple(name for name in egress.READ if name not in _MADE),
                network_people=COUNT, network_people_why=TEXT, egress=TEXT, egress_why=TEXT,
            ),
            _model(
                _homes,
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

REASONS = frozenset({"person_key_why", *(name for name in LEARNED if name.endswith("_why"))})
"""The facts that tell why another fact is what it is."""


def models_of(table: str, names: Collection[str]) -> list[tuple[Model, list[str]]]:
    """The models that make the names, each with those of them it makes."""
    found = [(model, sorted(set(names) & model.facts.keys())) for model in MODELS.get(table, ())]
    return [(model, wanted) for model, wanted in found if wanted]


def is_learned(table: str, name: str) -> bool:
    """Whether only all rows of the table together tell the fact."""
    return any(name in model.facts for model in MODELS.get(table, ()))


def learned(rows: pl.LazyFrame, model: Model, *, wanted: Collection[str], offices: Collection[str]) -> pl.LazyFrame:
    """The lineage of the rows and what the model says of them; computed when it is collected."""
    shape = pl.Schema({**LINEAGE, **{name: model.facts[name] for name in wanted}})

    def make(frame: pl.DataFrame) -> pl.DataFrame:
        found = model.make(frame, list(wanted), offices)
        return found.select(pl.col(name).cast(dtype) for name, dtype in shape.items()).unique(
            [*LINEAGE], keep="first", maintain_order=True
        )

    return rows.select(model.reads).map_batches(
        make, schema=shape, predicate_pushdown=False, projection_pushdown=False, slice_pushdown=False
    )


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
