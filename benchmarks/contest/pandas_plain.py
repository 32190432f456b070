"""The twenty rules in pandas as a careful analyst writes them: whole columns, joins and groups, no tricks.

    python -m benchmarks.contest.pandas_plain TASK.json [KEYS.json]

Nothing loops over rows, what several rules need is computed once, and nothing is joined with itself on a person alone.
Text stays text; `pandas_rules` is what the same becomes with categories and NumPy.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from benchmarks.contest.words import (
    BOT_DOMAINS,
    BOTS,
    DAY,
    FREEMAIL,
    GENERIC,
    INSIDE,
    MARKED,
    MINUTE,
    NUMBERED,
    PRIVATE,
    WEEK,
)
from benchmarks.contest.written import Found, Key, Task, contest

ATTENDEES = [
    "site_url", "meeting_id", "meeting_title", "display_name", "email", "joined_time", "left_time", "duration",
    "participant_type", "ip_address", "client_agent", "invited",
]  # fmt: skip
MEETINGS = ["site_url", "meeting_id", "start_time", "end_time", "duration", "host_email"]
DEVICES = ["site_url", "meeting_id", "participant_id", "email", "audio_type", "joined_time", "left_time"]
BY_MEETING = ["site_url", "meeting_id"]


def minutes(number: float) -> pd.Timedelta:
    return pd.Timedelta(microseconds=number * MINUTE)


def judged(task: Task) -> Found:
    """The keys of every hit by rule."""
    rows = _read(task, "attendees", ATTENDEES)
    meetings = _read(task, "meetings", MEETINGS).rename(columns={"duration": "length"})
    rows = rows.merge(meetings, on=BY_MEETING, how="left")
    rows["host"] = rows["participant_type"] == "host"
    rows["domain"] = rows["email"].str.rsplit("@", n=1).str[-1]
    rows["internal"] = rows["domain"] == "northbank.example"
    rows["outside"] = rows["email"].notna() & ~rows["internal"]
    rows["person"] = rows["email"].fillna(rows["display_name"])
    rows["stay"] = rows["left_time"] - rows["joined_time"]
    rows["office"] = rows["ip_address"].str.startswith("253.0.").fillna(value=False).astype(bool)
    phones = _read(task, "devices", DEVICES)
    return {
        **_by_row(rows), **_by_meeting(rows), **_across(rows, task), "CHN-002": _phones(phones, rows)
    }  # fmt: skip


def _read(task: Task, table: str, columns: list[str]) -> pd.DataFrame:
    frame = pq.read_table(task.files[table], columns=columns).to_pandas()
    if "duration" in frame:
        frame["duration"] = pd.to_timedelta(frame["duration"], unit="us")
    return frame


def _keys(rows: pd.DataFrame, *columns: str) -> list[Key]:
    distinct = rows[list(columns)].drop_duplicates()
    return [tuple(map(_plain, row)) for row in distinct.itertuples(index=False)]


def _plain(value: object) -> object:
    if isinstance(value, pd.Timestamp):
        return value.to_pydatetime()
    return value if isinstance(value, str) else None


def _by_row(rows: pd.DataFrame) -> dict[str, list[Key]]:
    words = rows["meeting_title"].str.lower()
    for inner in ("onboarding", "dashboard", "whiteboard", "keyboard"):
        words = words.str.replace(inner, "", regex=False)
    marked = words.str.contains(MARKED)
    audit = words.str.contains("internal audit", regex=False)
    inside = rows["meeting_title"].str.contains(INSIDE)
    trusted = rows["domain"] == "firm1.example"
    denied = (rows["domain"] == "rival.example") | _true(rows["domain"].str.endswith(".rival.example"))
    hour, weekday = rows["start_time"].dt.hour, rows["start_time"].dt.day_of_week
    bot = rows["display_name"].str.contains(BOTS) | _true(rows["domain"].str.contains(BOT_DOMAINS))
    parts = rows["client_agent"].str.lower().str.partition(",")
    old = parts[0].str.strip().isin(["windows 7", "windows xp", "windows vista"])
    old |= parts[2].str.strip().isin(["ie", "internet explorer"])
    wrong = (rows["left_time"] < rows["joined_time"]) | (rows["joined_time"] < rows["start_time"] - minutes(15))
    wrong |= (rows["left_time"] > rows["end_time"] + minutes(15)) | (
        (rows["duration"] - rows["stay"]).abs() > minutes(2)
    )
    names = rows["display_name"]
    generic = names.str.contains(GENERIC) | names.str.contains(NUMBERED) | (names.str.strip().str.len() < 2)
    guest = rows["outside"]
    return {
        "ACC-001": _keys(rows[(marked | audit) & ~rows["invited"] & ~rows["host"] & ~trusted], "meeting_id", "person"),
        "ACC-004": _keys(rows[marked & guest & ~trusted], "meeting_id", "email"),
        "ACC-005": _keys(rows[denied], "meeting_id", "email"),
        "ACC-006": _keys(
            rows[rows["domain"].isin(FREEMAIL) & ~rows["host"] & ~rows["internal"]], "meeting_id", "email"
        ),
        "ACC-008": _keys(rows[inside & ~rows["internal"]], "meeting_id", "email", "display_name"),
        "ATT-002": _keys(rows[guest & ((hour < 6) | (hour >= 22) | (weekday >= 5))], "meeting_id", "email"),
        "BOT-001": _keys(rows[bot], "meeting_id", "email", "display_name"),
        "CLI-001": _keys(rows[old & rows["internal"]], "email", "client_agent"),
        "EVD-003": _keys(rows[wrong], "meeting_id", "email", "display_name", "joined_time"),
        "IDN-003": _keys(rows[generic], "meeting_id", "display_name", "email"),
    }


def _by_meeting(rows: pd.DataFrame) -> dict[str, list[Key]]:
    grace = minutes(5)
    guests = rows[rows["email"].notna() & ~rows["host"]].sort_values(["meeting_id", "email", "joined_time"])
    groups = [guests["meeting_id"], guests["email"]]
    reached = guests.groupby(groups, sort=False)["left_time"].cummax().groupby(groups, sort=False).shift()
    begin = guests["joined_time"].where(reached.isna() | (reached < guests["joined_time"]), reached)
    added = (guests["left_time"] - begin).clip(lower=pd.Timedelta(0))
    stays = guests.assign(added=added).groupby(["meeting_id", "email"], sort=False)
    attended = stays.agg(attended=("added", "sum"), length=("length", "first")).reset_index()
    low = (attended["attended"] < grace) | (attended["attended"] / attended["length"] < 0.5)

    short = rows[(rows["stay"] < minutes(0.5)) & rows["email"].notna()]
    many = short[short.groupby(["meeting_id", "email"])["email"].transform("size") >= 4]
    bursts = _bursts(many, ["meeting_id", "email"], within=minutes(10), enough=lambda window: len(window) >= 4)

    meetings = rows.groupby(BY_MEETING, sort=False).agg(
        people=("person", "nunique"), hosted=("host", "any"), length=("length", "first")
    ).reset_index()  # fmt: skip
    lone = meetings[(meetings["people"] >= 2) & ~meetings["hosted"] & (meetings["length"] >= minutes(2))]

    hosts = rows[rows["host"]].groupby(BY_MEETING).agg(into=("joined_time", "min"), out=("left_time", "max"))
    beside = rows[~rows["host"]].merge(hosts, on=BY_MEETING, how="left")
    alone = (beside["into"] - beside["joined_time"] > grace) | (beside["left_time"] - beside["out"] > grace)
    alone |= beside["into"].isna()

    ours = rows[rows["internal"]].groupby(BY_MEETING).agg(last=("left_time", "max"))
    after = rows[rows["outside"]].merge(ours, on=BY_MEETING)
    after = after[after["left_time"] - after["last"] > grace]
    left_alone = after.groupby(BY_MEETING)["email"].nunique().reset_index()

    shared = rows[rows["email"].notna() & rows["ip_address"].notna() & ~rows["office"]]
    shared = shared[["meeting_id", "ip_address", "email", "joined_time", "left_time"]]
    shared = shared[shared.duplicated(["meeting_id", "ip_address"], keep=False)]
    shared = shared[~shared["ip_address"].str.contains(PRIVATE)]
    pairs = shared.merge(shared, on=["meeting_id", "ip_address"], suffixes=("", "_b"))
    pairs = pairs[(pairs["email"] < pairs["email_b"]) & (_overlap(pairs) >= minutes(2))]
    return {
        "ATT-003": _keys(attended[low], "meeting_id", "email"),
        "ATT-007": _keys(bursts, "meeting_id", "email", "joined_time"),
        "HST-003": _keys(lone, *BY_MEETING),
        "HST-005": _keys(beside[alone], "meeting_id", "email", "display_name"),
        "HST-006": _keys(left_alone[left_alone["email"] >= 2], *BY_MEETING),
        "IDN-002": _keys(pairs, "meeting_id", "ip_address", "email", "email_b"),
    }


def _across(rows: pd.DataFrame, task: Task) -> dict[str, list[Key]]:
    start, weeks = pd.Timestamp(task.start, unit="us", tz="UTC"), (task.end - task.start) // WEEK
    known = rows[rows["email"].notna()]
    week = ((known["joined_time"] - start) // pd.Timedelta(weeks=1)).rename("week")
    counts = known.groupby(["email", week])["meeting_id"].nunique().reset_index()
    counts = counts.pivot_table(index="email", columns="week", values="meeting_id", fill_value=0)
    counts = counts.reindex(columns=range(weeks), fill_value=0)
    begun = counts.cumsum(axis=1) > 0
    values = counts.where(begun).to_numpy(dtype=float)
    found: list[Key] = []
    for place in range(6, weeks):
        history = values[:, max(0, place - 12) : place]
        some = (~np.isnan(history)).sum(axis=1) >= 6
        center = np.nanmedian(history[some], axis=1)
        spread = np.nanmedian(np.abs(history[some] - center[:, None]), axis=1)
        far = np.abs(values[some, place] - center) / np.maximum(1.4826 * spread, 1) > 3.5
        period = (start + pd.Timedelta(weeks=place)).to_pydatetime()
        found += [(email, period) for email in counts.index[some][far]]

    tries = rows[rows["ip_address"].notna() & ~rows["office"] & ~rows["host"] & (rows["stay"] < minutes(2))]
    tries = tries[tries.groupby("ip_address")["meeting_id"].transform("nunique") >= 5]

    def enough(window: pd.DataFrame) -> bool:
        return window["meeting_id"].nunique() >= 5 and window["host_email"].nunique() >= 4

    many = _bursts(tries, ["ip_address"], within=pd.Timedelta(microseconds=DAY), enough=enough)
    return {
        "ANM-009": found,
        "ENU-002": _keys(many, "ip_address", "joined_time"),
        "IDN-006": _two_places(known),
    }


def _two_places(known: pd.DataFrame) -> list[Key]:
    """Joined with itself on person and day, which keeps the busiest from squaring."""
    some = known.loc[known["ip_address"].notna(), ["email", "meeting_id", "ip_address", "joined_time", "left_time"]]
    some["system"] = known["client_agent"].str.partition(",")[0].str.strip().str.lower()
    day, last = some["joined_time"].dt.floor("D"), some["left_time"].dt.floor("D")
    some = pd.concat([some.assign(day=day), some.assign(day=last)[last > day]])
    some = some[some.duplicated(["email", "day"], keep=False)]
    pairs = some.merge(some, on=["email", "day"], suffixes=("", "_b"))
    pairs = pairs[(pairs["ip_address"] != pairs["ip_address_b"]) & (_overlap(pairs) >= minutes(1))]
    pairs = pairs[(pairs["system"] != pairs["system_b"]) | (pairs["meeting_id"] != pairs["meeting_id_b"])]
    pairs = pairs.assign(net=_network(pairs["ip_address"]), net_b=_network(pairs["ip_address_b"]))
    pairs = pairs[pairs["net"] < pairs["net_b"]]
    return _keys(pairs, "email", "meeting_id", "meeting_id_b", "net", "net_b")


def _phones(devices: pd.DataFrame, rows: pd.DataFrame) -> list[Key]:
    phones = devices[(devices["audio_type"] == "pstn") & devices["email"].isna()]
    phones = phones[phones["left_time"] - phones["joined_time"] >= minutes(1)].reset_index(names="phone")
    people = rows.loc[rows["email"].notna(), [*BY_MEETING, "joined_time", "left_time"]]
    pairs = phones.merge(people, on=BY_MEETING, suffixes=("", "_b"))
    near = (pairs["joined_time_b"] - pairs["joined_time"]).abs() <= minutes(1.5)
    near &= (pairs["left_time_b"] - pairs["left_time"]).abs() <= minutes(1.5)
    lone = phones[~phones["phone"].isin(pairs.loc[near, "phone"])]
    return _keys(lone, "meeting_id", "participant_id", "joined_time")


def _bursts(
    rows: pd.DataFrame, by: list[str], *, within: pd.Timedelta, enough: Callable[[pd.DataFrame], bool]
) -> pd.DataFrame:
    """The first row of every burst: windows `(t - within, t]` that are enough, those near each other together."""
    firsts = []
    for _, group in rows.sort_values("joined_time").groupby(by, sort=False):
        times, last = group["joined_time"], None
        for moment in times.drop_duplicates():
            window = group[(times > moment - within) & (times <= moment)]
            if enough(window):
                if last is None or moment - last >= within:
                    firsts.append(window.index[0])
                last = moment
    return rows.loc[firsts]


def _overlap(pairs: pd.DataFrame) -> pd.Series:
    return np.minimum(pairs["left_time"], pairs["left_time_b"]) - np.maximum(
        pairs["joined_time"], pairs["joined_time_b"]
    )


def _network(ip: pd.Series) -> pd.Series:
    """The /24 of an IPv4 address, the /48 of an IPv6 one as these files write them."""
    four = ip.str.rpartition(".")[0] + ".0/24"
    return four.where(~ip.str.contains(":", regex=False), ip.str.split("::").str[0] + "::/48")


def _true(told: pd.Series) -> pd.Series:
    return told.fillna(value=False).astype(bool)


if __name__ == "__main__":
    contest(judged)
