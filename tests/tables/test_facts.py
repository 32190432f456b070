"""Facts of each table."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.tables.addresses import PRIVATE, Networks, address, network_of
from auditor.tables.confusables import name_key, name_keys
from auditor.tables.facts import FACTS, GEO, NULL_FACTS, fact_table, fact_type, with_facts
from auditor.tables.placement import unplaced
from auditor.tables.schema import TABLES


def frames(**rows: list[dict[str, object]]) -> dict[str, pl.LazyFrame]:
    found = {}
    for name, table in TABLES.items():
        given_rows = [
            {"site_url": "a.webex.com", "page": "0" * 64, "item": item, **row}
            for item, row in enumerate(rows.get(name, []))
        ]
        columns = {
            column: pl.Series(column, [row.get(column) for row in given_rows], dtype=dtype)
            for column, dtype in table.schema.items()
        }
        found[name] = pl.LazyFrame(columns)
    return found


def facts(table: str, *names: str, tables: dict[str, pl.LazyFrame], **settings: object) -> list[tuple[object, ...]]:
    return with_facts(tables, table, needed=names, **settings).select(names).collect().rows()  # type: ignore[arg-type]


def test_every_fact_of_every_table_has_its_type_on_no_rows() -> None:
    for table, known in FACTS.items():
        empty = with_facts(frames(), table, needed=known)
        assert {name: empty.collect_schema()[name] for name in known} == dict(known)
        assert empty.collect().height == 0


def test_null_facts_are_null_on_every_row() -> None:
    tables = frames(**{name: [{}] for name in TABLES})
    for table, names in NULL_FACTS.items():
        if not names:
            continue
        row = with_facts(tables, table, needed=names).select(sorted(names)).collect().row(0)
        assert set(row) <= {None}


def test_a_fact_in_the_frame_wins() -> None:
    tables = frames(attendees=[{"participant_type": "host"}])
    tables["attendees"] = tables["attendees"].with_columns(is_host=pl.lit(False))
    assert facts("attendees", "is_host", tables=tables) == [(False,)]


def test_internal_follows_a_given_domain() -> None:
    tables = frames(attendees=[{"email": "a@example.org"}])
    tables["attendees"] = tables["attendees"].with_columns(email_domain=pl.lit("example.com"))
    assert facts("attendees", "is_internal", tables=tables, internal_domains=["Example.com "]) == [(True,)]


def test_host_of_a_device_is_the_host_of_its_participant() -> None:
    tables = frames(
        participants=[
            {"meeting_id": "m1", "participant_id": "p1", "host": True},
            {"meeting_id": "m2", "participant_id": "p1", "host": False},
        ],
        devices=[
            {"meeting_id": "m1", "participant_id": "p1"},
            {"meeting_id": "m2", "participant_id": "p1"},
            {"meeting_id": "m3", "participant_id": "p1"},
        ],
    )
    assert facts("devices", "is_host", tables=tables) == [(True,), (False,), (None,)]


@pytest.mark.parametrize(
    ("email", "domain", "internal"),
    [("a@example.com", "example.com", True), ("a@b@x.org", "x.org", False), ("nobody", None, None), (None, None, None)],
)
def test_internal_people_have_a_listed_domain(email: str | None, domain: str | None, *, internal: bool | None) -> None:
    tables = frames(attendees=[{"email": email}])
    assert facts("attendees", "email_domain", "is_internal", tables=tables, internal_domains=["example.com"]) == [
        (domain, internal)
    ]


def test_many_people_are_neither_internal_nor_external_without_the_list() -> None:
    tables = frames(attendees=[{"email": f"{name}@example.com"} for name in "abacd"])
    assert facts("attendees", "is_internal", tables=tables) == [(None,)] * 5


def test_nobody_is_internal_or_external_without_the_list() -> None:
    tables = frames(attendees=[{"email": "a@example.com"}], meetings=[{"host_email": "a@example.com"}])
    assert facts("attendees", "is_internal", tables=tables) == [(None,)]
    assert facts("meetings", "is_internal", "is_host", tables=tables, internal_domains=["example.com"]) == [
        (True, None)
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("203.0.113.7", "203.0.113.0/24"),
        ("203.0.113.7,10.0.0.1", "203.0.113.0/24"),
        (" 203.0.113.7 ", "203.0.113.0/24"),
        ("::ffff:203.0.113.7", "203.0.113.0/24"),
        ("2001:db8:1:2:3::9", "2001:db8:1::/48"),
        ("203.0.113.256", None),
        ("unknown", None),
    ],
)
def test_network_of_an_address(text: str, expected: str | None) -> None:
    assert facts("attendees", "ip_network", tables=frames(attendees=[{"ip_address": text}])) == [(expected,)]


def by_standard_library(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        found = ipaddress.ip_address(text.partition(",")[0].strip())
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


ALMOST = st.text("0123456789abf.:,% x", max_size=20) | st.ip_addresses().map(str)


@given(ALMOST)
def test_an_address_is_read_as_the_standard_library_reads_it(text: str) -> None:
    found = by_standard_library(text)
    assert address(text) == (None if found is None else (found.version, int(found)))


@given(st.ip_addresses(), st.integers(0, 32), st.integers(0, 128))
def test_network_agrees_with_the_standard_library(
    found: ipaddress.IPv4Address | ipaddress.IPv6Address, v4: int, v6: int
) -> None:
    kept = by_standard_library(str(found))
    assert kept is not None
    length = v4 if kept.version == 4 else v6
    assert network_of(str(found), v4, v6) == str(ipaddress.ip_network((kept, length), strict=False))


@given(st.ip_addresses(v=4), st.lists(st.tuples(st.ip_addresses(v=4), st.integers(0, 32)), max_size=4))
def test_networks_hold_what_one_of_them_holds(
    found: ipaddress.IPv4Address, blocks: list[tuple[ipaddress.IPv4Address, int]]
) -> None:
    networks = [ipaddress.ip_network(block, strict=False) for block in blocks]
    assert Networks(map(str, networks)).holds(str(found)) == any(found in block for block in networks)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *[(text, True) for text in ("10.1.2.3", "100.64.0.1", "fd00::1", "fe80::1", "::1")],
        *[("203.0.113.1", False), ("2001:db8::1", False), ("none", None)],
    ],
)
def test_private_addresses(text: str, *, expected: bool | None) -> None:
    assert PRIVATE.holds(text) is expected


@pytest.mark.parametrize(
    ("agent", "system", "app"),
    [
        ("WINDOWS, IE,6", "windows", "ie,6"),
        ("Mac", "mac", None),
        (",x", None, "x"),
        (None, None, None),
    ],
)
def test_client_is_split_at_its_first_comma(agent: str | None, system: str | None, app: str | None) -> None:
    tables = frames(attendees=[{"client_agent": agent}])
    assert facts("attendees", "client_os", "client_app", tables=tables) == [(system, app)]


def test_look_alike_names_share_a_key() -> None:
    assert name_key("Аnnа  Ваuеr") == name_key("anna bauer")
    assert name_key("Ａｎｎａ") == "anna"
    tables = frames(attendees=[{"display_name": "Eve  X"}, {"display_name": "eve x"}, {}])
    assert facts("attendees", "name_key", tables=tables) == [("eve x",), ("eve x",), (None,)]


@given(st.lists(st.none() | st.text() | st.text(alphabet=[chr(code) for code in range(128)]), max_size=9))
def test_the_keys_of_many_names_are_those_of_each(names: list[str | None]) -> None:
    found = pl.DataFrame({"name": pl.Series(names, dtype=pl.String)}).select(name_keys(pl.col("name")))
    assert found["name"].to_list() == [None if name is None else name_key(name) for name in names]


def test_department_is_that_of_the_directory() -> None:
    tables = frames(
        people=[{"email": "a@example.com", "department": "legal"}, {"department": "nobody"}],
        attendees=[{"email": "a@example.com"}, {"email": "b@example.com"}, {}],
    )
    assert facts("attendees", "department", tables=tables) == [("legal",), (None,), (None,)]


def test_meeting_columns_come_from_the_same_site() -> None:
    tables = frames(
        meetings=[
            {"meeting_id": "m1", "title": "Board", "tracking_codes": ["unit=x=1", "cost=7"]},
            {"meeting_id": "m1", "title": "Other", "site_url": "b.webex.com"},
        ],
        attendees=[{"meeting_id": "m1"}, {"meeting_id": "m2"}, {"meeting_id": "m1", "site_url": "c.webex.com"}],
        settings=[{"meeting_id": "m1"}],
    )
    names = ("meeting.title", "meeting.tracking_code.unit", "meeting.tracking_code.none")
    assert facts("attendees", *names, tables=tables) == [
        ("Board", "x=1", None),
        (None, None, None),
        (None, None, None),
    ]
    assert facts("settings", "meeting.title", tables=tables) == [("Board",)]
    assert facts("meetings", "meeting.title", tables=tables) == [("Board",), ("Other",)]


def test_meeting_number_is_an_integer_or_nothing() -> None:
    tables = frames(attendees=[{"meeting_number": "0123"}, {"meeting_number": "12 34"}, {"meeting_number": "x"}])
    assert facts("attendees", "meeting_number_value", tables=tables) == [(123,), (1234,), (None,)]


def test_tracking_codes_without_a_value_are_not_filled() -> None:
    codes = (["unit=x=1", "cost=7"], ["unit=", "cost= ", "=", "a==b"], ["Dept=", "bare"], [], None)
    tables = frames(meetings=[{"tracking_codes": one} for one in codes], attendees=[{}])
    assert facts("meetings", "filled_codes", tables=tables) == [(2,), (1,), (0,), (0,), (None,)]
    assert facts("attendees", "filled_codes", tables=tables) == [(None,)]


def test_places_are_asked_once_for_each_address() -> None:
    asked: list[str] = []

    def places(addresses: pl.Series) -> pl.DataFrame:
        asked.extend(addresses)
        return pl.DataFrame({name: ["NO" if name == "geo_country" else None] * len(addresses) for name in GEO}, GEO)

    tables = frames(attendees=[{"ip_address": "203.0.113.7"}, {"ip_address": "203.0.113.7"}, {}])
    assert facts("attendees", "geo_country", "asn", tables=tables, geo=places) == [
        ("NO", None),
        ("NO", None),
        (None, None),
    ]
    assert asked == ["203.0.113.7"]
    assert facts("attendees", "geo_country", tables=tables) == [(None,)] * 3


def test_facts_read_from_another_table_say_so() -> None:
    assert fact_table("devices", "is_host") == "participants"
    assert fact_table("attendees", "is_host") is None
    assert fact_table("attendees", "department") == "people"
    assert fact_table("attendees", "meeting.tracking_code.unit") == "meetings"
    assert fact_table("people", "meeting.title") is None
    assert fact_type("people", "department") is None
    assert fact_type("attendees", "meeting.tracking_code.unit") == pl.String


def test_rows_that_nothing_places_in_time_are_counted() -> None:
    start = datetime(2026, 1, 5, 10, tzinfo=UTC)
    tables = frames(
        attendees=[{"meeting_id": "m1"}, {"meeting_id": "m2"}, {"joined_time": start}, {"site_url": None}],
        participants=[{"meeting_start_time": start}, {}],
        meetings=[{"meeting_id": "m1", "start_time": start}, {"meeting_id": "m2"}, {"host_email": "h@example.com"}],
        people=[{}],
        sign_ins=[{}],
    )
    assert unplaced(tables, "attendees") == {"a.webex.com": 1, None: 1}
    assert unplaced(tables, "participants") == {"a.webex.com": 1}
    assert unplaced(tables, "meetings") == {"a.webex.com": 1}
    assert unplaced(tables, "people") == {}
    assert unplaced(tables, "sign_ins") == {None: 1}


@pytest.mark.parametrize("told", [{"total_participants": 3}, {"end_time": datetime(2026, 1, 5, tzinfo=UTC)}])
def test_a_usage_record_without_a_start_is_counted_whatever_else_it_tells(told: dict[str, object]) -> None:
    """A meeting derived from attendees has no start either, and is no record that was lost."""
    tables = frames(meetings=[{"meeting_id": "m1", "title": "T"}, {"meeting_id": "m2", "title": "T", **told}])
    assert unplaced(tables, "meetings") == {"a.webex.com": 1}
