from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.model.vocabulary import GapReason
from auditor.webex.endpoints import ATTENDEES
from auditor.webex.links import LinkRefused, NextLink, followed, next_target
from auditor.webex.origin import Origin

ORIGIN = Origin.of("https://webexapis.com/v1")
PATH = "https://webexapis.com/v1/meetingReports/attendees"
FIRST = (
    ("siteUrl", "example.webex.com"),
    ("from", "2026-09-01T00:00:00Z"),
    ("to", "2026-09-08T00:00:00Z"),
    ("max", "1000"),
)
ASKED = f"{PATH}?siteUrl=example.webex.com&from=2026-09-01T00:00:00Z&to=2026-09-08T00:00:00Z&max=1000"


def follow(target: str) -> NextLink:
    return followed(target, asked=ASKED, first=FIRST, endpoint=ATTENDEES, origin=ORIGIN)


@pytest.mark.parametrize(
    ("header", "target"),
    [
        ('<https://a.example/2>; rel="next"', "https://a.example/2"),
        ("<https://a.example/2>; rel=next", "https://a.example/2"),
        ("<https://a.example/2>; rel='next'", "https://a.example/2"),
        ('<https://a.example/2>; REL="Next"', "https://a.example/2"),
        ('<https://a.example/2> ; title="a, b; <c>" ; rel = "next last"', "https://a.example/2"),
        ('<https://a.example/0>; rel="prev", <https://a.example/2>; rel="next"', "https://a.example/2"),
        ('<https://a.example/2>;rel="next",<https://a.example/1>;rel="first"', "https://a.example/2"),
        ('<https://a.example/2?x=a,b;c>; rel="next"', "https://a.example/2?x=a,b;c"),
        ('<https://a.example/2>; rel="next"; rel="prev"', "https://a.example/2"),
        ("<https://a.example/2>; title*=UTF-8''%e2%82%ac; rel=next", "https://a.example/2"),
        ('<https://a.example/1>; rel="first"', None),
        ("<https://a.example/1>", None),
        ("", None),
        (None, None),
    ],
)
def test_the_next_link_is_found_wherever_it_stands(header: str | None, target: str | None) -> None:
    assert next_target(header) == target


@pytest.mark.parametrize(
    "header",
    [
        'https://a.example/2; rel="next"',
        '<https://a.example/2; rel="next"',
        "garbage",
        '<https://a.example/2>; rel="next" , <https://a.example/3>; rel="next"',
        '<https://a.example/2>; rel="next"; anchor="/other"',
    ],
)
def test_a_header_that_cannot_be_read_is_a_named_gap(header: str) -> None:
    with pytest.raises(LinkRefused) as refused:
        next_target(header)
    assert refused.value.reason is GapReason.UNREADABLE_LINK


def test_a_next_link_in_front_of_garbage_is_used() -> None:
    assert next_target('<https://a.example/2>; rel="next", nonsense') == "https://a.example/2"


@given(st.text(max_size=60))
def test_no_header_makes_the_reader_fail_in_another_way(header: str) -> None:
    with suppress(LinkRefused):
        next_target(header)


@given(st.text(max_size=60))
def test_no_target_leads_anywhere_but_to_the_origin(target: str) -> None:
    try:
        link = follow(target)
    except LinkRefused:
        return
    assert ORIGIN.covers(link.url)


def test_a_link_is_followed_as_given() -> None:
    given_link = f"{ASKED}&cursor=b%2Fc"
    assert follow(given_link) == NextLink(given_link)


def test_a_relative_link_is_resolved() -> None:
    assert follow("?" + ASKED.partition("?")[2] + "&cursor=2").url == f"{ASKED}&cursor=2"


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/v1/meetingReports/attendees?cursor=2",
        "https://webexapis.com:8443/v1/meetingReports/attendees?cursor=2",
        "http://webexapis.com/v1/meetingReports/attendees?cursor=2",
        "https://user:pw@webexapis.com/v1/meetingReports/attendees?cursor=2",
        "https://webexapis.com@evil.example/v1/x",
        "https://webexapis.com.evil.example/v1/x",
        "//evil.example/v1/x",
        "https://webexapis.com\\@evil.example/",
        "file:///etc/passwd",
        "javascript:alert(1)",
    ],
)
def test_a_link_to_another_origin_is_never_followed(target: str) -> None:
    with pytest.raises(LinkRefused) as refused:
        follow(target)
    assert refused.value.reason is GapReason.FOREIGN_LINK


def test_the_default_port_may_be_spoken() -> None:
    assert follow(ASKED.replace("webexapis.com/v1", "webexapis.com:443/v1") + "&cursor=2").notes == ()


def test_a_null_page_size_is_replaced_by_ours() -> None:
    link = follow(ASKED.replace("max=1000", "max=null") + "&cursor=2")
    assert "max=1000" in link.url
    assert "null" not in link.url
    assert link.notes == ("the next link lost max; put back",)


@pytest.mark.parametrize("cursor", ["%FF%FE", "a%2fb+c%20d;e", "~*!()", "", "%e2%82%ac", "a=b=="])
def test_what_a_mended_link_names_beside_is_kept_letter_by_letter(cursor: str) -> None:
    link = follow(f"{PATH}?flag&max=null&cursor={cursor}&siteUrl=Example.webex.com")
    assert link.url.partition("?")[2].startswith(f"flag&cursor={cursor}&siteUrl=Example.webex.com&")
    assert link.url.endswith("&max=1000")


@pytest.mark.parametrize("name", ["siteUrl", "from", "to"])
def test_a_lost_filter_is_put_back(name: str) -> None:
    kept = "&".join(pair for pair in ASKED.partition("?")[2].split("&") if not pair.startswith(f"{name}="))
    link = follow(f"{PATH}?{kept}&cursor=2")
    assert f"{name}={dict(FIRST)[name].replace(':', '%3A')}" in link.url
    assert link.notes == (f"the next link lost {name}; put back",)


@pytest.mark.parametrize(
    "target",
    [
        ASKED.replace("example.webex.com", "other.webex.com"),
        ASKED.replace("2026-09-01", "2026-09-02"),
        ASKED + "&meetingId=1_I_2",
        ASKED + "&siteUrl=other.webex.com",
    ],
)
def test_a_changed_filter_is_a_gap(target: str) -> None:
    with pytest.raises(LinkRefused) as refused:
        follow(target)
    assert refused.value.reason is GapReason.CHANGED_FILTER


def test_a_time_may_be_written_another_way() -> None:
    assert follow(ASKED.replace("00:00:00Z", "02:00:00.000%2B02:00") + "&cursor=2").notes == ()


def test_another_path_is_noted() -> None:
    assert follow(ASKED.replace("attendees", "attendeesPage")).notes == (
        "the next link has another path: /v1/meetingReports/attendeesPage",
    )
