"""The twenty rules in DuckDB SQL, written by hand for this data.

    python -m benchmarks.contest.duckdb_sql TASK.json [KEYS.json]

The rows are read once, into one table with meetings and people as whole numbers; conditions on single rows are taken
in one pass over it, texts that repeat are judged once each, and groups are screened by cheap aggregates before
anything dear is computed for those that are left.
"""

from __future__ import annotations

import os
import sys
import time

import duckdb

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
from benchmarks.contest.written import Found, Task, contest

MEETINGS = """
create temp table mt as
select row_number() over () as m, meeting_id, site_url, epoch_us(start_time) as start_, epoch_us(end_time) as end_,
  duration as length, host_email, hour(start_time) as hour_, isodow(start_time) as weekday_
from read_parquet({meetings})
"""

ROWS = """
create temp table att as
select mt.m, a.email, a.display_name as name, epoch_us(a.joined_time) as joined, epoch_us(a.left_time) as left_,
  a.duration, a.participant_type = 'host' as host, a.ip_address as ip, a.client_agent as agent, a.invited,
  a.meeting_title as title, split_part(a.email, '@', -1) as domain, domain = 'northbank.example' as internal
from read_parquet({attendees}) a left join mt using (meeting_id)
"""

TITLES = f"""
create temp table titles as
select title, regexp_matches(words, '{MARKED}') as marked,
  contains(words, 'internal audit') as audit,
  regexp_matches(title, '{INSIDE}') as inside
from (
  select title, replace(replace(replace(replace(
      lower(title), 'onboarding', ''), 'dashboard', ''), 'whiteboard', ''), 'keyboard', '') as words
  from (select distinct title from att)
)
"""

AGENTS = """
create temp table agents as
select agent, lower(trim(split_part(agent, ',', 1))) as os, lower(trim(substr(agent, strpos(agent, ',') + 1))) as app
from (select distinct agent from att where agent is not null)
"""

NAMES = f"""
create temp table names as
select name, regexp_matches(name, '{BOTS}') as bot, regexp_matches(name, '{GENERIC}')
  or regexp_matches(name, '{NUMBERED}') or length(trim(name)) < 2 as generic
from (select distinct name from att)
"""

BY_ROW = {
    "ACC-001": (
        "(marked or audit) and not invited and not host and not coalesce(domain = 'firm1.example', false)",
        "distinct meeting_id, coalesce(email, name)",
    ),
    "ACC-004": (
        "marked and not internal and not coalesce(domain = 'firm1.example', false)",
        "distinct meeting_id, email",
    ),
    "ACC-005": ("domain = 'rival.example' or ends_with(domain, '.rival.example')", "distinct meeting_id, email"),
    "ACC-006": (f"domain in {FREEMAIL} and not host and not internal", "distinct meeting_id, email"),
    "ACC-008": ("inside and not coalesce(internal, false)", "distinct meeting_id, email, name"),
    "ATT-002": ("not internal and (hour_ < 6 or hour_ >= 22 or weekday_ >= 6)", "distinct meeting_id, email"),
    "BOT-001": (f"bot or coalesce(regexp_matches(domain, '{BOT_DOMAINS}'), false)", "distinct meeting_id, email, name"),
    "CLI-001": (
        "internal and (os in ('windows 7', 'windows xp', 'windows vista') or app in ('ie', 'internet explorer'))",
        "distinct email, agent",
    ),
    "EVD-003": (
        (
            f"left_ < joined or joined < start_ - {15 * MINUTE} or left_ > end_ + {15 * MINUTE} or "
            f"abs(duration - (left_ - joined)) > {2 * MINUTE}"
        ),
        "distinct meeting_id, email, name, make_timestamp(joined)",
    ),
    "IDN-003": ("generic", "distinct meeting_id, name, email"),
}

STAYS = f"""
with stays as (
  select m, hash(email) as h, max(left_ - joined) as longest
  from att where not host and email is not null group by m, h
), short as materialized (
  select m, h, length from stays join mt using (m) where longest < {5 * MINUTE} or longest < 0.5 * length
), joins as (
  select m, email, length, left_ - greatest(joined, coalesce(max(left_) over (
    partition by m, email order by joined rows between unbounded preceding and 1 preceding), joined)) as added
  from (select *, hash(email) as h from att where not host and email is not null) join short using (m, h)
), attended as (
  select m, email, any_value(length) as length, sum(greatest(added, 0)) as attended from joins group by m, email
)
select meeting_id, email from attended join mt using (m)
where attended < {5 * MINUTE} or attended / attended.length < 0.5
"""

