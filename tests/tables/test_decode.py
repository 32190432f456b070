"""What becomes of raw records: every rule of the contract, one by one."""

import json
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from auditor.model.vocabulary import GapReason
from auditor.tables.decode import Decoded, Page, Reading, decode
from auditor.tables.kinds import KINDS
from auditor.tables.schema import TABLES

SHA = "ab" * 32


def decoded(*items: object, kind: str = "attendees", reading: Reading | None = None) -> Decoded:
    return body(json.dumps({"items": list(items)}).encode(), kind=kind, reading=reading)


def body(content: bytes, *, kind: str = "attendees", reading: Reading | None = None) -> Decoded:
    return decode([Page(SHA, 7, content, "example.webex.com")], KINDS[kind], reading=reading)


def value(column: str, record: dict[str, object], *, kind: str = "attendees") -> object:
    found = decoded(record, kind=kind)
    assert not found.gaps
    return found.frames[KINDS[kind].table.name][column].item()


def details(found: Decoded) -> list[str]:
    return [gap.detail.partition(", ")[2] for gaps in found.gaps.values() for gap in gaps]


@pytest.mark.parametrize("kind", KINDS)
def test_frames_have_the_schema_of_their_table(kind: str) -> None:
    for name, frame in decoded({}, kind=kind).frames.items():
        assert frame.drop("_seq").schema == TABLES[name].schema


def test_a_row_knows_its_page_and_item() -> None:
    rows = decoded({}, {}).frames["attendees"]
    assert rows.select("page", "item", "_seq").rows() == [(SHA, 0, 7), (SHA, 1, 7)]


def test_the_site_is_that_of_the_request_unless_the_record_names_one() -> None:
    rows = decoded({"id": "a"}, {"id": "b", "siteUrl": "other.webex.com"}, kind="participants").frames["participants"]
    assert rows["site_url"].to_list() == ["example.webex.com", "other.webex.com"]


@pytest.mark.parametrize("kind", ["attendees", "participants", "usage"])
def test_a_site_is_one_site_in_any_letter_case(kind: str) -> None:
    assert value("site_url", {"siteUrl": " Other.Webex.COM"}, kind=kind) == "other.webex.com"
    assert value("site_url", {"siteUrl": " "}, kind=kind) == "example.webex.com"


@pytest.mark.parametrize(
    ("field", "column", "raw", "expected"),
    [
        ("email", "email", "  Eve@Example.COM ", "eve@example.com"),
        ("email", "email", " ", None),
        ("email", "email", "N/A", None),
        ("displayName", "display_name", " Eve ", " Eve "),
        ("displayName", "display_name", " \t", None),
        ("displayName", "display_name", "\ud83d\ude00 \x00", "\U0001f600 \x00"),
        ("displayName", "display_name", 12, "12"),
        ("displayName", "display_name", 1.5, "1.5"),
        ("displayName", "display_name", True, "true"),
        ("meetingNumber", "meeting_number", "0123 456 789", "0123456789"),
        ("meetingNumber", "meeting_number", 123456789, "123456789"),
        ("meetingNumber", "meeting_number", 123456789.0, "123456789"),
        pytest.param("meetingNumber", "meeting_number", 10**500, f"1{500 * '0'}", id="meeting number of 501 digits"),
        ("participantType", "participant_type", "ATTENDEE", "attendee"),
        ("state", "state", " Bavaria", "bavaria"),
        ("leftTime", "left_time", "9999-12-31T23:59:59.999Z", datetime(9999, 12, 31, 23, 59, 59, 999000, UTC)),
        ("duration", "duration", 57, timedelta(minutes=57)),
        ("duration", "duration", "57", timedelta(minutes=57)),
        ("duration", "duration", "1e2", timedelta(minutes=100)),
        ("duration", "duration", "2.5E+1", timedelta(minutes=25)),
        ("duration", "duration", "57 Min.", timedelta(minutes=57)),
        ("duration", "duration", "57 分钟", timedelta(minutes=57)),
        ("duration", "duration", 0.5, timedelta(seconds=30)),
        ("duration", "duration", "", None),
        ("invited", "invited", "true", True),
        ("invited", "invited", 0, False),
        ("invited", "invited", None, None),
        ("joinedTime", "joined_time", "2026-01-05T10:00:00+08:00", datetime(2026, 1, 5, 2, tzinfo=UTC)),
        ("joinedTime", "joined_time", "2026-01-05T10:00:00Z", datetime(2026, 1, 5, 10, tzinfo=UTC)),
        ("joinedTime", "joined_time", "2026-01-05T10:00:00.125Z", datetime(2026, 1, 5, 10, 0, 0, 125000, tzinfo=UTC)),
        ("joinedTime", "joined_time", "1970-01-01T00:00:00.000Z", None),
        ("joinedTime", "joined_time", "", None),
    ],
)
def test_a_value_becomes(field: str, column: str, raw: object, expected: object) -> None:
    assert value(column, {field: raw}) == expected


