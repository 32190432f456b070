from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from auditor.resources import resource
from auditor.simulator import Site
from auditor.simulator.population import SAMPLE, Recipe, population, write

FOLDER = resource("sample_data")
MINUTE = timedelta(minutes=1)
DOCUMENTATION = [ip_network(text) for text in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")]


def items(name):
    return json.loads((FOLDER / name).read_bytes())["items"]


@pytest.fixture(scope="module")
def attendees():
    return items("attendees.json")


@pytest.fixture(scope="module")
def usage():
    return {row["meetingId"]: row for row in items("usage.json")}


@pytest.fixture(scope="module")
def participants():
    return items("participants.json")


@pytest.fixture(scope="module")
def people_of(attendees):
    grouped = defaultdict(set)
    for row in attendees:
        grouped[row["meetingId"]].add(row.get("email") or row["displayName"])
    return grouped


def expected_findings():
    table = (FOLDER / "README.md").read_text().partition("## What an auditor should find")[2].partition("\n## ")[0]
    return re.findall(r"^\| ([A-Z]{3}-\d{3}) \| `(.+?)` \| (.+?) \|$", table, re.MULTILINE)


def test_the_shipped_files_are_what_is_generated_today(tmp_path):
    for path in write(population(SAMPLE), tmp_path):
        assert path.read_bytes() == (FOLDER / path.name).read_bytes(), path.name


def test_the_files_stay_under_three_megabytes():
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 3_000_000


def test_the_size_is_as_told(attendees, usage, participants):
    assert len(usage) == 258
    assert 2_300 < len(attendees) < 2_600
    assert 2_000 < len(participants) < 2_300


def test_everything_happens_inside_the_four_weeks(attendees, usage):
    first, last = datetime(2026, 8, 31, tzinfo=UTC), datetime(2026, 9, 28, tzinfo=UTC)
    times = [row[name] for row in attendees for name in ("joinedTime", "leftTime")]
    times += [row[name] for row in usage.values() for name in ("start", "end")]
    assert all(first <= datetime.fromisoformat(time) < last for time in times)


def test_totals_agree_with_the_rows_except_where_planted(usage, people_of):
    differing = {
        row["meetingTitle"]: row["totalParticipants"] - len(people_of[meeting_id])
        for meeting_id, row in usage.items()
        if row["totalParticipants"] != len(people_of[meeting_id])
    }
    assert differing == {"Lending weekly": 3, "Write-off proposals": 5}


def test_participants_agree_with_the_report_except_where_planted(participants, people_of):
    missing = [
        row["displayName"]
        for row in participants
        if row.get("email") and row["email"] not in people_of[row["meetingId"]]
    ]
    assert missing == ["Joel Abbott"]


def test_every_row_has_its_meeting_in_the_usage_report(attendees, participants, usage):
    assert {row["meetingId"] for row in attendees} | {row["meetingId"] for row in participants} <= usage.keys()


def test_addresses_are_kept_for_documentation(attendees):
    addresses = {row["ipAddress"] for row in attendees if "ipAddress" in row}
    assert all(any(ip_address(each) in network for network in DOCUMENTATION) for each in addresses)


def test_domains_and_numbers_are_invented(attendees, participants):
    emails = {row["email"] for row in [*attendees, *participants] if "email" in row}
    numbers = {device["phoneNumber"] for row in participants for device in row["devices"] if "phoneNumber" in device}
    assert all(email.endswith(".example") for email in emails)
    assert numbers
    assert all(number.startswith("120255501") for number in numbers)


def test_rejoins_breakouts_and_every_channel_are_there(attendees, participants):
    rows = Counter((row["meetingId"], row.get("email")) for row in attendees)
    assert sum(count > 1 for count in rows.values()) > 100
    assert sum("breakoutSessionsAttended" in row for row in participants) > 40
    calls = Counter(device.get("callType") for row in participants for device in row["devices"])
    assert calls["callIn"] >= 5
    assert calls["callBack"] == 1
    assert {device["audioType"] for row in participants for device in row["devices"]} == {"voip", "pstn", "inactive"}


def test_the_office_shares_one_address(attendees):
    behind = {row["email"] for row in attendees if row.get("ipAddress") == "198.51.100.7"}
    assert len(behind) == 60


def test_the_webinar_is_an_event(usage):
    events = [row for row in usage.values() if row["serviceType"] == "EventCenter"]
    assert [row["scheduledType"] for row in events] == ["webinar"]
    assert events[0]["totalRegistered"] > 80


def test_hostile_names_are_there(attendees):
    names = {row["displayName"] for row in attendees}
    assert "<script>alert(1)</script>" in names
    assert any("\u202e" in name for name in names)


def test_the_expected_findings_are_readable_and_few():
    found = expected_findings()
    assert 25 <= len(found) <= 60
    lines = (FOLDER / "README.md").read_text().partition("## What an auditor should find")[2].partition("\n## ")[0]
    assert len(re.findall(r"^\| [A-Z]{3}-\d{3} ", lines, re.MULTILINE)) == len(found)


@pytest.mark.parametrize(("rule", "subject", "what"), expected_findings())
def test_every_expected_subject_is_in_the_records(rule, subject, what, attendees, participants, usage):
    known = {row.get(name) for row in [*attendees, *participants] for name in ("email", "displayName", "ipAddress")}
    known |= {row["meetingTitle"] for row in usage.values()}
    assert all(part in known for part in ([subject] if subject in known else subject.split(", ")))


def test_every_plant_is_named_in_the_story(attendees):
    text = (FOLDER / "README.md").read_text()
    names = {row["email"]: row["displayName"] for row in attendees if "email" in row}
    subjects = [label["subject"].split(", ")[0] for label in items("labels.json")]
    assert [each for each in subjects if each not in text and names.get(each, each) not in text] == []


def test_nobody_is_in_two_networks_at_once_except_where_planted(attendees):
    stays = defaultdict(list)
    for row in attendees:
        if "email" in row and "ipAddress" in row:
            address = ip_address(row["ipAddress"])
            network = ip_network(f"{address}/{24 if address.version == 4 else 48}", strict=False)
            span = datetime.fromisoformat(row["joinedTime"]), datetime.fromisoformat(row["leftTime"])
            stays[row["email"]].append((*span, network))
    both = {
        email
        for email, rows in stays.items()
        for first in rows
        for second in rows
        if first[2] != second[2] and min(first[1], second[1]) - max(first[0], second[0]) >= MINUTE
    }
    assert both == {"peder.okafor@northbank.example"}


def test_the_folder_loads_as_a_site_with_its_clock():
    site = Site.load(FOLDER)
    assert (site.url, site.now, len(site.usage), len(site.people)) == (
        "example.webex.com",
        datetime(2026, 10, 5, 6, tzinfo=UTC),
        258,
        60,
    )


@pytest.mark.slow
@pytest.mark.parametrize("seed", ["1", "another", "2027"])
def test_any_seed_gives_a_planted_company(seed):
    made = population(Recipe.sized(60, 28, seed=seed))
    assert len({label["behaviour"] for label in made.labels if label["kind"] == "plant"}) == 31


def test_the_same_recipe_gives_the_same_records():
    recipe = Recipe.sized(30, 7, seed="7")
    assert population(recipe) == population(recipe)


def test_a_small_company_has_no_plants():
    made = population(Recipe.sized(24, 7, seed="7"))
    assert made.labels == ()
    assert made.attendees


def test_too_small_a_company_is_refused():
    with pytest.raises(ValueError, match="at least 24 people"):
        Recipe(users=5)


def test_no_machine_path_is_in_the_sample():
    assert not any(b"/home/" in path.read_bytes() for path in Path(FOLDER).iterdir())