BURST = f"""
with short as (
  select m, email, joined from att where left_ - joined < {MINUTE // 2} and email is not null
), counted as (
  select *, count(*) over w as joins, min(joined) over w as first_ from short
  window w as (partition by m, email order by joined range between {10 * MINUTE - 1} preceding and current row)
), hits as (
  select *, joined - lag(joined) over (partition by m, email order by joined) as since from counted where joins >= 4
), bursts as (
  select *, sum(case when since < {10 * MINUTE} then 0 else 1 end) over (
    partition by m, email order by joined rows unbounded preceding) as burst
  from hits
)
select any_value(meeting_id), email, make_timestamp(min(first_)) from bursts join mt using (m) group by m, email, burst
"""

HOSTLESS = f"""
with counted as (
  select m, bool_or(host) as hosted, count(*) as n, max(left_) - min(joined) as lasted from att group by m
), lone as (
  select m from counted join mt using (m)
  where not hosted and n > 1 and coalesce(length, lasted) >= {2 * MINUTE}
)
select any_value(site_url), any_value(meeting_id) from att join lone using (m) join mt using (m)
group by m having count(distinct coalesce(email, name)) >= 2
"""

WITHOUT_HOST = f"""
with hosts as (
  select m, min(joined) filter (where host) as host_in, max(left_) filter (where host) as host_out,
    min(joined) as first_, max(left_) as last_
  from att group by m
), doubtful as (
  select m, host_in, host_out from hosts
  where host_in is null or host_in - first_ > {5 * MINUTE} or last_ - host_out > {5 * MINUTE}
)
select distinct meeting_id, email, name from att join doubtful using (m) join mt using (m)
where not host and (host_in - joined > {5 * MINUTE} or left_ - host_out > {5 * MINUTE} or host_in is null)
"""

ALONE = f"""
with ours as (
  select m, max(left_) filter (where internal) as last_internal, max(left_) filter (where not internal) as last_guest
  from att group by m
), doubtful as (select m, last_internal from ours where last_guest - last_internal > {5 * MINUTE})
select any_value(site_url), any_value(meeting_id) from att join doubtful using (m) join mt using (m)
where not internal and left_ - last_internal > {5 * MINUTE} group by m having count(distinct email) >= 2
"""

SHARED = f"""
with screened as materialized (
  select m, hash(ip) as i from att where ip is not null and email is not null and not starts_with(ip, '253.0.')
  group by m, i having min(hash(email)) <> max(hash(email))
), kept as materialized (
  select m, ip, email, joined, left_
  from (select *, hash(ip) as i from att where email is not null) join screened using (m, i)
  where not regexp_matches(ip, '{PRIVATE}')
)
select distinct meeting_id, a.ip, a.email, b.email from kept a join kept b using (m, ip) join mt using (m)
where a.email < b.email and least(a.left_, b.left_) - greatest(a.joined, b.joined) >= {2 * MINUTE}
"""

WEEKLY = f"""
with weekly as (
  select distinct email, ((joined - {{start}}) // {WEEK})::int as week, m from att where email is not null
), counted as (
  select email, [{{columns}}] as every, min(week) as begin_ from weekly group by email having begin_ <= {{weeks}} - 7
), judged as (
  select email, i, every[i] as value, every[greatest(begin_ + 1, i - 12):i - 1] as history
  from (select *, unnest(range(begin_ + 7, {{weeks}} + 1)) as i from counted)
), apart as (
  select *, list_median(history) as center from judged where abs(value - list_median(history)) > 3.5
)
select email, make_timestamp({{start}} + (i - 1) * {WEEK}) from apart
where abs(value - center) > 3.5 * greatest(1, 1.4826 * list_median(list_transform(history, lambda x: abs(x - center))))
"""

TRIES = f"""
with short as (
  select ip, m, joined, host_email from att join mt using (m)
  where ip is not null and not host and left_ - joined < {2 * MINUTE} and not starts_with(ip, '253.0.')
), many as (
  select * from short where ip in (select ip from short group by ip having count(distinct m) >= 5)
), counted as (
  select ip, joined, count(distinct m) over w as meetings, count(distinct host_email) over w as hosts,
    min(joined) over w as first_
  from many window w as (partition by ip order by joined range between {DAY - 1} preceding and current row)
), hits as (
  select *, joined - lag(joined) over (partition by ip order by joined) as since from counted
  where meetings >= 5 and hosts >= 4
), bursts as (
  select *, sum(case when since < {DAY} then 0 else 1 end) over (
    partition by ip order by joined rows unbounded preceding) as burst
  from hits
)
select ip, make_timestamp(min(first_)) from bursts group by ip, burst
"""