@pytest.mark.parametrize(
    ("field", "column", "raw", "expected"),
    [
        ("totalParticipants", "total_participants", 20.0, 20),
        ("totalParticipants", "total_participants", "20", 20),
        ("scheduledType", "scheduled_type", "Webinar", "webinar"),
        ("serviceType", "service_type", "MeetingCenter", "meetingcenter"),
        ("trackingCodes", "tracking_codes", [{"name": "Dept", "value": "x=1"}, {"name": "b"}], ["Dept=x=1", "b="]),
        ("trackingCodes", "tracking_codes", [], []),
        ("trackingCodes", "tracking_codes", " ", None),
        ("trackingCodes", "tracking_codes", '["Dept=x","b="]', ["Dept=x", "b="]),
        ("trackingCodes", "tracking_codes", '[{"name":"a","value":1}]', ["a=1"]),
        ("trackingCodes", "tracking_codes", None, None),
        ("meetingTitle", "title", "Weekly", "Weekly"),
    ],
)
def test_a_usage_value_becomes(field: str, column: str, raw: object, expected: object) -> None:
    found = value(column, {field: raw}, kind="usage")
    assert (found.to_list() if isinstance(found, pl.Series) else found) == expected


@pytest.mark.parametrize(
    ("field", "raw", "why"),
    [
        ("displayName", {"a": 1}, "displayName: an object where text is expected"),
        ("email", ["a"], "email: a list where text is expected"),
        ("duration", "soon", "duration: text where a number is expected"),
        ("duration", "1 hour", "duration: text where a number is expected"),
        ("duration", "90 secs", "duration: text where a number is expected"),
        ("duration", "1_000", "duration: text where a number is expected"),
        ("duration", "5x1", "duration: text where a number is expected"),
        ("duration", True, "duration: a flag where a number is expected"),
        ("duration", 1e300, "duration: a number out of range"),
        *(
            pytest.param("duration", number, "duration: a number out of range", id=f"whole number of {digits} digits")
            for digits, number in ((309, 10**308), (310, -(10**309)), (399, 10**398), (1001, 10**1000))
        ),
        ("joinedTime", "yesterday", "joinedTime: text that is no time"),
        ("joinedTime", "2026-02-30T10:00:00Z", "joinedTime: text that is no time"),
        ("leftTime", "9999-12-31T23:59:59.999999Z", "leftTime: a time out of range"),
        ("joinedTime", 1767607200, "joinedTime: a number where a time is expected"),
        ("invited", "maybe", "invited: text where true or false is expected"),
        ("invited", 2, "invited: a number where true or false is expected"),
    ],
)
def test_a_record_that_cannot_be_decoded_is_named_and_the_rest_goes_on(field: str, raw: object, why: str) -> None:
    found = decoded({"email": "a@example.com"}, {field: raw}, {"email": "b@example.com"})
    assert details(found) == [f"item 1: {why}"]
    assert found.frames["attendees"].select("email", "item").rows() == [("a@example.com", 0), ("b@example.com", 2)]
    (gap,) = found.gaps[0]
    assert (gap.table, gap.site_url, gap.reason) == ("attendees", "example.webex.com", GapReason.UNDECODABLE_RECORD)
    assert gap.detail.startswith(f"page sha256:{SHA}, ")


@pytest.mark.parametrize("item", ["x", 1, [], [{}]])
def test_an_item_that_is_no_object_is_named(item: object) -> None:
    assert details(decoded(item, {})) == ["item 0: no object"]


def test_a_fraction_is_no_count() -> None:
    found = decoded({"totalParticipants": 20.5}, kind="usage")
    assert details(found) == ["item 0: totalParticipants: a fraction where a whole number is expected"]


