"""Facts: the derived columns a rule may name beside a table's own.

A fact is computed where it is asked for. A fact that a frame holds already (rows of an embedded test give
them) is left as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import partial, reduce
from operator import xor
from types import MappingProxyType
from typing import TypeAlias

import polars as pl

from auditor.tables.confusables import name_keys
from auditor.tables.distinct import of_distinct
from auditor.tables.dotted import network
from auditor.tables.modelled import LEARNED, Given, is_learned, learned, learned_from, with_person
from auditor.tables.schema import COUNT, FLAG, LINEAGE, MEETINGS, TABLES, TEXT

Geo: TypeAlias = Callable[[pl.Series], pl.DataFrame]
"""Places and networks of distinct addresses: one row an address, the columns of `GEO`."""

_NUMBER = pl.Float64()
_VALUE = pl.col("value")

GEO = pl.Schema(
    {
        "geo_country": TEXT,
        "geo_city": TEXT,
        "geo_latitude": _NUMBER,
        "geo_longitude": _NUMBER,
        "geo_radius_km": _NUMBER,
        "asn": COUNT,
        "as_organisation": TEXT,
    }
)

_ROW_FACTS: Mapping[str, pl.DataType] = {
    "is_host": FLAG,
    "is_internal": FLAG,
    "email_domain": TEXT,
    "ip_network": TEXT,
    "client_os": TEXT,
    "client_app": TEXT,
    "name_key": TEXT,
    "department": TEXT,
    "meeting_number_value": COUNT,
    "filled_codes": COUNT,
    "person_key": TEXT,
    "person_key_why": TEXT,
    "phone_leg": FLAG,
    **GEO,
    **LEARNED,
}
_MEETING_FACTS: Mapping[str, pl.DataType] = {
    f"meeting.{name}": dtype for name, dtype in MEETINGS.schema.items() if name not in LINEAGE
}
TRACKING_CODE = "meeting.tracking_code."
_LEARNED_FROM = {
    "visit_number": "email", "handoff": "client_agent", "phone_leg": "phone_number", "phone_leg_of": "phone_number",
    "network_people": "ip_address", "egress": "ip_address", "home_country": "ip_address",
}  # fmt: skip
"""The column without which nothing can be learned of a fact."""

FACTS: Mapping[str, Mapping[str, pl.DataType]] = MappingProxyType(
    {
        name: MappingProxyType(
            {fact: dtype for fact, dtype in {**_ROW_FACTS, **_MEETING_FACTS}.items() if fact not in table.schema}
        )
        for name, table in TABLES.items()
    }
)
"""The facts of each table by name. `meeting.tracking_code.NAME` is text wherever `meeting.title` is."""


def _source(table: str, fact: str) -> str | None:
    """The column of the table that the fact is made from, or None."""
    columns = TABLES[table].schema
    if fact in LEARNED:
        wanted = _LEARNED_FROM[fact.removesuffix("_why")] if is_learned(table, fact) else ""
    elif fact.startswith("meeting."):
        wanted = "meeting_id"
    elif fact == "phone_leg":
        wanted = {"attendees": "phone_number", "devices": "audio_type"}.get(table, "")
    elif fact in {"email_domain", "is_internal", "person_key", "person_key_why"}:
        wanted = "host_email" if table == "meetings" else "email"
    elif fact == "is_host":
        wanted = {"attendees": "participant_type", "participants": "host"}.get(table, "participant_id")
    elif fact in {"client_os", "client_app"}:
        wanted = "client_agent"
    else:
        wanted = {
            "name_key": "display_name", "department": "email", "meeting_number_value": "meeting_number",
            "filled_codes": "tracking_codes",
        }.get(fact, "ip_address")  # fmt: skip
    return wanted if wanted in columns else None


NULL_FACTS: Mapping[str, frozenset[str]] = MappingProxyType(
    {name: frozenset(fact for fact in facts if _source(name, fact) is None) for name, facts in FACTS.items()}
)
"""The facts of each table that are null on every row, because it has no column to make them from."""


def fact_type(table: str, name: str) -> pl.DataType | None:
    """The type of a fact of the table, tracking codes included; None when there is no such fact."""
    if name.startswith(TRACKING_CODE) and len(name) > len(TRACKING_CODE):
        return TEXT
    return FACTS[table].get(name)


def fact_table(table: str, name: str) -> str | None:
    """The other table a fact of `table` is read from, or None when the row itself is enough."""
    if _source(table, TRACKING_CODE + "x" if name.startswith(TRACKING_CODE) else name) is None:
        return None
    if name.startswith("meeting."):
        return "meetings" if table != "meetings" else None
    if name == "department":
        return "people"
    if name == "is_host" and table in {"devices", "breakouts"}:
        return "participants"
    return None


OF_MEETING = "meeting."
"""What `value_source` tells of a fact that follows from the row's meeting."""

