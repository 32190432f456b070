"""Faults of single values: other types, hostile text, unknown fields, times of another shape."""

from __future__ import annotations

import json
from collections.abc import Callable
from zoneinfo import ZoneInfo

from auditor.simulator.faults.kind import ALWAYS, Kind, Strike, records
from auditor.simulator.times import UNKNOWN_TIME, in_zone, moment
from auditor.simulator.wire import Answer, Json, Record

TIMES = ("joinedTime", "leftTime", "start", "end", "meetingStartTime")


def items_of(answer: Answer) -> list[Record] | None:
    """The records of a good answer; None when there are none to change."""
    if answer.status != 200:
        return None
    try:
        body = json.loads(answer.body)
    except ValueError:
        return None  # another fault struck first
    items = body.get("items") if isinstance(body, dict) else None
    return items if isinstance(items, list) and items else None


def with_items(answer: Answer, items: list[Record]) -> Answer:
    """The answer with other records; escapes keep lone surrogates and NaN as they are."""
    return Answer(200, json.dumps({"items": items}, separators=(",", ":")).encode(), answer.headers)


def _every(change: Callable[[Strike, Record], Record]) -> Callable[[Strike], Answer | None]:
    """Strikes at every record of an answer."""

    def strike_at(strike: Strike) -> Answer | None:
        answer = strike.clean()
        items = items_of(answer)
        return None if items is None else with_items(answer, [change(strike, item) for item in items])

    return strike_at


def _one(change: Callable[[Strike, Record], Record]) -> Callable[[Strike], Answer | None]:
    """Strikes at one record of an answer, the one the seed chooses."""

    def strike_at(strike: Strike) -> Answer | None:
        answer = strike.clean()
        items = items_of(answer)
        if items is None:
            return None
        index = strike.seed % len(items)
        items[index] = change(strike, items[index])
        return with_items(answer, items)

    return strike_at


def _loosely_typed(strike: Strike, record: Record) -> Record:
    """Numbers as text or with a fraction of nothing, flags and numbers as text: nothing is lost."""
    del strike
    return {name: _loose(name, value) for name, value in record.items()}


def _loose(name: str, value: Json) -> Json:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value) if name == "duration" else float(value)
    if name == "meetingNumber" and isinstance(value, str) and value.isdigit():
        return int(value)
    return value


def _set(name: str, value: Json) -> Callable[[Strike, Record], Record]:
    return lambda _, record: {**record, name: value}


def _number(value: Json) -> Callable[[Strike, Record], Record]:
    """The record with its first number replaced."""

    def change(strike: Strike, record: Record) -> Record:
        del strike
        numbers = [name for name, old in record.items() if isinstance(old, int) and not isinstance(old, bool)]
        return {**record, (numbers[0] if numbers else "duration"): value}

    return change


def _in_other_zone(strike: Strike, record: Record) -> Record:
    return in_zone(record, TIMES, zone=ZoneInfo(strike.value))


def _without_offset(strike: Strike, record: Record) -> Record:
    del strike
    plain = in_zone(record, TIMES, zone=ZoneInfo("UTC"))
    return {
        name: value.removesuffix("+00:00") if name in TIMES and isinstance(value, str) and moment(value) else value
        for name, value in plain.items()
    }


VALUES = (
    Kind("types-lossless", "numbers as text, flags as text, text as numbers", _every(_loosely_typed), records,
         times=ALWAYS),
    Kind("types-broken", "an object where text belongs, in one record", _one(_set("displayName", {"first": "A"})),
         records),
    Kind("types-broken-time", "text that is no time, in one record", _one(_set("joinedTime", "soon")), records),
    Kind("value-nan", "NaN in one record", _one(_number(float("nan"))), records),
    Kind("value-huge", "a number of 400 digits in one record", _one(_number(10**399)), records),
    Kind("value-nul", "a NUL byte in one name", _one(_set("displayName", "Nul\x00Name")), records),
    Kind("value-surrogate", "a lone surrogate in one name", _one(_set("displayName", "Half \ud83d")), records),
    Kind("value-megabyte", "one name of a million letters", _one(_set("displayName", "n" * 1_000_000)), records),
    Kind("fields-unknown", "every record has a field nobody knows", _every(_set("novelty", {"deep": [1, None]})),
         records, times=ALWAYS),
    Kind("values-changed", "every record has another company", _every(_set("company", "Changed AS")), records,
         times=ALWAYS),
    Kind("times-zone", "times in a zone nobody asked for", _every(_in_other_zone), records, times=ALWAYS,
         value="Europe/Berlin"),
    Kind("times-naive", "times without offset", _every(_without_offset), records, times=ALWAYS),
    Kind("times-unknown", "every left time is 1970", _every(_set("leftTime", UNKNOWN_TIME)), records, times=ALWAYS),
)  # fmt: skip
