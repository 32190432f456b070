"""The twenty rules in pandas and NumPy, written by hand for this data.

    python -m benchmarks.contest.pandas_rules TASK.json [KEYS.json]

Text is read as categories, so that every condition on text is judged once a distinct value and all grouping is by
whole numbers; nothing loops over rows but over the few that screens leave.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
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

TEXTS = ["meeting_id", "meeting_title", "display_name", "email", "participant_type", "ip_address", "client_agent"]
TIMES = ["joined_time", "left_time"]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def judged(task: Task) -> Found:
    """The keys of every hit by rule."""
    spent = _Spent(told=bool(os.environ.get("TOLD")))
    contestant = _Contestant(task)
    spent.on("read")
    found: dict[str, list[Key]] = {}
    for rule, find in RULES.items():
        found[rule] = find(contestant)
        spent.on(rule)
    return found


class _Contestant:
    """The attendee rows as columns of numbers: `rows`, and what is known of each meeting, title, name and so on."""

    def __init__(self, task: Task) -> None:
        self.task = task
        meetings = pq.read_table(
            task.files["meetings"],
            columns=["meeting_id", "site_url", "start_time", "end_time", "duration", "host_email"],
        )
        self.meetings = pd.DataFrame(
            {
                "meeting_id": meetings["meeting_id"].to_pandas(),
                "site_url": meetings["site_url"].to_pandas(),
                "start": _micros(meetings["start_time"]),
                "end": _micros(meetings["end_time"]),
                "length": meetings["duration"].to_numpy(),
                "host": pd.factorize(meetings["host_email"].to_pandas())[0],
            }
        )
        self.index = pd.Index(self.meetings["meeting_id"])
        table = pq.read_table(
            task.files["attendees"], columns=[*TEXTS, *TIMES, "duration", "invited"], read_dictionary=TEXTS
        ).unify_dictionaries()
        self.known = {name: _categories(table[name]) for name in TEXTS}
        codes = {name: _codes(table[name]) for name in TEXTS}
        self.rows = pd.DataFrame(
            {
                "m": self.index.get_indexer(self.known["meeting_id"])[codes["meeting_id"]],
                "title": codes["meeting_title"],
                "name": codes["display_name"],
                "email": codes["email"],
                "ip": codes["ip_address"],
                "agent": codes["client_agent"],
                "host": (self.known["participant_type"] == "host")[codes["participant_type"]],
                "invited": table["invited"].to_numpy(),
                "joined": _micros(table["joined_time"]),
                "left": _micros(table["left_time"]),
                "duration": table["duration"].to_numpy(),
            }
        )
        domains = self.known["email"].str.rsplit("@", n=1).str[-1]
        self.domain = domains.to_numpy(dtype=object)
        self.has_email = self.rows["email"].to_numpy() >= 0
        self.internal = self.of_email(domains == "northbank.example")
        self.outside = self.has_email & ~self.internal
        self.trusted = self.of_email(domains == "firm1.example")
        words = self.known["meeting_title"].str.lower()
        for inner in ("onboarding", "dashboard", "whiteboard", "keyboard"):
            words = words.str.replace(inner, "", regex=False)
        self.marked = words.str.contains(MARKED).to_numpy()
        self.audit = words.str.contains("internal audit", regex=False).to_numpy()

    def of_email(self, told: pd.Series) -> np.ndarray:
        """What is told of each address for each row; false where there is none."""
        return _of(told.to_numpy(dtype=bool), self.rows["email"].to_numpy())

    def keys(self, mask: np.ndarray, *columns: str) -> list[Key]:
        """The distinct values of the columns in the rows of the mask."""
        return self.told(self.rows[mask], *columns)

    def told(self, rows: pd.DataFrame, *columns: str) -> list[Key]:
        """The distinct keys of some rows, as texts."""
        distinct = rows[list(columns)].drop_duplicates()
        return list(zip(*(self.text(name, distinct[name]) for name in columns), strict=True))

    def text(self, name: str, values: pd.Series) -> Sequence[object]:
        if name == "m":
            return self.meetings["meeting_id"].to_numpy()[values].tolist()
        if name in {"joined", "window_start", "period"}:
            return [EPOCH + timedelta(microseconds=int(value)) for value in values]
        source = {"name": "display_name", "agent": "client_agent", "ip": "ip_address"}.get(name, name)
        known = self.known[source].to_numpy(dtype=object)
        return [None if code < 0 else known[code] for code in values]


def _acc_001(of: _Contestant) -> list[Key]:
    rows = of.rows
    title = rows["title"].to_numpy()
    mask = (of.marked | of.audit)[title] & ~rows["invited"] & ~rows["host"] & ~of.trusted
    found = rows[mask]
    meetings, emails, names = (of.text(name, found[name]) for name in ("m", "email", "name"))
    return list({(m, name if email is None else email) for m, email, name in zip(meetings, emails, names, strict=True)})


def _acc_004(of: _Contestant) -> list[Key]:
    return of.keys(of.marked[of.rows["title"].to_numpy()] & of.outside & ~of.trusted, "m", "email")


def _acc_005(of: _Contestant) -> list[Key]:
    domains = pd.Series(of.domain)
    return of.keys(of.of_email((domains == "rival.example") | domains.str.endswith(".rival.example")), "m", "email")


def _acc_006(of: _Contestant) -> list[Key]:
    return of.keys(of.of_email(pd.Series(of.domain).isin(FREEMAIL)) & ~of.rows["host"] & ~of.internal, "m", "email")


def _acc_008(of: _Contestant) -> list[Key]:
    inside = of.known["meeting_title"].str.contains(INSIDE).to_numpy(dtype=bool)
    return of.keys(inside[of.rows["title"].to_numpy()] & ~of.internal, "m", "email", "name")


def _att_002(of: _Contestant) -> list[Key]:
    start = of.meetings["start"].to_numpy()
    hour, weekday = start // (60 * MINUTE) % 24, (start // DAY + 3) % 7
    odd = (hour < 6) | (hour >= 22) | (weekday >= 5)
    return of.keys(_of(odd, of.rows["m"].to_numpy()) & of.outside, "m", "email")


def _bot_001(of: _Contestant) -> list[Key]:
    bot = of.known["display_name"].str.contains(BOTS).to_numpy(dtype=bool)
    listed = pd.Series(of.domain).str.contains(BOT_DOMAINS)
    return of.keys(bot[of.rows["name"].to_numpy()] | of.of_email(listed), "m", "email", "name")


def _cli_001(of: _Contestant) -> list[Key]:
    parts = of.known["client_agent"].str.lower().str.partition(",")
    old = parts[0].str.strip().isin(["windows 7", "windows xp", "windows vista"])
    old |= parts[2].str.strip().isin(["ie", "internet explorer"])
    return of.keys(_of(old.to_numpy(dtype=bool), of.rows["agent"].to_numpy()) & of.internal, "email", "agent")


def _evd_003(of: _Contestant) -> list[Key]:
    rows, tolerance = of.rows, 15 * MINUTE
    start = of.meetings["start"].to_numpy()[rows["m"]]
    end = of.meetings["end"].to_numpy()[rows["m"]]
    joined, left = rows["joined"].to_numpy(), rows["left"].to_numpy()
    wrong = (left < joined) | (joined < start - tolerance) | (left > end + tolerance)
    wrong |= np.abs(rows["duration"].to_numpy() - (left - joined)) > 2 * MINUTE
    return of.keys(wrong, "m", "email", "name", "joined")


def _idn_003(of: _Contestant) -> list[Key]:
    names = of.known["display_name"]
    generic = names.str.contains(GENERIC)
    generic |= names.str.contains(NUMBERED) | (names.str.strip().str.len() < 2)
    return of.keys(generic.to_numpy(dtype=bool)[of.rows["name"].to_numpy()], "m", "name", "email")


def _att_003(of: _Contestant) -> list[Key]:
    rows = of.rows[of.has_email & ~of.rows["host"].to_numpy()]
    group = rows["m"].to_numpy() * np.int64(len(of.known["email"])) + rows["email"].to_numpy()
    stay = rows["left"].to_numpy() - rows["joined"].to_numpy()
    number, distinct = pd.factorize(group)
    longest = np.full(len(distinct), -1, dtype=np.int64)
    np.maximum.at(longest, number, stay)
    length = of.meetings["length"].to_numpy()[distinct // len(of.known["email"])]
    short = (longest < 5 * MINUTE) | (longest < 0.5 * length)
    some = rows.assign(group=group, length=length[number])[short[number]].sort_values(["group", "joined"])
    reached = some.groupby("group")["left"].cummax().groupby(some["group"]).shift()
    begin = np.fmax(some["joined"], reached.fillna(some["joined"]))
    some = some.assign(added=(some["left"] - begin).clip(lower=0))
    covered = some.groupby("group").agg(
        m=("m", "first"), email=("email", "first"), attended=("added", "sum"), length=("length", "first")
    )
    low = (covered["attended"] < 5 * MINUTE) | (covered["attended"] / covered["length"] < 0.5)
    return of.told(covered[low], "m", "email")


def _att_007(of: _Contestant) -> list[Key]:
    rows = of.rows
    some = rows[(rows["left"] - rows["joined"] < MINUTE // 2) & of.has_email]
    group = pd.factorize(some["m"].to_numpy() * np.int64(1 << 32) + some["email"].to_numpy())[0]
    some = some.assign(group=group).sort_values(["group", "joined"])

    def enough(first: int, last: int) -> bool:
        return last - first >= 4

    found = _bursts(some, within=10 * MINUTE, enough=enough)
    return of.told(found, "m", "email", "window_start")


def _hst_003(of: _Contestant) -> list[Key]:
    rows = of.rows
    meeting = rows["m"].to_numpy()
    many = np.bincount(meeting, minlength=len(of.meetings))
    hosted = np.bincount(meeting, weights=rows["host"], minlength=len(of.meetings)) > 0
    lone = (many > 1) & ~hosted & (of.meetings["length"].to_numpy() >= 2 * MINUTE)
    some = rows[lone[meeting]]
    who = np.where(some["email"] >= 0, some["email"], -2 - some["name"])
    people = pd.Series(who).groupby(some["m"].to_numpy()).nunique()
    return _in_meetings(of, people.index[people >= 2])


def _hst_005(of: _Contestant) -> list[Key]:
    rows, grace = of.rows, 5 * MINUTE
    hosts = rows[rows["host"]].groupby("m").agg(into=("joined", "min"), out=("left", "max"))
    far = np.int64(1) << 62
    into, out = np.full(len(of.meetings), far), np.full(len(of.meetings), -far)
    into[hosts.index], out[hosts.index] = hosts["into"], hosts["out"]
    meeting = rows["m"].to_numpy()
    alone = (into[meeting] - rows["joined"] > grace) | (rows["left"] - out[meeting] > grace)
    return of.keys(~rows["host"] & alone, "m", "email", "name")


def _hst_006(of: _Contestant) -> list[Key]:
    rows = of.rows
    last = np.full(len(of.meetings), np.int64(1) << 62)
    ours = rows[of.internal].groupby("m")["left"].max()
    last[ours.index] = ours
    guests = rows[of.outside & (rows["left"] - last[rows["m"].to_numpy()] > 5 * MINUTE)]
    people = guests.groupby("m")["email"].nunique()
    return _in_meetings(of, people.index[people >= 2])


def _idn_002(of: _Contestant) -> list[Key]:
    rows = of.rows
    texts = of.known["ip_address"]
    public = ~(texts.str.startswith("253.0.") | texts.str.contains(PRIVATE))
    mask = _of(public.to_numpy(dtype=bool), rows["ip"].to_numpy()) & of.has_email
    some = rows.loc[mask, ["m", "ip", "email", "joined", "left"]]
    key = some["m"].to_numpy() * np.int64(len(texts)) + some["ip"].to_numpy()
    some = some.assign(key=key)[pd.Series(key).duplicated(keep=False).to_numpy()]
    pairs = some.merge(some, on=["key", "m", "ip"], suffixes=("", "_b"))
    overlap = np.minimum(pairs["left"], pairs["left_b"]) - np.maximum(pairs["joined"], pairs["joined_b"])
    pairs = pairs[(overlap >= 2 * MINUTE) & (pairs["email"] != pairs["email_b"])]
    distinct = pairs[["m", "ip", "email", "email_b"]].drop_duplicates()
    one, other = of.text("email", distinct["email"]), of.text("email", distinct["email_b"])
    made = zip(of.text("m", distinct["m"]), of.text("ip", distinct["ip"]), one, other, strict=True)
    return [key for key in made if key[2] < key[3]]


def _anm_009(of: _Contestant) -> list[Key]:
    rows = of.rows[of.has_email]
    weeks = (of.task.end - of.task.start) // WEEK
    week = (rows["joined"].to_numpy() - of.task.start) // WEEK
    seen = (rows["email"].to_numpy() * np.int64(len(of.meetings)) + rows["m"].to_numpy()) * weeks + week
    distinct = pd.unique(seen[week < weeks])
    person, week = distinct // (weeks * len(of.meetings)), distinct % weeks
    counts = np.bincount(person * weeks + week, minlength=len(of.known["email"]) * weeks).reshape(-1, weeks)
    begin = np.argmax(counts > 0, axis=1)
    found: list[Key] = []
    emails = of.known["email"].to_numpy(dtype=object)
    for first in range(weeks - 6):
        people = np.flatnonzero((begin == first) & (counts[:, first] > 0))
        for judged_ in range(first + 6, weeks):
            history = counts[people, max(first, judged_ - 12) : judged_]
            center = np.median(history, axis=1)
            off = np.abs(counts[people, judged_] - center)
            apart = np.flatnonzero(off > 3.5)
            spread = np.median(np.abs(history[apart] - center[apart, None]), axis=1)
            far = off[apart] / np.maximum(1.4826 * spread, 1) > 3.5
            period = EPOCH + timedelta(microseconds=int(of.task.start + judged_ * WEEK))
            found += [(email, period) for email in emails[people[apart[far]]]]
    return found


def _enu_002(of: _Contestant) -> list[Key]:
    rows = of.rows
    texts = of.known["ip_address"]
    outside = _of(~texts.str.startswith("253.0.").to_numpy(dtype=bool), rows["ip"].to_numpy())
    some = rows[outside & ~rows["host"] & (rows["left"] - rows["joined"] < 2 * MINUTE)]
    meetings = some.groupby("ip")["m"].nunique()
    some = some[some["ip"].isin(meetings.index[meetings >= 5])]
    some = some.assign(group=some["ip"]).sort_values(["group", "joined"])
    meeting, host = some["m"].to_numpy(), of.meetings["host"].to_numpy()[some["m"]]

    def enough(first: int, last: int) -> bool:
        return len(set(meeting[first:last])) >= 5 and len(set(host[first:last])) >= 4

    return of.told(_bursts(some, within=DAY, enough=enough), "ip", "window_start")


def _idn_006(of: _Contestant) -> list[Key]:
    rows = of.rows.loc[of.has_email & (of.rows["ip"] >= 0).to_numpy(), ["m", "email", "ip", "agent", "joined", "left"]]
    order = np.lexsort((rows["joined"], rows["email"]))
    rows = rows.iloc[order].reset_index(drop=True)
    email, start = rows["email"].to_numpy().astype(np.int64), of.task.start - DAY
    lane = email * (of.task.end + 30 * DAY - start)
    reached = np.maximum.accumulate(lane + rows["left"].to_numpy() - start)
    late = np.flatnonzero(lane[1:] + rows["joined"].to_numpy()[1:] - start + MINUTE <= reached[:-1]) + 1
    pairs = rows.iloc[late].merge(rows[np.isin(email, email[late])], on="email", suffixes=("", "_b"))
    overlap = np.minimum(pairs["left"], pairs["left_b"]) - pairs["joined"]
    pairs = pairs[(pairs["joined_b"] <= pairs["joined"]) & (overlap >= MINUTE) & (pairs["ip"] != pairs["ip_b"])]
    systems = of.known["client_agent"].str.lower().str.partition(",")[0].str.strip().to_numpy(dtype=object)
    pairs = pairs[(pairs["m"] != pairs["m_b"]) | (systems[pairs["agent"]] != systems[pairs["agent_b"]])]
    texts = of.known["ip_address"].to_numpy(dtype=object)
    found: set[Key] = set()
    for row in pairs.itertuples():
        one, other = (_network(texts[row.ip]), row.m), (_network(texts[row.ip_b]), row.m_b)
        if one[0] != other[0]:
            (low, a), (high, b) = sorted((one, other))
            found.add((row.email, a, b, low, high))
    emails, meetings = of.known["email"].to_numpy(dtype=object), of.meetings["meeting_id"].to_numpy(dtype=object)
    return [(emails[person], meetings[a], meetings[b], low, high) for person, a, b, low, high in found]


def _chn_002(of: _Contestant) -> list[Key]:
    devices = pq.read_table(
        of.task.files["devices"],
        columns=["meeting_id", "participant_id", *TIMES],
        filters=(pc.field("audio_type") == "pstn") & pc.field("email").is_null(),
    )
    phones = pd.DataFrame(
        {
            "m": of.index.get_indexer(devices["meeting_id"].to_pandas()),
            "device": devices["participant_id"].to_pandas(),
            "joined": _micros(devices["joined_time"]),
            "left": _micros(devices["left_time"]),
        }
    )
    phones = phones[phones["left"] - phones["joined"] >= MINUTE].reset_index(names="phone")
    concerned = np.zeros(len(of.meetings), dtype=bool)
    concerned[phones["m"]] = True
    people = of.rows.loc[of.has_email & concerned[of.rows["m"].to_numpy()], ["m", "joined", "left"]]
    pairs = phones.merge(people, on="m", suffixes=("", "_b"))
    near = (pairs["joined_b"] - pairs["joined"]).abs() <= 3 * MINUTE // 2
    near &= (pairs["left_b"] - pairs["left"]).abs() <= 3 * MINUTE // 2
    lone = phones[~phones["phone"].isin(pairs.loc[near, "phone"])].drop_duplicates(["m", "device", "joined"])
    return list(zip(of.text("m", lone["m"]), lone["device"], of.text("joined", lone["joined"]), strict=True))


def _bursts(rows: pd.DataFrame, *, within: int, enough: Callable[[int, int], bool]) -> pd.DataFrame:
    """One row a burst: the first row of windows `(t - within, t]` that are enough, those near each other together.

    `rows` are sorted by `group` and `joined`; `enough` is told the places of a window's rows.
    """
    group, joined = rows["group"].to_numpy(), rows["joined"].to_numpy()
    starts: list[int] = []
    first, last_hit = 0, -1
    for place in range(len(rows)):
        while group[first] != group[place] or joined[first] <= joined[place] - within:
            first += 1
        end = place + 1
        while end < len(rows) and group[end] == group[place] and joined[end] == joined[place]:
            end += 1
        if enough(first, end):
            alone = last_hit < 0 or group[last_hit] != group[place] or joined[place] - joined[last_hit] >= within
            if alone:
                starts.append(first)
            last_hit = place
    found = rows.iloc[starts]
    return found.assign(window_start=found["joined"])


def _in_meetings(of: _Contestant, meetings: pd.Index) -> list[Key]:
    some = of.meetings.loc[meetings]
    return list(zip(some["site_url"], some["meeting_id"], strict=True))


def _micros(column: pa.ChunkedArray) -> np.ndarray:
    return column.cast(pa.timestamp("us")).cast(pa.int64()).to_numpy()


def _categories(column: pa.ChunkedArray) -> pd.Series:
    return column.chunk(0).dictionary.to_pandas()


def _codes(column: pa.ChunkedArray) -> np.ndarray:
    """The code of each row; -1 where there is no value."""
    return np.concatenate([chunk.indices.fill_null(-1).to_numpy() for chunk in column.chunks])


def _of(told: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """What is told of each value, for each row; false where there is none."""
    return told[codes] & (codes >= 0)


def _network(ip: str) -> str:
    """The /24 of an IPv4 address, the /48 of an IPv6 one as these files write them."""
    return ":".join(ip.split(":")[:3]) + "::/48" if ":" in ip else ip.rpartition(".")[0] + ".0/24"


class _Spent:
    """CPU seconds a step, told on stderr when asked for."""

    def __init__(self, *, told: bool) -> None:
        self._told = told
        self._last = time.process_time()

    def on(self, step: str) -> None:
        now = time.process_time()
        if self._told:
            print(f"{now - self._last:7.2f} {step}", file=sys.stderr)
        self._last = now


RULES: dict[str, Callable[[_Contestant], list[Key]]] = {
    "ACC-001": _acc_001, "ACC-004": _acc_004, "ACC-005": _acc_005, "ACC-006": _acc_006, "ACC-008": _acc_008,
    "ATT-002": _att_002, "BOT-001": _bot_001, "CLI-001": _cli_001, "EVD-003": _evd_003, "IDN-003": _idn_003,
    "ATT-003": _att_003, "ATT-007": _att_007, "HST-003": _hst_003, "HST-005": _hst_005, "HST-006": _hst_006,
    "IDN-002": _idn_002, "ANM-009": _anm_009, "ENU-002": _enu_002, "IDN-006": _idn_006, "CHN-002": _chn_002,
}  # fmt: skip

if __name__ == "__main__":
    contest(judged)
