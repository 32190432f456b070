from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from auditor.errors import AuthError
from auditor.model.vocabulary import GapReason
from auditor.model.window import Window
from auditor.webex.fetch import Source, fetch
from auditor.webex.pages import Bounds
from auditor.webex.spans import Horizon, Span
from auditor.webex.work import Seen, Work, attendees_of_site, participants, participants_by_email

OK = (200, {}, {"items": [{"meetingId": "1_I_1"}]})


class Kept:
    """A sink that remembers."""

    def __init__(self) -> None:
        self.pages = []

    def keep(self, page) -> None:
        self.pages.append(page)

    def drop(self, count) -> None:
        del self.pages[len(self.pages) - count :]


@pytest.fixture
def work() -> Work:
    window = Window(datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 10, 2, tzinfo=UTC))
    return attendees_of_site("example.webex.com", Span(window, window, settled=True, key=None))


def fetched(made, work, bounds=None):
    sink = Kept()
    found = fetch(Source(made.client, bounds or Bounds(), lambda: work.window.end), work, sink)
    return found, sink.pages


@pytest.mark.parametrize(
    "words", ["'max' must be less than 500.", "max must be between 1 and 100", "Invalid Max: 1000"]
)
def test_a_page_size_the_server_calls_wrong_is_replaced_by_the_default_once(words, bench, answers, work) -> None:
    wrong = (400, {}, {"message": words})
    made = bench(answers(wrong, OK))
    found, pages = fetched(made, work)
    assert found.gaps == []
    assert [request.url.params["max"] for request in made.sent] == ["1000", "10"]
    assert len(pages) == 1


def test_a_page_size_that_stays_wrong_is_a_gap(bench, answers, work) -> None:
    made = bench(answers((400, {}, {"message": "'max' must be even."})))
    found, _ = fetched(made, work)
    assert [gap.reason for gap in found.gaps] == [GapReason.REJECTED]
    assert len(made.sent) == 2


def test_the_size_that_a_slow_server_can_do_is_remembered_for_the_unit(bench, work) -> None:
    def answering(request):
        small = int(request.url.params["max"]) <= 100
        return httpx.Response(200 if small else 504, json={"items": []})

    made = bench(answering)
    spans = tuple(work.window.split(timedelta(hours=6)))
    found, pages = fetched(made, replace(work, spans=spans))
    assert found.gaps == []
    sizes = [int(request.url.params["max"]) for request in made.sent]
    assert sizes == [1000, 500, 250, 125, 62, 62, 62, 62]
    assert len(pages) == 4


def test_trouble_with_one_span_does_not_keep_from_asking_for_the_others(bench, work) -> None:
    spans = tuple(work.window.split(timedelta(hours=6)))

    def answering(request):
        first = request.url.params["from"] == spans[0].start.strftime("%Y-%m-%dT%H:%M:%SZ")
        return httpx.Response(503 if first else 200, json={"items": []})

    found, pages = fetched(bench(answering), replace(work, spans=spans))
    assert [gap.window for gap in found.gaps] == [spans[0]]
    assert len(pages) == 3


def test_what_one_refusal_refuses_is_a_gap_in_every_span_and_asked_once(bench, answers, work) -> None:
    spans = tuple(work.window.split(timedelta(hours=6)))
    made = bench(answers((404, {}, {"message": "no"})))
    found, _ = fetched(made, replace(work, window=None, spans=spans))
    assert [gap.window for gap in found.gaps] == list(spans)
    assert len(made.sent) == 1


def test_a_server_that_is_always_too_slow_is_given_up_after_a_bounded_number_of_tries(bench, answers, work) -> None:
    made = bench(answers((504, {}, {})))
    found, pages = fetched(made, work)
    assert {gap.reason for gap in found.gaps} == {GapReason.UNAVAILABLE}
    assert pages == []
    assert len(made.sent) < 100
    covered = sum((gap.window.length for gap in found.gaps), timedelta())
    assert covered == work.window.length