TWO_PLACES = f"""
with seen as (
  select hash(email) as h, joined, left_, rowid as r from att where email is not null and ip is not null
), late as materialized (
  select h, joined, left_, r from seen qualify joined <= max(left_) over (
    partition by h order by joined rows between unbounded preceding and 1 preceding) - {MINUTE}
), places as (
  select l.r as lr, o.r as other from late l join seen o using (h)
  where o.joined <= l.joined and least(o.left_, l.left_) - l.joined >= {MINUTE} and l.r <> o.r
), met as (
  select l.email, l.m as lm, l.ip as lip, l.agent as lagent, o.m as om, o.ip as oip, o.agent as oagent
  from places join att l on l.rowid = lr join att o on o.rowid = other where l.email = o.email and l.ip <> o.ip
), placed as (
  select *, {{lip}} as lnet, {{oip}} as onet from met
  where lm <> om or lower(trim(split_part(lagent, ',', 1))) <> lower(trim(split_part(oagent, ',', 1)))
)
select distinct email, x.meeting_id, y.meeting_id, least(lnet, onet), greatest(lnet, onet) from placed
join mt x on x.m = case when lnet < onet then lm else om end
join mt y on y.m = case when lnet < onet then om else lm end
where lnet <> onet
"""

TELEPHONES = f"""
with phones as (
  select m, meeting_id, participant_id, epoch_us(joined_time) as joined, epoch_us(left_time) as left_
  from read_parquet({{devices}}) join mt using (meeting_id)
  where audio_type = 'pstn' and email is null and epoch_us(left_time) - epoch_us(joined_time) >= {MINUTE}
)
select distinct meeting_id, participant_id, make_timestamp(joined) from phones p anti join att a
  on p.m = a.m and a.email is not null and abs(a.joined - p.joined) <= {90 * MINUTE // 60}
  and abs(a.left_ - p.left_) <= {90 * MINUTE // 60}
"""

GROUPED = {
    "ATT-003": STAYS, "ATT-007": BURST, "HST-003": HOSTLESS, "HST-005": WITHOUT_HOST, "HST-006": ALONE,
    "IDN-002": SHARED, "ANM-009": WEEKLY, "ENU-002": TRIES, "IDN-006": TWO_PLACES, "CHN-002": TELEPHONES,
}  # fmt: skip


def judged(task: Task) -> Found:
    """The keys of every hit by rule."""
    weeks = (task.end - task.start) // WEEK
    words = {
        **{table: str(files) for table, files in task.files.items()},
        "start": str(task.start),
        "weeks": str(weeks),
        "columns": ", ".join(f"count(*) filter (where week = {week})" for week in range(weeks)),
        "lip": _network("lip"),
        "oip": _network("oip"),
    }
    connection = duckdb.connect()
    spent = _Spent(told=bool(os.environ.get("TOLD")))
    connection.execute("set timezone = 'UTC'; set enable_progress_bar = false; set preserve_insertion_order = false")
    for name, text in (
        ("meetings", MEETINGS),
        ("rows", ROWS),
        ("titles", TITLES),
        ("agents", AGENTS),
        ("names", NAMES),
    ):
        connection.execute(_filled(text, words))
        spent.on(name)
    connection.execute(_masks())
    spent.on("masks")
    found: dict[str, list[tuple[object, ...]]] = {}
    for rule, (_, keys) in BY_ROW.items():
        query = f"select {keys} from hit join mt using (m) where {_mask(rule)}"
        found[rule] = connection.execute(query).fetchall()
    spent.on("keys of rows")
    for rule, text in GROUPED.items():
        found[rule] = connection.execute(_filled(text, words)).fetchall()
        spent.on(rule)
    return found


def _masks() -> str:
    """The rows that any rule on single rows hits, with a flag a rule."""
    flags = ", ".join(f"{condition} as {_mask(rule)}" for rule, (condition, _) in BY_ROW.items())
    masks = [_mask(rule) for rule in BY_ROW]
    return f"""
    create temp table hit as
    select m, email, name, joined, agent, {", ".join(masks)}
    from (
      select *, {flags}
      from att join titles using (title) join names using (name) left join agents using (agent) left join mt using (m)
    ) where {" or ".join(masks)}
    """


def _mask(rule: str) -> str:
    return rule.lower().replace("-", "_")


def _network(ip: str) -> str:
    """The /24 of an IPv4 address, the /48 of an IPv6 one as these files write them."""
    return (
        f"case when contains({ip}, ':') then array_to_string(split({ip}, ':')[:3], ':') || '::/48'"
        f" else array_to_string(split({ip}, '.')[:3], '.') || '.0/24' end"
    )


def _filled(text: str, words: dict[str, str]) -> str:
    for name, value in words.items():
        text = text.replace("{" + name + "}", value)
    return text


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


if __name__ == "__main__":
    contest(judged)