_OF_ONE_VALUE = frozenset(
    {"client_app", "client_os", "department", "email_domain", "ip_network", "is_internal", "meeting_number_value",
     "name_key", *GEO}
)  # fmt: skip


def value_source(table: str, name: str) -> str | None:
    """The text a column or fact of the table follows from alone, wherever the row stands: a column of texts.

    `OF_MEETING` where it follows from the meeting; None where the row itself must be looked at.
    """
    dtype = TABLES[table].schema.get(name)
    if dtype is not None:
        return name if dtype == TEXT else None
    if name.startswith(OF_MEETING):
        return OF_MEETING if fact_table(table, name) is not None else None
    if name == "is_host" and table == "attendees":
        return "participant_type"
    return _source(table, name) if name in _OF_ONE_VALUE else None


def email_domain(email: pl.Expr) -> pl.Expr:
    """The text after the last `@`; null without one."""
    return email.str.extract(r"@([^@]*)$")


def with_facts(
    frames: Mapping[str, pl.LazyFrame],
    table: str,
    *,
    needed: Collection[str],
    internal_domains: Collection[str] | None = None,
    geo: Geo | None = None,
    offices: Collection[str] = (),
    distinct: bool = False,
) -> pl.LazyFrame:
    """The table's frame with the facts among `needed` added; other names in `needed` are passed over.

    `frames` must hold every table `fact_table` names. Without `internal_domains`, `is_internal` is null on
    every row; without `geo`, so are places and networks. `offices` are networks listed as offices'. Facts
    that only all rows tell are learned from the rows of the frame. With `distinct` the caller knows that texts hardly
    repeat.
    """
    frame = frames[table]
    present = frame.collect_schema()
    told = sorted(name for name in set(needed) - set(present) if is_learned(table, name))
    if told:
        rows = with_facts(
            frames,
            table,
            needed=learned_from(table, told),
            internal_domains=internal_domains,
            geo=geo,
            offices=offices,
        )
        frame = frame.join(_learned(rows, table, told, offices), on=list(LINEAGE), how="left", maintain_order="left")
    present = frame.collect_schema()
    facts = sorted(name for name in needed if name not in present and fact_type(table, name) is not None)
    nulls = [name for name in facts if _source(table, name) is None]
    facts = [name for name in facts if name not in nulls]
    frame = frame.with_columns(pl.lit(None, dtype=fact_type(table, name)).alias(name) for name in nulls)
    frame = _with_meeting(frames, frame, [name for name in facts if name.startswith("meeting.")])
    frame = _with_geo(frame, [name for name in facts if name in GEO], geo)
    if "department" in facts:
        people = frames["people"].select("email", "department", *LINEAGE).filter(pl.col("email").is_not_null())
        frame = _joined(frame, people, on=["email"])
    if named := [name for name in ("person_key", "person_key_why") if name in facts]:
        frame = with_person(frame, email=_email(table), people=frames.get("people"), wanted=named)
    of_row = {"phone_leg": _phone_leg, "filled_codes": _filled_codes}
    frame = frame.with_columns(made(table).alias(name) for name, made in of_row.items() if name in facts)
    if "is_host" in facts and fact_table(table, "is_host") == "participants":
        key = ["site_url", "meeting_id", "participant_id"]
        hosts = frames["participants"].select(*key, pl.col("host").alias("is_host"), *LINEAGE)
        frame = _joined(frame, hosts, on=key)
    own: dict[str, tuple[str, pl.Expr]] = {
        "email_domain": (_email(table), email_domain(_VALUE)),
        "is_internal": (_email(table), _is_internal(email_domain(_VALUE), internal_domains)),
        "ip_network": ("ip_address", network(_VALUE, 24, 48)),
        "client_os": ("client_agent", _agent(_VALUE.str.extract(r"^([^,]*)"))),
        "client_app": ("client_agent", _agent(_VALUE.str.extract(r"^[^,]*,(?s:(.*))$"))),
        "name_key": ("display_name", name_keys(_VALUE)),
        "meeting_number_value": (
            "meeting_number",
            _VALUE.str.replace_all(r"\s", "").cast(COUNT, strict=False),
        ),
    }
    if "is_internal" in facts and "email_domain" in present:
        frame = frame.with_columns(_is_internal(pl.col("email_domain"), internal_domains).alias("is_internal"))
    done = set(frame.collect_schema())
    if "is_host" in facts and "is_host" not in done:
        host = pl.col("host") if table == "participants" else pl.col("participant_type") == "host"
        frame = frame.with_columns(host.alias("is_host"))
    made: dict[str, dict[str, pl.Expr]] = {}
    for name in facts:
        if name in own and name not in done:
            source, fact = own[name]
            made.setdefault(source, {})[name] = fact
    return _of_each(frame, made) if distinct else _of_values(frame, made)


