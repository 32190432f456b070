from __future__ import annotations

import socket
from threading import Thread

import pytest

from auditor.errors import AuthError, ConfigError, SourceError
from auditor.evidence.reader import Evidence
from auditor.simulator import Fault, Regular
from auditor.webex.auth import Refreshing, Token

ATTENDEES = "/meetingReports/attendees"


@pytest.mark.parametrize("fault", [Fault("unauthorized", after=7), Fault("unauthorized-paging", after=3)])
def test_an_expired_token_is_refreshed_once_and_nothing_is_lost(fault, site, truth, bench_of) -> None:
    bench = bench_of(site, fault)
    run = bench.run(credentials=bench.refreshing)
    assert run.outcome.refusal is None
    refreshes = [served for served in run.requests if served.request.path == "/v1/access_token"]
    assert len(refreshes) == bench.server.strikes[fault.name]
    for name, rows in truth.items():
        assert run.table(name).equals(rows), name


def test_threads_that_meet_an_expired_token_share_one_refresh(site, truth, bench_of) -> None:
    bench = bench_of(site, Fault("unauthorized", after=5))
    run = bench.run(credentials=bench.refreshing, threads=8)
    assert len(run.asked("/access_token")) == 1
    assert run.table("attendees").equals(truth["attendees"])


def test_a_token_that_cannot_be_refreshed_ends_the_run_and_keeps_what_came(site, truth, bench_of) -> None:
    bench = bench_of(site, Fault("unauthorized", after=28))
    run = bench.run(threads=1)
    assert isinstance(run.outcome.refusal, AuthError)
    assert run.outcome.refusal.status == 401
    kept = run.table("attendees")
    assert kept.height > 0
    assert kept.join(truth["attendees"], on=kept.columns, how="anti", nulls_equal=True).is_empty()
    bench.server.service.credentials.renew(bench.server.refresh_token)
    after = bench.run()
    assert after.outcome.refusal is None
    assert after.table("participants").equals(truth["participants"])


@pytest.mark.parametrize("fault", [Fault("unauthorized-forever"), Fault("unauthorized-forever", after=9)])
def test_a_401_that_a_refresh_does_not_heal_ends_the_run(fault, site, bench_of) -> None:
    bench = bench_of(site, fault)
    run = bench.run(credentials=bench.refreshing)
    assert run.outcome.refusal is not None
    assert run.outcome.refusal.status == 401


def test_a_refused_refresh_ends_the_run_and_the_next_one_carries_on(site, truth, bench_of) -> None:
    bench = bench_of(site, Fault("unauthorized", after=15), Fault("refresh-refused", times=1))
    run = bench.run(credentials=bench.refreshing)
    assert "auth login" in str(run.outcome.refusal)
    after = bench.run(credentials=bench.refreshing)
    assert after.outcome.refusal is None
    for name, rows in truth.items():
        assert after.table(name).equals(rows), name


def test_a_401_while_the_token_endpoint_is_in_trouble_ends_the_run_too(site, bench_of) -> None:
    bench = bench_of(site, Fault("unauthorized", after=15))
    calls = []

    def refresh(_: Token | None) -> Token:
        calls.append(1)
        raise SourceError("the token endpoint did not answer: 503")

    token = Token(bench.server.token)
    dead = Refreshing(token, refresh=refresh, store=lambda _: None, now=lambda: bench.server.now)
    run = bench.run(credentials=lambda wire, clock: dead)
    assert run.outcome.refusal is not None
    assert run.outcome.refusal.status == 401
    assert run.reasons() == set()
    assert calls == [1]


def test_everything_refused_names_the_missing_scope(site, bench_of) -> None:
    run = bench_of(site, Fault("forbidden")).run(sites=("example.webex.com",))
    assert run.outcome.refusal is not None
    assert "needs meeting:admin_config_read" in str(run.outcome.refusal)
    assert run.reasons() == {"forbidden"}


def test_everything_refused_is_a_refusal_though_an_earlier_run_was_not(site, bench_of) -> None:
    clean = len(bench_of(site, name="clean").run(participants=False).requests)
    bench = bench_of(site, Fault("forbidden", after=clean))
    assert bench.run(participants=False).outcome.gaps == ()
    run = bench.run(participants=False, sites=("example.webex.com",))
    assert {served.status for served in run.requests} == {403}
    assert run.outcome.refusal is not None
    assert "needs meeting:admin_config_read" in str(run.outcome.refusal)