def test_a_null_item_is_a_gap_unless_it_was_made_null_on_purpose() -> None:
    page = Page(SHA, 0, b'{"items":[null,{}]}')
    assert details(decode([page], KINDS["attendees"])) == ["item 0: null"]
    erased = decode([Page(SHA, 0, b'{"items":[null,{}]}', redacted=True)], KINDS["attendees"])
    assert (erased.gaps, erased.notes.redacted) == ({}, 1)
    assert erased.frames["attendees"]["item"].to_list() == [1]


@pytest.mark.parametrize("content", [b"", b" \n", b'{"items":null}', b'{"items":[]}'])
def test_no_records_are_no_gap(content: bytes) -> None:
    found = body(content)
    assert (found.gaps, found.frames["attendees"].height) == ({}, 0)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"<html>", "it is no JSON"),
        (b'{"items":[{}', "it is no JSON"),
        (b"[]", "it holds no items"),
        (b"null", "it holds no items"),
        (b'"x"', "it holds no items"),
        (b"{}", "it holds no items"),
        (b'{"items":{}}', "its items are no list"),
        (b'{"items":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "it is no JSON"),
    ],
)
def test_a_body_that_lists_no_records_is_a_gap(content: bytes, why: str) -> None:
    found = body(content)
    assert details(found) == [why]
    assert found.gaps[0][0].reason is GapReason.INVALID_BODY


@pytest.mark.parametrize("records", [1, 3, 2000])
@pytest.mark.parametrize(
    "twice",
    [
        b'{"items":[%b],"items":[{"email":"eve@example.org"}]}',
        b'{"items":[%b],"items":null}',
        b'{"items":[%b],\n "items" : 2 }',
        b'{"items":null,"items":[%b]}',
        b'{"other":1,"items":[%b],"items":[]}',
        b'{"items":[%b],"\\u0069tems":[]}',
    ],
)
def test_items_that_are_named_twice_are_a_gap_and_none_of_them_is_taken(twice: bytes, records: int) -> None:
    record = b'{"email":"a@example.com","displayName":"A","joinedTime":"2026-09-14T10:00:00Z"}'
    plain = b'{"items":[' + record + b"]}"
    ambiguous = twice % b",".join([record] * records)
    found = decode(
        [Page(SHA, 0, plain, "s"), Page(SHA, 1, ambiguous, "s"), Page(SHA, 2, plain, "s")], KINDS["attendees"]
    )
    assert {place: [gap.reason for gap in gaps] for place, gaps in found.gaps.items()} == {1: [GapReason.INVALID_BODY]}
    assert details(found) == ["it has items twice, and nobody can tell which are meant"]
    assert found.frames["attendees"]["_seq"].to_list() == [0, 2]


@pytest.mark.parametrize(
    "content",
    [
        b'{"items":[{"email":"a@example.com","meetingTitle":"items"}],"n":"items"}',
        b'{"items":[{"email":"a@example.com","items":1,"items":[2]}],"other":{"items":[]}}',
        rb'{"items":[{"email":"a@example.com","meetingTitle":"\u0069tems \"items\""}]}',
    ],
)
def test_items_named_deeper_or_in_a_text_are_no_second_list(content: bytes) -> None:
    found = body(content)
    assert (found.gaps, found.frames["attendees"]["email"].to_list()) == ({}, ["a@example.com"])


def test_lone_surrogates_are_replaced_and_counted() -> None:
    found = body(b'{"items":[{"displayName":"a\\ud800b\\udfff","meetingTitle":"\\ud83d\\ude00"}]}')
    assert found.frames["attendees"].select("display_name", "meeting_title").row(0) == ("a\ufffdb\ufffd", "\U0001f600")
    assert found.notes.surrogates == 2


def test_bytes_that_are_no_utf8_are_replaced_and_counted() -> None:
    found = body(b'{"items":[{"displayName":"a\xff"}]}')
    assert found.frames["attendees"]["display_name"].item() == "a\ufffd"
    assert found.notes.surrogates == 1


def test_a_time_without_an_offset_is_utc_and_counted() -> None:
    found = decoded({"joinedTime": "2026-07-05T10:00:00"})
    assert found.frames["attendees"]["joined_time"].item() == datetime(2026, 7, 5, 10, tzinfo=UTC)
    assert found.notes.naive_times == 1