def _learned(rows: pl.LazyFrame, table: str, wanted: list[str], offices: Collection[str]) -> pl.LazyFrame:
    """The lineage of the rows and what all of them tell of each; computed when it is collected."""
    shape = pl.Schema({**LINEAGE, **{name: LEARNED[name] for name in wanted}})

    def make(frame: pl.DataFrame) -> pl.DataFrame:
        told = learned(frame, table, wanted=wanted, given=Given(offices)).cast({name: LEARNED[name] for name in wanted})
        return frame.select(*LINEAGE).hstack(told).unique([*LINEAGE], keep="first", maintain_order=True)

    return rows.select(sorted({*learned_from(table, wanted), *LINEAGE})).map_batches(
        make, schema=shape, predicate_pushdown=False, projection_pushdown=False, slice_pushdown=False
    )


def _of_each(frame: pl.LazyFrame, made: Mapping[str, Mapping[str, pl.Expr]]) -> pl.LazyFrame:
    """The frame with facts of single columns, computed row by row."""
    for source, found in made.items():
        values = frame.with_columns(pl.col(source).alias("value"))
        frame = values.with_columns(fact.cast(_ROW_FACTS[name]).alias(name) for name, fact in found.items()).drop(
            "value"
        )
    return frame


def _of_values(frame: pl.LazyFrame, made: Mapping[str, Mapping[str, pl.Expr]]) -> pl.LazyFrame:
    """The frame with facts of single columns, each computed once for a value and not once for a row."""
    for source, found in made.items():
        shape = pl.Struct({name: _ROW_FACTS[name] for name in found})
        values = [fact.alias(name) for name, fact in found.items()]

        def batch(column: pl.Series, values: list[pl.Expr] = values, shape: pl.DataType = shape) -> pl.Series:
            return of_distinct(column, values).cast(shape)

        frame = (
            frame.with_columns(
                pl.col(source).map_batches(batch, return_dtype=shape, is_elementwise=True).alias("__made")
            )
            .with_columns(pl.col("__made").struct.field(name) for name in found)
            .drop("__made")
        )
    return frame


def _phone_leg(table: str) -> pl.Expr:
    """Whether the row is a telephone's: it has a number, and neither address nor client; null without any of them."""
    if table == "devices":
        return pl.col("audio_type") == "pstn"
    computer = pl.any_horizontal(pl.col(name).is_not_null() for name in ("ip_address", "client_agent"))
    return pl.when(computer).then(pl.lit(False)).when(pl.col("phone_number").is_not_null()).then(pl.lit(True))


def _filled_codes(_table: str) -> pl.Expr:
    """How many tracking codes of the meeting have a value."""
    return pl.col("tracking_codes").list.eval(pl.element().str.contains(r"=\s*\S").cast(COUNT).sum()).list.first()


def _email(table: str) -> str:
    return "host_email" if table == "meetings" else "email"