def test_a_refused_site_is_a_gap_and_the_others_go_on(bench_of) -> None:
    sites = [Regular(meetings=3, people=3, url=f"{name}.webex.com").site() for name in ("one", "two")]
    run = bench_of(sites, Fault("forbidden-site", value="two.webex.com")).run()
    assert run.outcome.refusal is None
    assert {gap.site_url for gap in run.outcome.gaps} == {"two.webex.com"}
    assert {gap.table for gap in run.outcome.gaps} == {"attendees", "meetings"}
    assert run.table("attendees")["site_url"].unique().to_list() == ["one.webex.com"]


def test_a_refused_site_is_asked_once_an_endpoint_not_once_a_slice(bench_of) -> None:
    site = Regular(meetings=3, people=3).site()
    run = bench_of(site, Fault("forbidden-site")).run(days=None)
    assert len(run.asked(ATTENDEES)) == 1
    assert len(run.asked("/usage")) == 4
    assert sum(gap.table == "attendees" for gap in run.outcome.gaps) == 15


def test_an_unknown_site_is_refused_before_any_window_is_asked(site, bench_of) -> None:
    bench = bench_of(site)
    with pytest.raises(ConfigError, match=r"no site exampel\.webex\.com; did you mean example\.webex\.com"):
        bench.run(sites=("exampel.webex.com",))
    assert [served.request.path for served in bench.server.requests] == ["/v1/meetingPreferences/sites"]


def test_a_list_of_sites_that_is_refused_does_not_stop_named_sites(site, truth, bench_of) -> None:
    run = bench_of(site, Fault("forbidden-endpoint", value="/sites")).run(sites=("example.webex.com",))
    assert run.outcome.gaps == ()
    assert run.table("attendees").equals(truth["attendees"])


def test_a_list_of_sites_that_is_refused_stops_a_run_without_named_sites(site, bench_of) -> None:
    with pytest.raises(AuthError, match="name a site with --site"):
        bench_of(site, Fault("forbidden-endpoint", value="/sites")).run()


def test_a_list_of_sites_that_cannot_be_had_stops_a_run_without_named_sites(site, bench_of) -> None:
    with pytest.raises(SourceError, match="the sites could not be listed") as error:
        bench_of(site, Fault("error-503", times=0)).run()
    assert not isinstance(error.value, AuthError)


def test_a_site_that_is_not_found_tells_where_to_look(site, bench_of) -> None:
    run = bench_of(site, Fault("forbidden-endpoint", value="/sites")).run(sites=("other.webex.com",))
    assert run.reasons() == {"not-found"}
    assert all(gap.detail.endswith("; check site and base URL") for gap in run.outcome.gaps)


def test_the_token_is_never_sent_to_the_host_a_next_link_names(site, bench_of) -> None:
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as foreign:
        foreign.settimeout(0.5)

        def listen() -> None:
            while True:
                try:
                    connection, _ = foreign.accept()
                except OSError:
                    return
                with connection:
                    heard.append(connection.recv(65536))

        listener = Thread(target=listen)
        listener.start()
        port = str(foreign.getsockname()[1])
        run = bench_of(site, Fault("link-foreign-port", value=port, times=0)).run(participants=False)
        listener.join()
    assert run.reasons() == {"foreign-link"}
    assert heard == []


def test_a_gone_meeting_is_never_asked_again_and_a_refused_one_is(site, regular, bench_of) -> None:
    gone, refused = regular.meeting_id(1), regular.meeting_id(2)
    bench = bench_of(site, Fault("gone-meeting", value=gone), Fault("forbidden-meeting", value=refused))
    assert bench.run().reasons() == {"gone", "forbidden"}
    again = bench.run()
    assert again.reasons() == {"gone", "forbidden"}
    asked = [served.request.value("meetingId") for served in again.asked("/meetingParticipants")]
    assert asked == [refused]


def test_the_evidence_is_whole_after_a_run_that_was_ended(site, bench_of) -> None:
    bench = bench_of(site, Fault("unauthorized", after=12))
    bench.run()
    assert Evidence(bench.folder).verify() == ()
