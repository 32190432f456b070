"""Companies of any size: fixed by their seed, labelled, and in agreement with themselves."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from auditor.simulator import Site, scale
from auditor.simulator.scale.chance import Chance
from auditor.simulator.scale.geography import CITIES, Geography, distance, places
from auditor.simulator.scale.labels import episodes
from auditor.simulator.scale.made import behaviour
from auditor.simulator.scale.people import STAFF
from auditor.simulator.scale.records import meetings
from auditor.simulator.scale.stage import BEHAVIOURS
from auditor.tables.schema import TABLES

pytestmark = pytest.mark.slow

SIZE = scale.Scale(120, 90, seed="7")


@pytest.fixture(scope="module")
def made() -> scale.Made:
    return scale.make(SIZE)


@pytest.fixture(scope="module")
def folder(made, tmp_path_factory):
    path = tmp_path_factory.mktemp("site")
    scale.write(made, path)
    return path


def lines(path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_the_same_seed_gives_the_same_bytes_on_one_thread_and_on_many(folder, tmp_path) -> None:
    code = """
import pathlib, sys
from auditor.simulator import scale
scale.write(scale.make(scale.Scale(120, 90, seed='7')), pathlib.Path(sys.argv[1]))
"""
    environment = {**os.environ, "POLARS_MAX_THREADS": "1"}
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, env=environment, timeout=120)
    assert {path.name for path in tmp_path.iterdir()} == {path.name for path in folder.iterdir()}
    for path in folder.iterdir():
        assert (tmp_path / path.name).read_bytes() == path.read_bytes(), path.name


def test_another_seed_is_another_company(made) -> None:
    other = scale.make(scale.Scale(120, 90, seed="8"))
    assert other.legs.height != made.legs.height or not other.legs.equals(made.legs)


def test_a_company_without_plants_or_with_twice_the_effect_is_the_one_made_for_itself(made) -> None:
    planted, quiet, strong = scale.variants(SIZE, {}, {"zero": True}, {"effect": 2.0})
    assert planted.legs.equals(made.legs)
    assert quiet.legs.equals(scale.make(replace(SIZE, zero=True)).legs)
    assert strong.legs.equals(scale.make(replace(SIZE, effect=2.0)).legs)


def test_a_draw_depends_on_seed_purpose_and_keys_alone() -> None:
    frame = pl.DataFrame({"who": [3, 1, 2, -5]})
    drawn = frame.with_columns(chance=Chance("1").draw("coin", "who")).sort("who")
    again = frame.sort("who").with_columns(chance=Chance("1").draw("coin", "who"))
    assert drawn.equals(again)
    assert drawn["chance"].n_unique() == 4
    assert not frame.select(Chance("2").draw("coin", "who")).equals(frame.select(Chance("1").draw("coin", "who")))
    assert not frame.select(Chance("1").draw("dice", "who")).equals(frame.select(Chance("1").draw("coin", "who")))


def test_draws_are_spread_evenly() -> None:
    drawn = pl.DataFrame({"who": range(20_000)}).select(Chance("1").draw("coin", "who")).to_series()
    assert drawn.min() >= 0
    assert drawn.max() < 1
    tenths = (drawn * 10).floor().value_counts()["count"]
    assert tenths.len() == 10
    assert tenths.min() > 1800


def test_every_behaviour_is_planted_and_labelled(folder) -> None:
    labels = json.loads((folder / "labels.json").read_text())["items"]
    planted = [label for label in labels if label["kind"] == "plant"]
    assert {label["behaviour"] for label in planted} == set(BEHAVIOURS)
    known = {row["meetingId"] for row in lines(folder / "usage.ndjson")}
    for label in planted:
        assert label["subjects"]
        assert set(label["meetingIds"]) <= known
        assert label["from"] < label["to"]


def test_what_may_be_mistaken_is_labelled_too(folder) -> None:
    labels = json.loads((folder / "labels.json").read_text())["items"]
    named = {label["behaviour"] for label in labels if label["kind"] == "confounder"}
    assert named >= {
        "new-hire", "leaver", "changed-name", "alias", "shared-household", "private-vpn", "vpn-split-tunnel",
        "vpn-full-tunnel", "ipv6-home", "new-laptop", "support", "room", "trip", "rejoin", "hand-off", "companion",
        "phone-leg", "lobby", "carrier", "vpn", "partner-office", "office",
    }  # fmt: skip


def test_plants_lie_in_the_last_half(made) -> None:
    first = made.legs.filter(pl.col("plant").is_not_null())["joined"].min()
    assert first >= SIZE.audited
    assert datetime(2026, 3, 2, tzinfo=UTC) + timedelta(days=45) == SIZE.audited


def test_nothing_is_planted_on_request() -> None:
    calm = scale.make(scale.Scale(120, 90, seed="7", zero=True))
    assert calm.legs["plant"].null_count() == calm.legs.height
    assert calm.rights.is_empty()
    assert episodes(calm, meetings(calm)).is_empty()


def test_a_company_without_plants_is_the_one_plants_were_put_into(made) -> None:
    calm = scale.make(scale.Scale(120, 90, seed="7", zero=True))
    columns = ["meeting", "who", "joined", "left", "ip", "agent"]
    ordinary = made.legs.filter(pl.col("plant").is_null()).select(columns)
    assert ordinary.join(calm.legs.select(columns), on=columns, how="anti", nulls_equal=True).is_empty()


def test_the_effect_scales_what_is_planted(made) -> None:
    strong = scale.make(scale.Scale(120, 90, seed="7", effect=2))
    count = {
        effect: company.legs.filter(behaviour(pl.col("plant")) == "flapping").height
        for effect, company in ((1, made), (2, strong))
    }
    assert count[2] > 1.5 * count[1]


def test_totals_count_different_people(folder) -> None:
    rows = lines(folder / "attendees.ndjson")
    people: dict[str, set[object]] = {}
    minutes: dict[str, int] = {}
    for row in rows:
        people.setdefault(row["meetingId"], set()).add(row["email"] or row["displayName"])
        minutes[row["meetingId"]] = minutes.get(row["meetingId"], 0) + row["duration"]
    usage = lines(folder / "usage.ndjson")
    assert {row["meetingId"]: row["totalParticipants"] for row in usage} == {
        meeting: len(names) for meeting, names in people.items()
    }
    assert {row["meetingId"]: row["totalPeopleMinutes"] for row in usage} == minutes


def test_participants_are_the_people_of_the_attendee_rows(folder) -> None:
    key = ("meetingId", "email", "displayName")
    rows = {tuple(row[name] for name in key) for row in lines(folder / "attendees.ndjson")}
    records = lines(folder / "participants.ndjson")
    assert {tuple(record[name] for name in key) for record in records} == rows
    assert len({record["id"] for record in records}) == len(records)
    assert sum(len(record["devices"]) for record in records) == len(lines(folder / "attendees.ndjson"))


def test_a_meeting_lasts_from_its_first_join_to_its_last_leaving(made) -> None:
    legs = made.legs.group_by("meeting").agg(first=pl.col("joined").min(), last=pl.col("left").max())
    joined = made.meetings.join(legs, on="meeting")
    assert (joined["began"] == joined["first"]).all()
    assert (joined["ended"] <= joined["last"]).all()


def test_nobody_leaves_before_they_join(made) -> None:
    assert (made.legs["left"] > made.legs["joined"]).all()


def test_every_address_has_a_place_and_nobody_owns_it(made) -> None:
    addresses = made.legs["ip"].drop_nulls().unique()
    found = places(addresses, made.geography.blocks())
    assert found["geo_country"].null_count() == 0
    assert found["asn"].null_count() == 0
    reserved = addresses.str.contains(r"^24[0-9]\.|^25[0-5]\.|^2001:db8:")
    assert reserved.all()


def test_places_keeps_the_order_of_the_addresses() -> None:
    blocks = Geography((0, 5)).blocks()
    asked = pl.Series(["240.0.20.1", None, "2001:db8:0::7", "240.0.0.9", "192.0.2.1", "nonsense"])
    assert places(asked, blocks)["geo_city"].to_list() == ["Berlin", None, "Oslo", "Oslo", None, None]


def test_staff_are_home_and_away_as_their_journeys_say(made) -> None:
    away = made.legs.filter((pl.col("sort") == STAFF) & pl.col("away") & pl.col("plant").is_null())
    journeys = made.tours.select("who", "departs", "home")
    inside = away.join(journeys, on="who").filter(pl.col("joined").is_between("departs", "home"))
    assert inside["leg"].n_unique() == away.height


def test_local_hours_stay_when_summer_time_begins(made) -> None:
    berlin = made.meetings.filter((pl.col("rank") == 1) & (pl.col("kind") == 0)).with_columns(
        local=pl.col("start").dt.convert_time_zone("Europe/Berlin").dt.time()
    )
    hours = berlin.group_by("series").agg(pl.col("local").n_unique(), utc=pl.col("start").dt.time().n_unique())
    assert hours["local"].to_list() == [1] * hours.height
    assert hours["utc"].max() == 2


def test_frames_have_the_tables_schemas(made) -> None:
    for name, frame in scale.frames(made).items():
        assert frame.collect_schema() == TABLES[name].schema


def test_an_attendee_rows_lineage_tells_its_leg(made) -> None:
    rows = scale.frames(made)["attendees"].collect()
    number = rows["page"].str.to_integer(base=16) * 1000 + rows["item"]
    assert number.to_list() == made.legs["leg"].to_list()


def test_a_site_can_be_served_from_the_files(folder) -> None:
    site = Site.load(folder)
    assert site.url == "example.webex.com"
    assert len(site.attendees) == len(lines(folder / "attendees.ndjson"))
    assert "phoneNumber" not in site.attendees[0].raw or site.attendees[0].raw["phoneNumber"] is not None


def test_files_are_imported_without_a_gap(folder, tmp_path) -> None:
    command = [sys.executable, "-m", "auditor", "import", "--archive", str(tmp_path / "archive")]
    files = [str(folder / f"{name}.ndjson") for name in ("attendees", "usage", "participants")]
    done = subprocess.run(
        [*command, "--site", "example.webex.com", *files], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("users", "days"), [(24, 5), (24, 60), (60, 28)])
def test_a_small_company_is_whole_as_well(users, days) -> None:
    small = scale.make(scale.Scale(users, days))
    assert small.legs.height
    assert small.meetings.height


@pytest.mark.parametrize("wrong", [{"users": 10, "days": 30}, {"users": 30, "days": 2}])
def test_too_small_a_company_is_refused(wrong) -> None:
    with pytest.raises(ValueError, match="at least"):
        scale.Scale(**wrong)


def test_an_effect_out_of_bounds_is_refused() -> None:
    with pytest.raises(ValueError, match="effect"):
        scale.Scale(60, 30, effect=0)


def test_cities_are_as_far_apart_as_on_the_globe() -> None:
    names = [city for _, city, *_ in CITIES]
    assert round(distance(names.index("Oslo"), names.index("Berlin")), -1) == 840