def test_a_page_cap_ends_a_listing_whose_links_never_end(bench, work) -> None:
    count = iter(range(10_000))

    def answering(request):
        link = str(request.url.copy_set_param("cursor", str(next(count))))
        return httpx.Response(200, headers={"link": f"<{link}>; rel=next"}, json={"items": [{"meetingId": "1"}]})

    found, pages = fetched(bench(answering), work, Bounds(pages=20))
    assert [gap.reason for gap in found.gaps] == [GapReason.PAGING_LOOP]
    assert len(pages) == 20


def test_a_refused_token_is_no_gap_but_the_end(bench, answers, work) -> None:
    with pytest.raises(AuthError):
        fetched(bench(answers((401, {}, {}))), work)


def test_evidence_holds_neither_origin_nor_token_nor_other_headers(bench, answers, work) -> None:
    headers = {
        "link": '<https://webex.example.com/v1/x>; rel="prev"',
        "set-cookie": "session=1",
        "trackingid": "T-1",
        "date": "Sun, 01 Nov 2026 12:00:00 GMT",
    }
    _, pages = fetched(bench(answers((200, headers, {"items": []}))), work)
    assert dict(pages[0].response.headers) == {
        "date": "Sun, 01 Nov 2026 12:00:00 GMT",
        "link": '</v1/x>; rel="prev"',
        "trackingid": "T-1",
    }
    assert pages[0].request.path == "meetingReports/attendees"
    assert pages[0].request.headers == (("timezone", "UTC"),)
    assert ("from", "2026-10-01T00:00:00Z") in pages[0].request.query


@pytest.mark.parametrize("address", ["eve@corp.example", "eve%40corp.example"])
def test_no_address_in_what_a_server_sends_is_told(address, bench, work, caplog) -> None:
    link = f'<{{}}/people/{address}?siteUrl=example.webex.com>; rel="next"'

    def answering(request):
        url = request.url.copy_with(query=None)
        cut = "people" in url.path
        headers = {"trackingid": f"T {address}"} | ({} if cut else {"link": link.format(url)})
        return httpx.Response(200, headers=headers, json={} if cut else {"items": []})

    found, _ = fetched(bench(answering), work)
    assert [gap.reason for gap in found.gaps] == [GapReason.INVALID_BODY]
    assert "another path" in caplog.text
    assert "eve" not in caplog.text + found.gaps[0].detail


@pytest.mark.parametrize("records", [1, 2000])
def test_a_page_that_names_its_items_twice_is_kept_and_a_gap(records, bench, answers, work) -> None:
    record = b'{"meetingId":"1_I_1","displayName":"Eve","email":"eve@example.org"}'
    body = b'{"items":[' + b",".join([record] * records) + b'],"items":[{"meetingId":"2_I_2"}]}'
    made = bench(answers((200, {}, body)))
    found, pages = fetched(made, work)
    assert [gap.reason for gap in found.gaps] == [GapReason.INVALID_BODY]
    assert [(page.body, len(page.records), page.fault is None) for page in pages] == [(body, 0, False)]


def test_a_meeting_that_is_not_found_says_nothing_of_the_site_also_where_people_are_asked_for(bench, answers) -> None:
    start = datetime(2026, 10, 1, tzinfo=UTC)
    horizon = Horizon(start - timedelta(days=1), start + timedelta(days=9), start + timedelta(days=8))
    seen = Seen("example.webex.com", "1_I_1", start, start + timedelta(hours=1))
    gone = (404, {}, {"message": "The requested resource could not be found."})
    for asked in (
        participants(seen, horizon, host_email=None),
        participants_by_email(seen, horizon, emails=["a@example.com"], host_email=None),
    ):
        found = fetch(Source(bench(answers(gone)).client, Bounds(), lambda: horizon.latest), asked, Kept())
        assert {gap.reason for gap in found.gaps} == {GapReason.NOT_FOUND}
        assert not any("check site" in gap.detail for gap in found.gaps)
