"""Pages that were read while they were at hand: the same rows as from evidence, and never too many kept."""

import json
from pathlib import Path

import pytest
from polars.testing import assert_frame_equal

from auditor.evidence.places import pages_path
from auditor.tables.at_hand import AtHand, records_of
from auditor.tables.decode import Page, decode
from auditor.tables.fast import alone
from auditor.tables.ingest import ingest
from auditor.tables.kinds import KINDS

ATTENDEES = KINDS["attendees"]
LARGE = b" " * (1 << 16)


def page(count: int, **more: object) -> bytes:
    records = [
        {"meetingId": f"m{n % 7}", "email": f"p{n}@example.com", "joinedTime": "2026-01-02T10:00:00Z", **more}
        for n in range(count)
    ]
    return LARGE + json.dumps({"items": records}).encode()


def test_rows_are_those_of_the_page() -> None:
    bodies = [page(30), page(5, displayName="Eve", duration=7), page(3)]
    plain = decode([Page(f"{n:064x}", n, body, "example.webex.com") for n, body in enumerate(bodies)], ATTENDEES)
    read = [
        Page(f"{n:064x}", n, lambda body=body: body, "example.webex.com", records=records_of(body, "attendees"))
        if n != 1
        else Page(f"{n:064x}", n, body, "example.webex.com")
        for n, body in enumerate(bodies)
    ]
    found = decode(read, ATTENDEES)
    assert_frame_equal(found.frames["attendees"], plain.frames["attendees"])
    assert found.counts == plain.counts == {0: 30, 1: 5, 2: 3}


@pytest.mark.parametrize("odd", [{}, {"email": "x@example.com", "duration": "long"}, {"joinedTime": "soon"}])
def test_a_page_in_doubt_is_fetched_and_read_exactly(odd: object) -> None:
    document = json.loads(page(3))
    body = LARGE + json.dumps({"items": [*document["items"], odd]}).encode()
    assert records_of(body, "attendees") is not None
    read = decode([Page("ab" * 32, 0, lambda: body, records=records_of(body, "attendees"))], ATTENDEES)
    plain = decode([Page("ab" * 32, 0, body)], ATTENDEES)
    assert_frame_equal(read.frames["attendees"], plain.frames["attendees"])
    assert read.gaps == plain.gaps


@pytest.mark.parametrize("body", [page(0), LARGE + b'{"items":[null]}', LARGE + b"{}", page(2)[:-1], page(2).strip()])
def test_what_is_better_read_otherwise_is_not_read(body: bytes) -> None:
    assert records_of(body, "attendees") is None


def test_what_finds_no_room_is_not_kept() -> None:
    at_hand = AtHand(most=10)
    for name, count in (("a", 6), ("b", 6), ("c", 4)):
        records = alone(page(count), ATTENDEES.read)
        assert records is not None
        at_hand.keep(name, "attendees", records)
    assert [at_hand.take(name, "attendees") is None for name in ("a", "b", "c", "a")] == [False, True, False, True]
    at_hand.keep("b", "attendees", records)
    assert at_hand.take("b", "usage") is None
    assert at_hand.take("b", "attendees") is not None


def test_kept_pages_are_not_read_from_evidence(site) -> None:
    body = page(4)
    site.add("attendees", body, visible=False)
    (entry,) = site.archive.evidence.units()
    at_hand = AtHand()
    records = records_of(body, "attendees")
    assert records is not None
    at_hand.keep(entry.hashes[0], "attendees", records)
    stored: Path = pages_path(site.archive.path) / f"{entry.hashes[0][:2]}/{entry.hashes[0]}.zst"
    stored.unlink()
    ingest(site.archive, at_hand=at_hand)
    assert site.archive.scan("attendees").collect().height == 4