def _is_internal(domain: pl.Expr, domains: Collection[str] | None) -> pl.Expr:
    if domains is None:
        return pl.lit(None, dtype=FLAG)
    listed = pl.Series(sorted({item.strip().lower() for item in domains}), dtype=TEXT)
    return domain.is_in(listed.implode())


def _agent(part: pl.Expr) -> pl.Expr:
    """A part of the client's name for itself, without case and blanks; null when nothing is left."""
    text = part.str.to_lowercase().str.strip_chars()
    return pl.when(text != "").then(text)


def _joined(frame: pl.LazyFrame, other: pl.LazyFrame, *, on: list[str]) -> pl.LazyFrame:
    """The frame with the other's columns; of several rows of the other with one key the first by lineage.

    Keys may be packed in the frame.
    """
    schema = frame.collect_schema()
    shape = {name: schema[name] if name in on else dtype for name, dtype in other.collect_schema().items()}
    once = other.cast({name: schema[name] for name in on}).map_batches(
        partial(_first_rows, on=on),
        schema=pl.Schema({name: dtype for name, dtype in shape.items() if name not in LINEAGE}),
        predicate_pushdown=False,
        projection_pushdown=False,
        slice_pushdown=False,
    )
    return frame.join(once, on=on, how="left", maintain_order="left")


def _first_rows(rows: pl.DataFrame, on: list[str]) -> pl.DataFrame:
    """Of each key the first row by lineage; rows are only put in order where a key has several."""
    # two keys may share a number, which only has them put in order
    numbers = rows.select(reduce(xor, (pl.col(name).hash(seed) for seed, name in enumerate(on)))).to_series()
    if numbers.n_unique() < rows.height:
        rows = rows.sort(*LINEAGE, nulls_last=True).unique(subset=on, keep="first", maintain_order=True)
    return rows.drop(*LINEAGE)


def _with_meeting(frames: Mapping[str, pl.LazyFrame], frame: pl.LazyFrame, facts: Collection[str]) -> pl.LazyFrame:
    """The frame with columns of the meetings row of the same (site_url, meeting_id).

    A table without `site_url` is joined by `meeting_id` alone: Webex does not use one id on two sites.
    """
    if not facts:
        return frame
    key = ["site_url", "meeting_id"] if "site_url" in frame.collect_schema() else ["meeting_id"]
    meetings = frames["meetings"].select(*key, *(_meeting_column(name).alias(name) for name in facts), *LINEAGE)
    return _joined(frame, meetings, on=key)


def sources(table: str, names: Collection[str]) -> frozenset[str]:
    """The table's own columns among the names, and those its facts among them are made from."""
    own = TABLES[table].schema
    facts = {TRACKING_CODE + "x" if name.startswith(TRACKING_CODE) else name for name in names if name not in own}
    found = {name for name in names if name in own} | {_source(table, fact) for fact in facts}
    if "phone_leg" in facts:
        found |= {"ip_address", "client_agent"} & set(own)
    return frozenset(name for name in found if name is not None)


def _meeting_column(fact: str) -> pl.Expr:
    if not fact.startswith(TRACKING_CODE):
        return pl.col(fact.removeprefix("meeting."))
    prefix = fact.removeprefix(TRACKING_CODE) + "="
    code = pl.element().filter(pl.element().str.starts_with(prefix)).str.strip_prefix(prefix)
    return pl.col("tracking_codes").list.eval(code).list.first()


def _with_geo(frame: pl.LazyFrame, facts: Collection[str], geo: Geo | None) -> pl.LazyFrame:
    if not facts:
        return frame
    if geo is None:
        return frame.with_columns(pl.lit(None, dtype=GEO[name]).alias(name) for name in facts)
    shape = pl.Struct({name: GEO[name] for name in facts})

    def batch(addresses: pl.Series) -> pl.Series:
        distinct = addresses.unique().drop_nulls()
        found = geo(distinct).select(facts).to_struct()
        return addresses.replace_strict(distinct, found, default=None, return_dtype=shape)

    place = pl.col("ip_address").map_batches(batch, return_dtype=shape, is_elementwise=True)
    return (
        frame.with_columns(place.alias("__place"))
        .with_columns(pl.col("__place").struct.field(name) for name in facts)
        .drop("__place")
    )
