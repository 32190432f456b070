"""One person across addresses, joins, telephones and devices."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.facts.conftest import PHONE, join, told

ANN, OLD, BOB = "ann@example.com", "a.old@example.com", "bob@example.com"
CALL = {"client_agent": None, "phone_number": "+1 555 0100"}


def test_an_alias_is_the_account_that_names_it() -> None:
    people = [{"email": ANN, "aliases": [OLD]}]
    assert told([join(OLD), join(ANN), join(BOB), join(None)], "person_key", people=people) == [ANN, ANN, BOB, None]


def test_the_reason_names_both_addresses() -> None:
    people = [{"email": ANN, "aliases": [OLD]}]
    words = [f"{OLD} is an alias of {ANN} in people", "the address of the record", None]
    assert told([join(OLD), join(ANN), join(None)], "person_key_why", people=people) == words


@pytest.mark.parametrize(
    "people",
    [
        [],
        [{"email": ANN}],
        [{"email": ANN, "aliases": [OLD]}, {"email": BOB, "aliases": [OLD]}],
        [{"email": ANN, "aliases": [OLD]}, {"email": BOB, "aliases": [ANN]}],
        [{"email": OLD, "aliases": [OLD]}],
    ],
    ids=["no directory", "no aliases", "two accounts", "an alias of an alias", "itself"],
)
def test_what_a_directory_does_not_say_plainly_is_not_guessed(people: list[dict[str, object]]) -> None:
    assert told([join(OLD)], "person_key", people=people) == [OLD]


def test_rejoins_within_ten_minutes_are_one_visit() -> None:
    rows = [join(ANN), join(ANN, at=39), join(ANN, at=100), join(ANN, at=40, stay=5), join(BOB, at=100)]
    assert told(rows, "visit_number", "visit_number_why") == [
        (1, "first join of the meeting"),
        (1, "joined again 9 min 0 s after leaving"),
        (2, "joined again 31 min 0 s after leaving, too late for the same visit"),
        (1, "joined while another join of the same person lasted"),
        (1, "first join of the meeting"),
    ]


def test_an_alias_rejoins_the_visit_of_its_account() -> None:
    rows = [join(ANN), join(OLD, at=35)]
    assert told(rows, "visit_number", people=[{"email": ANN, "aliases": [OLD]}]) == [1, 1]
    assert told([join(ANN), join(OLD, at=35), join(ANN, at=300)], "visit_number") == [1, 1, 2]


def test_a_join_without_person_meeting_or_end_is_of_no_known_visit() -> None:
    rows = [join(None), join(ANN, meeting_id=None), join(ANN, stay=None)]
    assert told(rows, "visit_number", "visit_number_why") == [(None, None)] * 3


def test_a_row_with_a_number_alone_is_a_telephone() -> None:
    rows = [
        join(None, **CALL),
        join(None),
        join(None, client_agent=None, ip_address="192.0.2.1"),
        join(None, client_agent=None),
    ]
    assert told(rows, "phone_leg") == [True, False, False, None]


def test_a_telephone_belongs_to_the_person_of_its_address_or_name_who_is_there() -> None:
    rows = [
        join(ANN, display_name="Ann Lee"),
        join(BOB),
        join(ANN, at=2, **CALL),
        join(None, at=2, display_name=" ann lee", **CALL),
        join(None, at=2, display_name="Call-in user", **CALL),
        join(None, at=31, display_name="Ann Lee", **CALL),
    ]
    assert told(rows, "phone_leg_of") == [None, None, ANN, ANN, None, None]


def test_a_telephone_belongs_to_the_only_person_of_the_meeting() -> None:
    rows = [join(ANN), join(None, at=5, **CALL), join(None, display_name="Guest")]
    reason = f"the telephone of {ANN}, who was present: the only person with an address in the meeting"
    assert told(rows, "phone_leg_of", "phone_leg_why") == [(None, None), (ANN, reason), (None, None)]


def test_a_telephone_beside_two_of_one_name_is_nobodys() -> None:
    rows = [join(ANN, display_name="Lee"), join(BOB, display_name="Lee"), join(None, display_name="Lee", **CALL)]
    assert told(rows, "phone_leg_of") == [None] * 3


def test_a_phone_takes_over_from_a_laptop() -> None:
    rows = [join(ANN), join(ANN, at=29, client_agent=PHONE), join(ANN, at=70), join(BOB, at=30, client_agent=PHONE)]
    assert told(rows, "handoff") == [False, True, False, False]
    assert told(rows, "handoff_why")[:2] == [
        "nothing of the same person on another kind of client ended within 5 min",
        "ios took over from windows, which left 1 min 0 s after",
    ]


def test_a_handoff_may_be_to_another_meeting() -> None:
    assert told([join(ANN), join(ANN, at=33, meeting_id="other", client_agent=PHONE)], "handoff") == [False, True]


def test_whether_an_unknown_client_took_over_is_not_known() -> None:
    assert told([join(ANN), join(ANN, at=31, client_agent=None)], "handoff") == [False, None]


@pytest.mark.parametrize("name", ["person_key", "visit_number", "handoff", "phone_leg", "phone_leg_of"])
def test_a_fact_in_the_frame_wins(name: str) -> None:
    value = {"visit_number": 7, "handoff": True, "phone_leg": True}.get(name, "x")
    assert told([join(ANN, **{name: value})], name) == [value]


joins = st.lists(
    st.builds(
        join,
        st.sampled_from([ANN, BOB, None]),
        at=st.integers(0, 60),
        stay=st.none() | st.integers(0, 40),
        client_agent=st.sampled_from([PHONE, "MAC,Webex", None]),
        display_name=st.sampled_from(["Ann", "Bob", None]),
        phone_number=st.sampled_from(["+1", None]),
        meeting_id=st.sampled_from(["m1", "m2", None]),
    ),
    max_size=12,
)
NAMES = ("visit_number", "visit_number_why", "handoff", "handoff_why", "phone_leg_of", "phone_leg_why")


@given(joins, st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(rows: list[dict[str, object]], dice) -> None:
    placed = [{**row, "item": place} for place, row in enumerate(rows)]
    mixed = list(placed)
    dice.shuffle(mixed)
    before = told(placed, "item", *NAMES) if placed else []
    assert sorted(told(mixed, "item", *NAMES) if mixed else []) == sorted(before)


@given(joins)
def test_visits_and_handoffs_are_those_a_calculator_finds(rows: list[dict[str, object]]) -> None:
    visits, handoffs = told(rows, "visit_number"), told(rows, "handoff")
    for row, visit, handoff in zip(rows, visits, handoffs, strict=True):
        own = [r for r in rows if r["email"] == row["email"] is not None and r["left_time"] is not None]
        if row["email"] is None or row["left_time"] is None:
            assert visit is handoff is None
            continue
        here = sorted(
            (r for r in own if r["meeting_id"] == row["meeting_id"]), key=lambda r: (r["joined_time"], r["left_time"])
        )
        count, reach = 0, None
        for other in here:
            if other["joined_time"] > row["joined_time"]:
                break
            count += reach is None or (other["joined_time"] - reach).total_seconds() > 600
            reach = other["left_time"] if reach is None else max(reach, other["left_time"])
        assert visit == (None if row["meeting_id"] is None else count)
        took = [
            r
            for r in own
            if None not in (r["client_agent"], row["client_agent"])
            and (r["client_agent"] == PHONE) != (row["client_agent"] == PHONE)
            and r["joined_time"] < row["joined_time"]
            and abs((r["left_time"] - row["joined_time"]).total_seconds()) <= 300
        ]
        assert handoff == (None if row["client_agent"] is None else bool(took))