def test_a_time_without_an_offset_is_of_the_zone_that_was_given() -> None:
    found = decoded({"joinedTime": "2026-07-05T10:00:00"}, reading=Reading(ZoneInfo("Europe/Berlin")))
    assert found.frames["attendees"]["joined_time"].item() == datetime(2026, 7, 5, 8, tzinfo=UTC)


def test_left_before_joined_is_kept() -> None:
    times = {"joinedTime": "2026-01-05T10:00:00Z", "leftTime": "2026-01-05T09:00:00Z"}
    assert decoded(times).frames["attendees"]["left_time"].item() == datetime(2026, 1, 5, 9, tzinfo=UTC)


def test_devices_and_breakouts_inherit_from_their_participant() -> None:
    found = decoded(
        {
            "id": "p1",
            "meetingId": "m_I_1",
            "email": "Eve@example.com",
            "displayName": "Eve",
            "devices": [
                {"correlationId": "c1", "callType": "callIn", "audioType": "pstn", "durationSecond": 61},
                {"correlationId": "c2", "joinedTime": "1970-01-01T00:00:00.000Z"},
            ],
            "breakoutSessionsAttended": [{"id": "b1", "name": "Group 1"}],
        },
        {"id": "p2", "devices": None},
        kind="participants",
    )
    devices = found.frames["devices"]
    assert (
        devices.select("participant_id", "meeting_id", "site_url", "email", "display_name", "item").rows()
        == [("p1", "m_I_1", "example.webex.com", "eve@example.com", "Eve", 0)] * 2
    )
    assert devices.select("correlation_id", "call_type", "duration", "joined_time").rows() == [
        ("c1", "callin", timedelta(seconds=61), None),
        ("c2", None, None, None),
    ]
    assert found.frames["breakouts"].select("participant_id", "breakout_session_id", "name").rows() == [
        ("p1", "b1", "Group 1")
    ]


def test_a_device_that_cannot_be_decoded_leaves_its_participant() -> None:
    found = decoded({"id": "p1", "devices": [{"durationSecond": "x"}, {"correlationId": "c"}, 3]}, kind="participants")
    assert details(found) == [
        "item 0: devices[0]: durationSecond: text where a number is expected",
        "item 0: devices[2]: no object",
    ]
    assert {gap.table for gap in found.gaps[0]} == {"devices"}
    assert (found.frames["participants"].height, found.frames["devices"].height) == (1, 1)


def test_devices_of_a_participant_that_cannot_be_decoded_are_gaps_too() -> None:
    found = decoded(
        {"id": "p1", "email": {}, "devices": [{"correlationId": "c"}], "breakoutSessionsAttended": []},
        {"id": "p2", "host": "?", "devices": None, "breakoutSessionsAttended": [{"id": "b"}]},
        kind="participants",
    )
    email, host = "email: an object where text is expected", "host: text where true or false is expected"
    assert [(gap.table, gap.detail.partition(", ")[2]) for gap in found.gaps[0]] == [
        ("participants", f"item 0: {email}"),
        ("devices", f"item 0: devices of a record that is not decoded ({email})"),
        ("participants", f"item 1: {host}"),
        ("breakouts", f"item 1: breakoutSessionsAttended of a record that is not decoded ({host})"),
    ]


def test_unknown_fields_are_ignored_and_named() -> None:
    found = decoded({"email": "a@example.com", "new": 1, "duration": " 1"})
    assert (found.frames["attendees"].height, found.notes.unknown) == (1, frozenset({"new"}))


def test_people_are_known_by_their_first_address() -> None:
    found = decoded({"emails": ["A@example.com", "b@example.com"], "loginEnabled": "true"}, kind="people")
    assert found.frames["people"].select("email", "login_enabled").row(0) == ("a@example.com", True)


def test_settings_say_whether_strangers_may_join() -> None:
    found = decoded(
        {"id": "m", "unlockedMeetingJoinSecurity": "allowJoin", "registration": {"autoAcceptRequest": True}},
        {"id": "n", "unlockedMeetingJoinSecurity": "allowJoinWithLobby"},
        kind="settings",
    )
    assert found.frames["settings"].select("unlocked_meeting_join_security", "registration").rows() == [
        (True, True),
        (False, None),
    ]


def test_the_message_of_a_gap_holds_no_value() -> None:
    (detail,) = details(decoded({"duration": "eve@example.com"}))
    assert "eve" not in detail
