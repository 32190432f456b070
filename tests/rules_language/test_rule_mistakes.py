# ruff: noqa: E501 - a table reads best with one row a line
"""Every mistake a rule file can hold beyond its expressions, at its exact place."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from auditor.documents import plain, read
from auditor.errors import RuleError
from auditor.rules.reading.load import load_rules, rules_of

Problems = Callable[[str | bytes], list[str]]
Rule = Callable[..., str]

HEAD_LINES = 5
WORKED = (Path(__file__).parent.parent / "data" / "worked_rules.yaml").read_text(encoding="utf-8").split("---\n")


def paths(value: Any, so_far: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, held in inside:
        yield (*so_far, key)
        yield from paths(held, (*so_far, key))


def without(value: Any, path: tuple[str | int, ...]) -> Any:
    """The value with null at the path."""
    if not path:
        return None
    copy = value.copy()
    copy[path[0]] = without(copy[path[0]], path[1:])
    return copy


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("schema: 2", "1:9: schema 2 is not known; this version reads 1"),
        ("schema: one", "1:9: expected integer, got text"),
        ("id: acc-1", "2:5: a rule id is 2 to 5 capital letters, a hyphen and three digits, as in ACC-001"),
        ("id: 7", "2:5: expected text, got integer"),
        ("name: Ab", "3:7: a rule name is 3 to 60 small letters, digits and hyphens, as in short-attendance"),
        ("title: Too few", "4:8: a title has 8 to 100 characters, not 7"),
        ("title: Everything is well.", "4:8: a title has no final stop"),
        ('title: "Everything\\nis well"', "4:8: a title is one line"),
        ("severity: hgh", "5:11: severity must be one of critical, high, medium, low, info"),
        ("severity: 1", "5:11: severity must be one of critical, high, medium, low, info"),
    ],
)
def test_the_head_of_a_rule_is_checked(line: str, told: str, problems: Problems, rule: Rule) -> None:
    key = line.partition(":")[0]
    text = "\n".join(line if old.startswith(f"{key}:") else old for old in rule().splitlines())
    assert problems(text) == [told]


@pytest.mark.parametrize("key", ["schema", "id", "name", "title", "severity", "detect", "finding"])
def test_a_missing_key_is_named(key: str, problems: Problems, rule: Rule) -> None:
    text = "\n".join(line for line in rule().splitlines() if not line.startswith(f"{key}:"))
    assert problems(text) == [f"1:1: missing key '{key}'"]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("severty: low", "8:1: unknown key 'severty'; did you mean 'severity'?"),
        ("severity: low", "8:1: duplicate key 'severity' (first on line 5)"),
        ("status: wild", "8:9: status must be one of stable, test, experimental, deprecated, disabled"),
        ("confidence: sure", "8:13: confidence must be one of high, medium, low"),
        ("version: 0", "8:10: value 0 is outside 1.."),
        ("version: 1.5", "8:10: expected integer, got number"),
        ("version: true", "8:10: expected integer, got boolean"),
        ("description: [a]", "8:14: expected text, got list"),
        ("description:", "8:13: expected text, got null"),
        ("tags: a", "8:7: expected list, got text"),
        ("tags: [a, B]", "8:11: a tag is small letters, digits and hyphens"),
        ("tags: [a, 1]", "8:11: expected text, got integer"),
        ("created: 2026-13-01", "8:10: expected date, got text; write 2026-01-05"),
        ("created: 05.01.2026", "8:10: expected date, got text; write 2026-01-05"),
        ("replaced_by: ACC-001", "8:1: replaced_by belongs to deprecated rules"),
        ("controls: [a]", "8:11: expected map, got list"),
        ("controls: {soc2: CC1}", "8:18: expected list, got text"),
        ("nulls: maybe", "8:8: nulls must be one of unknown, pass, fail"),
        ("requires: {tables: [attendee]}", "8:21: tables must be one of attendees, participants, devices, breakouts, meetings, collections, people, invitees, sign_ins, admin_changes, settings, recordings, recording_access"),
        ("requires: {columns: [email]}", "8:22: expected table.column, got 'email'"),
        ("params: {n: {type: number, default: 1e400, description: d}}", "8:37: number 1e400 is too large"),
        ("params: {n: {type: number, default: 1, min: -1e400, description: d}}", "8:45: number -1e400 is too large"),
        ("tests: [{name: a, given: {attendees: [{meeting_id: 1e400}]}, expect: 0}]", "8:52: number 1e400 is too large"),
        ("requires: {columns: [devices.emial]}", "8:22: unknown column 'emial'; did you mean 'email'?"),
        ("requires: {columns: [device.email]}", "8:22: unknown table 'device'"),
        ("params: {A: {type: integer, default: 1, description: d}}", "8:10: a name is small letters, digits and _, as in min_overlap"),
        ("params: {a: {default: 1, description: d}}", "8:13: missing key 'type'"),
        ("params: {a: {type: integer, description: d}}", "8:13: missing key 'default'"),
        ("params: {a: {type: integer, default: 1}}", "8:13: missing key 'description'"),
        ("params: {a: {type: int, default: 1, description: d}}", "8:20: type must be one of integer, number, duration, string, boolean, enum, list, regex, datetime"),
        ("params: {a: {type: integer, default: 1.5, description: d}}", "8:38: expected integer, got number"),
        ("params: {a: {type: integer, default: true, description: d}}", "8:38: expected integer, got boolean"),
        ("params: {a: {type: number, default: x, description: d}}", "8:37: expected number, got text"),
        ("params: {a: {type: duration, default: ten, description: d}}", "8:39: expected duration, got text; write 90s or 1h30m"),
        ("params: {a: {type: duration, default: 30m1h, description: d}}", "8:39: expected duration, got text; write 90s or 1h30m"),
        ("params: {a: {type: duration, default: 5, description: d}}", "8:39: expected duration, got integer; write 90s or 1h30m"),
        ("params: {a: {type: datetime, default: soon, description: d}}", "8:39: expected datetime, got text; write 2026-01-05T10:00Z"),
        ("params: {a: {type: string, default: 1, description: d}}", "8:37: expected text, got integer"),
        ("params: {a: {type: boolean, default: yes, description: d}}", "8:38: expected boolean, got text"),
        ("params: {a: {type: list, default: x, description: d}}", "8:35: expected list, got text"),
        ("params: {a: {type: list, default: [x, null], description: d}}", "8:39: expected text, got null"),
        ("params: {a: {type: list, default: [x, ' '], description: d}}", "8:39: an item of a list cannot be empty"),
        ("params: {a: {type: regex, default: '(', description: d}}", "8:36: invalid regular expression: unclosed group"),
        ("params: {a: {type: regex, default: '(a{1000}){1000}', description: d}}", "8:36: regular expression too large"),
        ("params: {a: {type: enum, default: x, description: d}}", "8:13: missing key 'values'"),
        ("params: {a: {type: enum, default: x, values: [a], description: d}}", "8:46: values needs at least 2 items"),
        ("params: {a: {type: enum, default: x, values: [a, b], description: d}}", "8:35: a must be one of a, b"),
        ("params: {a: {type: integer, default: 1, values: [a, b], description: d}}", "8:41: values belong to an enum, not to type integer"),
        ("params: {a: {type: integer, default: 1, min: 2, description: d}}", "8:38: value 1 is outside 2.."),
        ("params: {a: {type: integer, default: 9, min: 2, max: 5, description: d}}", "8:38: value 9 is outside 2..5"),
        ("params: {a: {type: duration, default: 9m, max: 5m, description: d}}", "8:39: value 9m is outside ..5m"),
        ("params: {a: {type: string, default: abc, max: 2, description: d}}", "8:37: value of length 3 is outside 0..2"),
        ("params: {a: {type: list, default: [a, b], max: 1, description: d}}", "8:35: value of length 2 is outside 0..1"),
        ("params: {a: {type: integer, default: 1, min: x, description: d}}", "8:46: expected integer, got text"),
        ("params: {a: {type: integer, default: 1, min: 3, max: 2, description: d}}", None),
        ("params: {a: {type: boolean, default: true, min: 1, description: d}}", "8:44: type boolean takes no min"),
        ("params: {a: {type: integer, default: 1, description: d, unit: s}}", "8:57: unknown key 'unit'"),
        ("lists: {x: [a]}", "8:12: expected map, got list"),
        ("lists: {x: {default: [1]}}", "8:23: expected text, got integer"),
        ("lists: {x: {default: ['']}}", "8:23: an item of a list cannot be empty"),
        ("severity_when: [{if: invited}]", "8:17: missing key 'severity'"),
        ("severity_when: [{if: email, severity: high}]", "8:22: condition must be true or false, got text"),
        ("severity_when: [{if: invited, severity: big}]", "8:41: severity must be one of critical, high, medium, low, info"),
        ("tests: [{given: {}, expect: 0}]", "8:9: missing key 'name'"),
        ("tests: [{name: a, expect: 0}]", "8:9: missing key 'given'"),
        ("tests: [{name: a, given: {}}]", "8:9: a test has one of expect and expect_error"),
        ("tests: [{name: a, given: {}, expect: 0, expect_error: x}]", "8:9: a test has one of expect and expect_error"),
        ("tests: [{name: a, given: {}, expect: 0}, {name: a, given: {}, expect: 0}]", "8:49: test 'a' is named twice"),
        ("tests: [{name: a, given: {}, expect: some}]", "8:38: expected number of findings or list, got text"),
        ("tests: [{name: a, given: {}, expect: null}]", "8:38: expected number of findings or list, got null"),
        ("tests: [{name: a, given: {}, expect: [1]}]", "8:39: expected map, got integer"),
        ("tests: [{name: a, given: {}, expect: [{emial: x}]}]", "8:40: unknown column 'emial'; did you mean 'email'?"),
        ("tests: [{name: a, given: {}, expect: [{invited: x}]}]", "8:49: expected boolean, got text"),
        ("tests: [{name: a, given: {}, expect: [{severity: bad}]}]", "8:50: severity must be one of critical, high, medium, low, info"),
        ("tests: [{name: a, given: {}, expect: 0, verdict: ok}]", "8:50: verdict must be one of pass, fail, not_evaluated"),
        ("tests: [{name: a, given: {}, expect: 0, not_evaluable: -1}]", "8:56: value -1 is outside 0.."),
        ("tests: [{name: a, given: {}, expect: 0, now: soon}]", "8:46: expected datetime, got text; write 2026-01-05 10:00"),
        ("tests: [{name: a, given: {}, expect: 0, window: {from: 2026-01-02, to: 2026-01-01}}]", "8:49: a window ends after it starts"),
        ("tests: [{name: a, given: {}, expect: 0, params: {x: 1}}]", "8:53: unknown parameter 'x'"),
        ("tests: [{name: a, given: {}, expect: 0, lists: {vips: [a]}}]", "8:49: unknown list 'vips'"),
        ("tests: [{name: a, given: {attendee: []}, expect: 0}]", "8:27: unknown table 'attendee'; did you mean 'attendees'?"),
        ("tests: [{name: a, given: {attendees: {}}, expect: 0}]", "8:38: expected list, got map"),
        ("tests: [{name: a, given: {attendees: [x]}, expect: 0}]", "8:39: expected map, got text"),
        ("tests: [{name: a, given: {attendees: [{emial: x}]}, expect: 0}]", "8:40: unknown column 'emial'; did you mean 'email'?"),
        ("tests: [{name: a, given: {attendees: [{invited: 1}]}, expect: 0}]", "8:49: expected boolean, got integer"),
        ("tests: [{name: a, given: {attendees: [{duration: 5}]}, expect: 0}]", "8:50: expected duration, got integer; write 90s or 1h30m"),
        ("tests: [{name: a, given: {attendees: [{joined_time: noon}]}, expect: 0}]", "8:53: expected datetime, got text; write 2026-01-05 10:00"),
        ("tests: [{name: a, given: {attendees: [{repeat: 0}]}, expect: 0}]", "8:48: value 0 is outside 1..1000"),
        ("tests: [{name: a, given: {attendees: [{repeat: 1001}]}, expect: 0}]", "8:48: value 1001 is outside 1..1000"),
        ("tests: [{name: a, given: {attendees: [{repeat: 2, every: x}]}, expect: 0}]", "8:58: expected duration, got text; write 90s or 1h30m"),
        ("tests: [{name: a, given: {attendees: [" + "{repeat: 1000}, " * 21 + "]}, expect: 0}]", "8:26: more than 20,000 rows in a test"),
    ],
)  # fmt: skip
def test_a_further_line_is_checked(line: str, told: str | None, problems: Problems, rule: Rule) -> None:
    if told is None:
        assert len(problems(rule(more=line))) == 2
    else:
        assert problems(rule(more=line)) == [told]


STAGES = "group, pairs, match, sequence, baseline, detector, python"


@pytest.mark.parametrize(
    ("detect", "told"),
    [
        ("{from: attendees}", f"6:9: detect needs where, or one of {STAGES}"),
        ("{from: attendees, where: null}", f"6:9: detect needs where, or one of {STAGES}"),
        ("{from: attendees, where: null, group: {by: [email], aggregate: {c: count()}, having: c > 1}}", "6:34: expected condition, got null"),
        ("{from: attendees, where: null, match: {with: devices, same: [email]}}", "6:34: expected condition, got null"),
        ("{from: attendees, where: invited, group: null}", "6:50: expected map, got null"),
        ("{from: attendees, where: invited, detector: null}", "6:53: expected map, got null"),
        ("{from: attendees, where: invited, python: null}", "6:51: expected text, got null"),
        ("{from: attendees, where: invited, derive: {x: {expr: min(joined_time), over: [email], where: null}}}", "6:102: expected condition, got null"),
        ("{from: attendees, pairs: {same: [email], where: null}}", "6:57: expected condition, got null"),
        ("{from: attendees, pairs: {same: [email], different: null}}", "6:61: expected list, got null"),
        ("{from: attendees, pairs: {same: [email], overlap: null}}", "6:59: expected duration, got null"),
        ("{from: attendees, pairs: {same: [email], within: null}}", "6:58: expected duration, got null"),
        ("{from: attendees, match: {with: devices, same: [email], where: null}}", "6:72: expected condition, got null"),
        ("{from: attendees, sequence: {by: [email], within: 5m, steps: [{name: one, where: invited}], where: null}}", "6:108: expected condition, got null"),
        ("{from: attendees, sequence: {by: [email], within: 5m, steps: [{name: one, where: invited}], absent: null}}", "6:109: expected list, got null"),
        ("{from: attendees, group: {by: [email], window: null, aggregate: {c: count()}, having: c > 1}}", "6:56: expected map, got null"),
        ("{from: attendees, baseline: {entity: [email], period: 1w, value: count(), having: null}}", "6:91: expected condition, got null"),
        ("{from: attendees, baseline: {entity: [email], period: 1w, value: email, method: first_seen, having: null}}", "6:109: expected condition, got null"),
        ("{where: invited}", "6:9: missing key 'from'"),
        ("{from: attendee, where: invited}", "6:16: from must be one of attendees, participants, devices, breakouts, meetings, collections, people, invitees, sign_ins, admin_changes, settings, recordings, recording_access"),
        ("{from: attendees, where: duraton > 1}", "6:34: unknown column 'duraton'; did you mean 'duration'?"),
        ("{from: attendees, where: email}", "6:34: condition must be true or false, got text"),
        ("{from: attendees, where: [invited]}", "6:34: expected condition, got list; write all, any or none before it"),
        ("{from: attendees, where: {}}", "6:34: missing key 'all', 'any' or 'none'"),
        ("{from: attendees, where: {al: [invited]}}", "6:35: unknown key 'al'; did you mean 'all'?"),
        ("{from: attendees, where: {all: []}}", "6:40: all needs at least one condition"),
        ("{from: attendees, where: {all: invited}}", "6:40: expected list, got text"),
        ("{from: attendees, where: {all: [null]}}", "6:41: expected condition, got null"),
        ("{from: attendees, where: {all: [1]}}", "6:41: condition must be true or false, got integer"),
        ('{from: attendees, where: "emial == \'a\'"}', "6:35: unknown column 'emial'; did you mean 'email'?"),
        ("{from: attendees, where: invited, derive: {email: lower(email)}}", "6:52: 'email' cannot be used as a name; it is a column of attendees"),
        ("{from: attendees, where: invited, derive: {page: email}}", "6:52: 'page' cannot be used as a name; it is a column of attendees"),
        ("{from: attendees, where: invited, derive: {item: duration}}", "6:52: 'item' cannot be used as a name; it is a column of attendees"),
        ("{from: attendees, group: {by: [email], aggregate: {page: count()}, having: rows > 1}}", "6:60: 'page' cannot be used as a name; it is a column of attendees"),
        ("{from: attendees, where: invited, derive: {lower: email}}", "6:52: 'lower' cannot be used as a name; it is a function"),
        ("{from: attendees, where: invited, derive: {rows: email}}", "6:52: 'rows' cannot be used as a name; the language uses it"),
        ("{from: attendees, where: invited, derive: {x__y: email}}", "6:52: 'x__y' is no name; use letters, digits and single _"),
        ("{from: attendees, where: invited, derive: {class: email}}", "6:52: 'class' cannot be used as a name; the language uses it"),
        ("{from: attendees, where: invited, derive: {x: late, late: email}}", "6:55: unknown column 'late'; did you mean 'state'?"),
        ("{from: attendees, where: x, derive: {x: emial}}", "6:49: unknown column 'emial'; did you mean 'email'?"),
        ("{from: attendees, where: invited, derive: {x: null}}", "6:55: expected expression, got null"),
        ("{from: attendees, where: invited, derive: {x: min(joined_time)}}", "6:55: aggregate 'min' is not allowed here"),
        ("{from: attendees, where: invited, derive: {x: {expr: min(joined_time)}}}", "6:55: missing key 'over'"),
        ("{from: attendees, where: invited, derive: {x: {expr: null, over: [email]}}}", "6:62: expected expression, got null"),
        ("{from: attendees, where: invited, derive: {x: {expr: min(joined_time), over: []}}}", "6:86: over needs at least 1 item"),
        ("{from: attendees, where: invited, derive: {x: {expr: 'min(joined_time) + 1 * hours', over: [email]}}}", "6:63: expr with over is one aggregate, as in min(joined_time)"),
        ("{from: attendees, where: invited, derive: {x: {expr: count(), over: [email], were: invited}}}", "6:86: unknown key 'were'; did you mean 'where'?"),
        ("{from: attendees, group: {by: [email], aggregate: {n: count()}, having: n > 1}, match: {with: devices, same: [email]}}", f"6:89: only one of {STAGES}"),
        ("{from: attendees, group: {by: [email], having: rows > 1}}", "6:34: missing key 'aggregate'"),
        ("{from: attendees, group: {by: [email], aggregate: {c: count()}}}", "6:34: missing key 'having'"),
        ("{from: attendees, group: {by: [email], aggregate: {c: count()}, having: null}}", "6:81: expected condition, got null"),
        ("{from: attendees, group: {by: [], aggregate: {c: count()}, having: c > 1}}", "6:39: by needs at least 1 item"),
        ("{from: attendees, group: {by: [emial], aggregate: {c: count()}, having: c > 1}}", "6:40: unknown column 'emial'; did you mean 'email'?"),
        ("{from: attendees, group: {by: [email, email], aggregate: {c: count()}, having: c > 1}}", "6:47: 'email' is listed twice"),
        ("{from: attendees, group: {by: [email], aggregate: {count: count()}, having: rows > 1}}", "6:60: 'count' cannot be used as a name; it is a function"),
        ("{from: attendees, group: {by: [email], aggregate: {c: email}, having: c is None}}", "6:63: column 'email' must stand inside an aggregate, as in first(email)"),
        ("{from: attendees, group: {by: [email], aggregate: {c: count()}, having: display_name is None}}", "6:81: unknown column 'display_name' in attendees after group"),
        ("{from: attendees, group: {by: [email], aggregate: {c: count()}, having: count() > 1}}", "6:81: aggregate 'count' is not allowed here"),
        ("{from: attendees, group: {by: [email], window: {}, aggregate: {c: count()}, having: c > 1}}", "6:56: a window has exactly one of rolling, tumbling, session_gap"),
        ("{from: attendees, group: {by: [email], window: {rolling: 1h, tumbling: 1h}, aggregate: {c: count()}, having: c > 1}}", "6:70: a window has exactly one of rolling, tumbling, session_gap"),
        ("{from: attendees, group: {by: [email], window: {rolling: 0s}, aggregate: {c: count()}, having: c > 1}}", "6:66: a window must be longer than 0s"),
        ("{from: attendees, group: {by: [email], window: {rolling: 5}, aggregate: {c: count()}, having: c > 1}}", "6:66: expected duration, got integer; write 90s, 1h30m or param.NAME"),
        ("{from: attendees, group: {by: [email], window: {tumbling: 7h}, aggregate: {c: count()}, having: c > 1}}", "6:67: a tumbling window divides a day or is whole days"),
        ("{from: attendees, group: {by: [email], window: {rolling: param.x}, aggregate: {c: count()}, having: c > 1}}", "6:66: unknown parameter 'x'"),
        ("{from: attendees, group: {by: [email], window: {tumbling: 1d, zone: Mars}, aggregate: {c: count()}, having: c > 1}}", "6:77: 'Mars' is not a time zone; write UTC or Europe/Oslo"),
        ("{from: attendees, group: {by: [email], window: {rolling: 1d, zone: UTC}, aggregate: {c: count()}, having: c > 1}}", "6:70: zone belongs to tumbling, not to rolling"),
        ("{from: attendees, group: {by: [email], window: {rolling: 1d, time: email}, aggregate: {c: count()}, having: c > 1}}", "6:76: expected datetime column, got text"),
        ("{from: attendees, pairs: {different: [email]}}", "6:34: missing key 'same'"),
        ("{from: attendees, pairs: {same: [meeting_id], overlap: soon}}", "6:64: expected duration, got text; write 90s, 1h30m or param.NAME"),
        ("{from: attendees, pairs: {same: [meeting_id], where: email != a.email}}", "6:62: unknown column 'email'; did you mean 'b.email'?"),
        ("{from: attendees, pairs: {same: [meeting_id], where: a.email != b.emial}}", "6:73: unknown column 'b.emial'; did you mean 'b.email'?"),
        ("{from: attendees, pairs: {same: [meeting.tracking_codes]}}", "6:42: 'meeting.tracking_codes' is a list; it cannot be compared here"),
        ("{from: attendees, match: {same: [email]}}", "6:34: missing key 'with'"),
        ("{from: attendees, match: {with: devices}}", "6:34: missing key 'same'"),
        ("{from: attendees, match: {with: devices, same: [ip_address]}}", "6:57: unknown column 'ip_address' in devices"),
        ("{from: attendees, match: {with: devices, same: [{a: email, c: email}]}}", "6:57: expected a column or {a: column, b: column}, got map"),
        ("{from: attendees, match: {with: devices, same: [{a: email, b: joined_time}]}}", "6:57: cannot compare text with datetime"),
        ("{from: attendees, match: {with: devices, same: [email], where: email is None}}", "6:72: unknown column 'email'; did you mean 'b.email'?"),
        ("{from: attendees, match: {with: devices, same: [email], absent: 1}}", "6:73: expected boolean, got integer"),
        ("{from: attendees, sequence: {by: [email], steps: [{name: one, where: invited}]}}", "6:37: missing key 'within'"),
        ("{from: attendees, sequence: {by: [email], within: null, steps: [{name: one, where: invited}]}}", "6:59: expected duration, got null"),
        ("{from: attendees, sequence: {by: [email], within: 5m, steps: [{name: one, where: null}]}}", "6:90: expected condition, got null"),
        ("{from: attendees, sequence: {by: [email], within: 5m, steps: []}}", "6:70: steps needs at least 1 item"),
        ("{from: attendees, sequence: {by: [email], within: 5m, steps: [{name: a, where: invited}]}}", "6:78: 'a' cannot be used as a name; the language uses it"),
        ("{from: attendees, sequence: {by: [email], within: 5m, steps: [{name: in1, where: invited}, {name: in1, where: invited}]}}", "6:107: step 'in1' is named twice"),
        ("{from: attendees, sequence: {by: [email], within: 5m, steps: [{name: one, where: invited}], where: two.email is None}}", "6:108: unknown step 'two'"),
        ("{from: attendees, sequence: {by: [email], within: 5m, steps: [{name: one, where: invited}], where: on.email is None}}", "6:108: unknown step 'on'; did you mean 'one'?"),
        ("{from: attendees, sequence: {by: [email], within: 5m, steps: [{name: one, where: invited, time: email}]}}", "6:105: expected datetime column, got text"),
        ("{from: attendees, baseline: {entity: [email], period: 1w, value: count(), fill: 1e400, having: score > 3}}", "6:89: number 1e400 is too large"),
        ("{from: attendees, baseline: {entity: [email], period: null, value: count(), having: score > 3}}", "6:63: expected duration, got null"),
        ("{from: attendees, baseline: {entity: [email], period: 1w, value: null, having: score > 3}}", "6:74: expected expression, got null"),
        ("{from: attendees, baseline: {entity: [email], period: 1w, value: count()}}", "6:37: missing key 'having'"),
        ("{from: attendees, baseline: {entity: [email], period: 1w, value: sum(duration), having: score > 3}}", "6:74: expected number, got duration; use to_minutes(…)"),
        ("{from: attendees, baseline: {entity: [email], period: 10d, value: count(), having: score > 3}}", None),
        ("{from: attendees, baseline: {entity: [email], period: 9h, value: count(), having: score > 3}}", "6:63: a tumbling window divides a day or is whole days"),
        ("{from: attendees, baseline: {entity: [email], period: 1w, value: count(), having: scor > 3}}", "6:91: unknown column 'scor'; did you mean 'score'?"),
        ("{from: attendees, baseline: {entity: [email], period: 1w, value: count(), having: score > 3, method: z}}", "6:110: method must be one of robust_z, iqr, first_seen, share"),
        ("{from: attendees, baseline: {entity: [email], period: 1w, value: count(), having: score > 3, history: 0}}", "6:111: value 0 is outside 1..10000"),
        ("{from: attendees, baseline: {entity: [email], period: 1w, value: count(), having: score > 3, history: 3}}", "6:111: min_history 6 is more than history 3"),
        ("{from: attendees, baseline: {entity: [email], period: 1w, value: count(), having: score > 3, fill: x}}", "6:108: expected number, got text"),
        ("{from: attendees, baseline: {entity: [email], period: 1w, value: ip_network, method: first_seen, fill: 0}}", "6:106: fill has no meaning with first_seen"),
        ("{from: attendees, baseline: {entity: [email], period: 1w, value: lower(email), method: first_seen}}", "6:74: unknown column 'lower(email)' in attendees"),
        ("{from: attendees, baseline: {entity: [email], period: 1w, value: count(), method: share, having: score > 1}}", "6:74: aggregate 'count' is not allowed here"),
        ("{from: attendees, detector: {entity: [email]}}", "6:37: missing key 'type'"),
        ("{from: attendees, detector: {type: magic}}", "6:44: type must be one of rarity, robust_zscore, burst, overlap, impossible_travel, fan_in, outlier, change_point"),
        ("{from: attendees, detector: {type: rarity, colums: [email]}}", "6:52: unknown key 'colums'; did you mean 'columns'?"),
        ("{from: attendees, detector: {type: rarity, columns: [emial]}}", "6:62: unknown column 'emial'; did you mean 'email'?"),
        ("{from: attendees, detector: {type: rarity, min_bits: many}}", "6:62: expected number, got text"),
        ("{from: attendees, detector: {type: robust_zscore, value: presence, direction: [up]}}", "6:87: expected text, got list"),
        ("{from: attendees, detector: {type: rarity, suppress: hand_off}}", "6:62: expected list, got text"),
        ("{from: attendees, detector: {type: rarity, min_bits: -1}}", "6:62: value -1 is outside 0..100"),
        ("{from: attendees, derive: {row: lower(email)}, detector: {type: overlap, entity: [row]}}", "6:91: 'row' is a name the detector gives; derive it under another"),
        ("{from: attendees, derive: {email_b: lower(email)}, detector: {type: overlap, entity: [email_b]}}", "6:95: 'email_b' is a name the detector gives; derive it under another"),
        ("{from: attendees, derive: {exit: lower(city)}, detector: {type: overlap, different: [exit]}}", "6:94: 'exit' is a name the detector gives; derive it under another"),
        ("{from: attendees, derive: {scale: to_hours(duration)}, detector: {type: robust_zscore, value: max(scale)}}", "6:107: 'scale' is a name the detector gives; derive it under another"),
        ("{from: attendees, derive: {value: lower(email)}, detector: {type: fan_in, distinct: value}}", None),
        ("{from: attendees, derive: {exit: lower(email)}, detector: {type: burst, entity: [exit]}}", None),
        ("{from: attendees, detector: {type: outlier, features: {score: count()}}}", "6:64: 'score' cannot be used as a name; the detector gives it"),
        ("{from: attendees, detector: {type: outlier, features: {email: count()}}}", "6:64: 'email' cannot be used as a name; the detector gives it"),
        ("{from: attendees, detector: {type: outlier, features: {_who: count()}}}", "6:64: '_who' is no name; use letters, digits and single _"),
        ("{from: attendees, detector: {type: rarity, suppress: [nothing]}}", "6:63: suppress must be one of remote_exit, known_network, listed_network, hand_off, companion, same_provider, reconnect"),
        ("{from: attendees, detector: {type: robust_zscore}}", "6:37: missing key 'value'"),
        ("{from: attendees, detector: {type: robust_zscore, value: email}}", "6:66: column 'email' must stand inside an aggregate, as in first(email)"),
        ("{from: attendees, detector: {type: outlier, features: {}}}", "6:63: expected map with at least one name, got map"),
        ("{from: attendees, detector: {type: rarity, prior_weight: 0}}", "6:66: value 0 is outside 0.001..1000"),
        ("{from: attendees, detector: {type: robust_zscore, value: presence, floor: 0}}", "6:83: value 0 is outside 0.0001..1000"),
        ("{from: attendees, detector: {type: change_point, value: count(), floor: 0}}", "6:81: value 0 is outside 0.0001..1000"),
        ("{from: attendees, detector: {type: burst, within: 0s}}", "6:59: a window must be longer than 0s"),
        ("{from: attendees, detector: {type: change_point, value: count(), period: 36h}}", "6:82: a tumbling window divides a day or is whole days"),
        ("{from: attendees, detector: {type: outlier, features: {a: count()}, period: 0s}}", "6:85: a window must be longer than 0s"),
        ("{from: attendees, detector: {type: burst, within: fast}}", "6:59: expected duration, got text; write 90s, 1h30m or param.NAME"),
        ("{from: attendees, detector: rarity}", "6:37: expected map, got text"),
        ("{from: attendees, python: my.module:find}", "6:35: python rules are not allowed here; the operator sets allow_python_rules"),
        ("{from: people, group: {by: [email], window: {rolling: 1h}, aggregate: {c: count()}, having: c > 1}}", "6:53: people has no time of its own; say time"),
        ("{from: people, pairs: {same: [email], overlap: 5m}}", "6:47: people has no time of its own; overlap needs one"),
    ],
)  # fmt: skip
def test_detect_is_checked(detect: str, told: str | None, problems: Problems, rule: Rule) -> None:
    finding = "finding: {subject: s, message: m, fingerprint: [email]}\n"
    if "pairs" in detect or "sequence" in detect or "detector" in detect:
        finding = "finding: {subject: s, message: m, fingerprint: [param.x]}\n"
        found = [line for line in problems(rule(detect, finding=finding)) if not line.startswith("7:")]
    else:
        found = problems(rule(detect, finding=finding))
    assert found == ([] if told is None else [told])


@pytest.mark.parametrize(
    ("finding", "told"),
    [
        ("{message: m, fingerprint: [email]}", "7:10: missing key 'subject'"),
        ("{subject: s, fingerprint: [email]}", "7:10: missing key 'message'"),
        ("{subject: s, message: m}", "7:10: missing key 'fingerprint'"),
        ("{subject: s, message: m, fingerprint: []}", "7:48: fingerprint needs at least 1 item"),
        ("{subject: s, message: m, fingerprint: [emial]}", "7:49: unknown column 'emial'; did you mean 'email'?"),
        ("{subject: s, message: m, fingerprint: [email, email]}", "7:56: 'email' is listed twice"),
        ("{subject: s, message: m, fingerprint: [email], limit: 0}", "7:64: value 0 is outside 1..10000000"),
        ("{subject: s, message: m, fingerprint: [email], limit: 10000001}", "7:64: value 10000001 is outside 1..10000000"),
        ("{subject: s, message: m, fingerprint: [email], evidence: [emial]}", "7:68: unknown column 'emial'; did you mean 'email'?"),
        ("{subject: s, message: m, fingerprint: [email], evidence: [email, email]}", "7:75: 'email' is listed twice"),
        ("{subject: s, message: m, fingerprint: [email], evidence: [1]}", "7:68: expected column or map, got integer"),
        ("{subject: s, message: m, fingerprint: [email], evidence: [{colum: email}]}", None),
        ("{subject: s, message: m, fingerprint: [email], evidence: [{column: email, redact: all}]}", "7:92: redact must be one of email, ip, name, text"),
        ("{subject: '', message: m, fingerprint: [email]}", "7:20: a template needs text"),
        ('{subject: "{emial}", message: m, fingerprint: [email]}', "7:21: unknown field '{emial}' in subject; did you mean 'email'?"),
        ('{subject: s, message: "to {emial}", fingerprint: [email]}', "7:36: unknown field '{emial}' in message; did you mean 'email'?"),
        ('{subject: s, message: "{param.x}", fingerprint: [email]}', "7:33: unknown field '{param.x}' in message"),
        ('{subject: s, message: "{email.upper}", fingerprint: [email]}', "7:33: unknown field '{email.upper}' in message; did you mean 'email'?"),
        ('{subject: s, message: "a {", fingerprint: [email]}', "7:35: '{' is not a field; write {name}, or {{ for a brace"),
        ('{subject: s, message: "a }", fingerprint: [email]}', "7:35: '}' is not a field; write {name}, or {{ for a brace"),
        ('{subject: s, message: "{}", fingerprint: [email]}', "7:33: '{}' is not a field; write {name}, or {{ for a brace"),
        ('{subject: s, message: "{0}", fingerprint: [email]}', "7:33: '{0}' is not a field; write {name}, or {{ for a brace"),
        ('{subject: s, message: "{email!r}", fingerprint: [email]}', "7:33: '{email!r}' is not a field; write {name}, or {{ for a brace"),
        ('{subject: s, message: "{email[0]}", fingerprint: [email]}', "7:33: '{email[0]}' is not a field; write {name}, or {{ for a brace"),
        ('{subject: s, message: "{lower(email)}", fingerprint: [email]}', "7:33: '{lower(email)}' is not a field; write {name}, or {{ for a brace"),
        ('{subject: s, message: "{email.__class__}", fingerprint: [email]}', "7:33: '{email.__class__}' is not a field; write {name}, or {{ for a brace"),
        ('{subject: s, message: "{email:>99999999}", fingerprint: [email]}', "7:33: spec '>99999999' does not fit text; it takes none"),
        ('{subject: s, message: "{duration:.2f}", fingerprint: [email]}', "7:33: spec '.2f' does not fit duration; it takes one of h m s"),
        ('{subject: s, message: "{joined_time:h}", fingerprint: [email]}', "7:33: spec 'h' does not fit datetime; it takes one of date minute time"),
        ("{subject: s, message: " + "x" * 301 + ", fingerprint: [email]}", "7:32: a message has at most 300 characters, not 301"),
    ],
)  # fmt: skip
def test_the_finding_is_checked(finding: str, told: str | None, problems: Problems, rule: Rule) -> None:
    found = problems(rule(finding=f"finding: {finding}\n"))
    if told is None:
        assert found == ["7:68: missing key 'column'", "7:69: unknown key 'colum'; did you mean 'column'?"]
    else:
        assert found == [told]


def test_a_severity_without_a_condition_is_told(problems: Problems, rule: Rule) -> None:
    assert problems(rule(more="severity_when: [{if: null, severity: low}]")) == ["8:22: expected condition, got null"]


@pytest.mark.parametrize("text", WORKED, ids=lambda text: str(plain(read(text.encode(), path="r").documents[0])["id"]))
def test_a_value_left_out_is_told_or_leaves_the_rule(text: str, problems: Problems) -> None:
    whole = plain(read(text.encode(), path="r.yaml").documents[0])
    lost = []
    for path in paths(whole):
        written = json.dumps(without(whole, path))
        if not problems(written) and len(rules_of(written.encode(), path="r.yaml").rules) != 1:
            lost.append(path)
    assert lost == []


def test_all_mistakes_of_a_file_are_told_together(problems: Problems) -> None:
    text = """\
schema: 1
id: bad
name: test-rule
title: Meetings are as they should be
severity: grave
detect:
  from: attendees
  where:
    all: [emial is None, "lower(1) == 'a'"]
  group:
    by: [meeting_id]
    aggregate: {c: sum(email)}
    having: c > 1
finding: {subject: "{x}", message: m, fingerprint: [y]}
oops: 1
"""
    assert [line.split(": ")[0] for line in problems(text)] == [
        *("2:5", "5:11", "9:11", "9:33", "12:24", "14:21", "14:53", "15:1"),
    ]


def test_a_broken_name_is_told_once_and_not_at_its_uses(problems: Problems, rule: Rule) -> None:
    detect = "{from: attendees, derive: {late: emial}, where: late is None}"
    finding = "finding: {subject: s, message: m, fingerprint: [email]}\n"
    assert len(problems(rule(detect, finding=finding))) == 1
    more = "params: {p: {type: huge, default: 1, description: d}}\n"
    assert len(problems(rule("{from: attendees, where: hour(joined_time) > param.p}", more=more))) == 1


def test_a_document_that_is_no_map_is_told(problems: Problems) -> None:
    assert problems("- a") == ["1:1: expected map, got list; a rule begins with schema: 1"]
    assert problems("just text") == ["1:1: expected map, got text; a rule begins with schema: 1"]
    assert problems("") == ["1:1: the file holds no rule"]
    assert problems("# nothing") == ["1:1: the file holds no rule"]


def test_more_than_two_hundred_conditions_are_too_many(problems: Problems, rule: Rule) -> None:
    many = "[" + ", ".join(["invited"] * 201) + "]"
    assert problems(rule(f"{{from: attendees, where: {{any: {many}}}}}")) == [
        "6:1841: more than 200 conditions in a rule"
    ]


def test_ids_and_names_are_unique_over_all_files(tmp_path: Path, rule: Rule) -> None:
    (tmp_path / "a.yaml").write_text(rule())
    (tmp_path / "b.yml").write_text("# second\n" + rule())
    with pytest.raises(RuleError) as caught:
        load_rules([tmp_path], bundled=False)
    assert [str(problem).removeprefix(f"{tmp_path}/") for problem in caught.value.problems] == [
        f"b.yml:3:5: rule id 'TST-001' is already used in {tmp_path}/a.yaml:2",
        f"b.yml:4:7: rule name 'test-rule' is already used in {tmp_path}/a.yaml:3",
    ]


def test_paths_that_hold_no_rules_are_told(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(RuleError) as caught:
        load_rules([tmp_path / "empty", tmp_path / "notes.txt", tmp_path / "gone.yaml"], bundled=False)
    assert sorted(str(problem).partition("1:1: ")[2] for problem in caught.value.problems) == [
        "a rule file ends in .yaml or .yml",
        "the folder holds no rule file",
        "there is no such file or folder",
    ]


def test_folders_are_read_recursively_without_frameworks_and_hidden_files(tmp_path: Path, rule: Rule) -> None:
    for folder in ("a/b", "frameworks", ".git"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "a/b/r.yaml").write_text(rule())
    for other in ("frameworks/f.yaml", ".git/x.yaml", ".hidden.yaml", "a/readme.md"):
        (tmp_path / other).write_text("not a rule")
    assert [rule.id for rule in load_rules([tmp_path], bundled=False).rules] == ["TST-001"]


def test_a_file_named_twice_is_read_once(tmp_path: Path, rule: Rule) -> None:
    (tmp_path / "a.yaml").write_text(rule())
    assert len(load_rules([tmp_path, tmp_path / "a.yaml"], bundled=False).rules) == 1


def test_the_digest_ignores_layout_comments_and_tests(problems: Problems, load: Callable, rule: Rule) -> None:
    plain = load(rule())
    other = load("# a comment\n" + rule(more="tests: [{name: a, given: {}, expect: 0}]\n").replace("low", "'low'"))
    changed = load(rule().replace("low", "high"))
    assert plain.rules[0].digest == other.rules[0].digest
    assert plain.digest == other.digest
    assert plain.digest != changed.digest


def _chain(step: str, length: int, last: str) -> str:
    """Derived columns of which each is made of the one before, a line each."""
    names = "".join(f"    d{n}: {step.replace('X', f'd{n - 1}')}\n" for n in range(1, length + 1))
    return f"\n  from: attendees\n  derive:\n    d0: {last}\n{names}  where: d{length} == d{length}"


@pytest.mark.parametrize(
    ("step", "length", "told"),
    [
        ("X + X", 9, None),
        ("X + X", 10, "20:10: more than 5,000 nodes once derived columns are written out"),
        ("X + X", 33, "20:10: more than 5,000 nodes once derived columns are written out"),
        ("{expr: count(), over: [email], where: X > 1 and X < 9}", 150, None),
        ("X + 1", 97, None),
        ("X + 1", 99, "108:10: nested deeper than 100 once derived columns are written out"),
        ("X + 1", 3_000, "108:10: nested deeper than 100 once derived columns are written out"),
    ],
)
def test_what_derived_columns_stand_for_has_a_bound(
    step: str, length: int, told: str | None, problems: Problems, rule: Rule
) -> None:
    found = problems(rule(_chain(step, length, "to_seconds(duration)")))
    assert found == ([] if told is None else [told])


@pytest.mark.parametrize(
    ("detect", "told"),
    [
        ("{from: attendees, where: 99999999999999999999}", "6:34: integer 99999999999999999999 is too large"),
        ("{from: attendees, where: invited, derive: {x: null if invited else null}}", "6:55: a derived column needs a type; this is always null"),
        ("{from: attendees, derive: {period: email}, baseline: {entity: [email], period: 1w, value: count(), having: score > 1}}", "6:36: 'period' cannot be used as a name; baseline gives it"),
        ("{from: attendees, group: {by: [email], aggregate: {}, having: rows > 1}}", "6:59: aggregate needs at least one name"),
        ("{from: attendees, group: {by: [email], aggregate: {c: null if count() > 1 else null}, having: rows > 1}}", "6:63: an aggregate needs a type; this is always null"),
        ("{from: attendees, group: {by: [email], window: {rolling: param.p}, aggregate: {c: count()}, having: c > 1}}", "6:66: expected duration, got integer parameter 'p'"),
        ("{from: attendees, group: {by: [1], aggregate: {c: count()}, having: c > 1}}", "6:40: expected text, got integer"),
        ("{from: attendees, match: {with: devices, same: [{a: [email], b: email}]}}", "6:57: a and b each name one column"),
        ("{from: attendees, match: {with: device, same: [email], where: a.email == b.email}}", "6:41: with must be one of attendees, participants, devices, breakouts, meetings, collections, people, invitees, sign_ins, admin_changes, settings, recordings, recording_access"),
        ("{from: attendees, baseline: {entity: [emial], period: 1w, value: count(), having: score > 1 and email is None}}", "6:47: unknown column 'emial'; did you mean 'email'?"),
        ("{from: attendees, baseline: {entity: [email], period: 1w, value: meeting.tracking_codes, method: first_seen}}", "6:74: first_seen takes no list column"),
        ("{from: attendees, baseline: {entity: [email], period: 1w, value: email, method: share, having: score > 1}}", "6:74: condition must be true or false, got text"),
        ("{from: attendees, baseline: {entity: [email], period: 1w, value: count(), having: score > 1, min_scale: -1}}", "6:113: value -1 is outside 0.."),
        ("{from: attendees, baseline: {entity: [email], period: 1w, value: count(), having: score > 1, history: param.r}}", "6:111: expected integer, got regex parameter 'r'"),
        ("{from: attendees, detector: {type: rarity, columns: [1]}}", "6:62: expected text, got integer"),
        ("{from: attendees, detector: {type: rarity, columns: email}}", "6:61: expected list, got text"),
        ("{from: attendees, detector: {type: rarity, columns: []}}", "6:61: a list of columns names at least one"),
        ("{from: attendees, detector: {type: fan_in, retrospective: 1}}", "6:67: expected boolean, got integer"),
        ("{from: attendees, detector: {type: robust_zscore, value: presence, direction: left}}", "6:87: direction must be one of both, up, down"),
        ("{from: attendees, detector: {type: rarity, suppress: companion}}", "6:62: expected list, got text"),
        ("{from: attendees, detector: {type: rarity, networks: office}}", "6:62: expected list.NAME, got text"),
        ("{from: attendees, detector: {type: fan_in, distinct: emial}}", "6:62: unknown column 'emial'; did you mean 'email'?"),
        ("{from: attendees, detector: {type: fan_in, distinct: [email]}}", "6:62: expected text, got list"),
        ("{from: attendees, detector: {type: change_point, value: min(email)}}", "6:65: expected number, got text"),
        ("{from: attendees, detector: {type: outlier, features: {" + ", ".join(f"f{n}: count()" for n in range(13)) + "}}}", "6:63: features takes at most 12 names"),
    ],
)  # fmt: skip
def test_rarer_mistakes_of_detect_are_told_too(detect: str, told: str, problems: Problems, rule: Rule) -> None:
    finding = "finding: {subject: s, message: m, fingerprint: [email]}\n"
    more = "params: {p: {type: integer, default: 1, description: d}, r: {type: regex, default: a, description: d}}\n"
    found = problems(rule(detect, finding=finding, more=more))
    assert [line for line in found if not line.startswith("7:")] == [told]


@pytest.mark.parametrize(
    ("detect", "names"),
    [
        ("{type: rarity, columns: [client_os], networks: list.offices}", ["bits_client_os", "attribute", "score", "explanation"]),
        ("{type: robust_zscore, value: presence / meeting_length, peer: [email_domain], direction: up}", ["value", "center", "scale"]),
        ("{type: burst, entity: [meeting_id], within: 5m, suppress: []}", ["count", "window_start", "meeting.title"]),
        ("{type: overlap, different: [geo_country], level: 2}", ["other_value", "overlap", "place"]),
        ("{type: impossible_travel, max_speed: param.p}", ["distance", "speed", "hours"]),
        ("{type: fan_in, scope: [day], distinct: meeting_id, retrospective: true}", ["members", "spread"]),
        ("{type: outlier, features: {joins: count(), stay: sum(presence)}}", None),
        ("{type: outlier, features: {joins: count(), stay: presence}}", ["top_features", "period"]),
        ("{type: change_point, value: share(invited), min_side: 5}", ["before", "after", "at"]),
    ],
)  # fmt: skip
def test_every_detector_takes_its_settings_and_yields_its_columns(
    detect: str, names: list[str] | None, problems: Problems, rule: Rule
) -> None:
    shown = ", ".join(names or ["email"])
    finding = f"finding: {{subject: s, message: m, fingerprint: [joined_time], evidence: [{shown}]}}\n"
    more = "params: {p: {type: number, default: 800, description: d}}\n"
    assert problems(rule(f"{{from: attendees, detector: {detect}}}", finding=finding, more=more)) == []


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ("params: {a: {type: regex, default: " + "a" * 501 + ", description: d}}", "8:36: regular expression longer than 500 characters"),
        ("params: {a: {type: datetime, default: 2026-01-05, min: 2026-02-01, description: d}}", "8:39: value 2026-01-05T00:00:00Z is outside 2026-02-01T00:00:00Z.."),
        ("params: {a: {type: duration, default: 999999999999999w, description: d}}", "8:39: expected duration, got text; write 90s or 1h30m"),
        ("params: {a: {type: datetime, default: 0001-01-01T00:00+23:00, description: d}}", "8:39: expected datetime, got text; write 2026-01-05T10:00Z"),
        ("params: {a: {type: datetime, default: 2026-02-30, description: d}}", "8:39: expected datetime, got text; write 2026-01-05T10:00Z"),
        ("tests: [{name: a, given: {}, expect: 0, lists: {internal_domains: [1]}}]", "8:68: expected text, got integer"),
        ("tests: [{name: a, given: {}, expect: 0, window: {from: soon, to: 2026-01-01}}]", "8:56: expected datetime, got text; write 2026-01-05 10:00"),
        ("tests: [{name: a, given: {meetings: [{tracking_codes: x}]}, expect: 0}]", "8:55: expected list, got text"),
        ("tests: [{name: a, given: {attendees: [{repeat: x}]}, expect: 0}]", "8:48: expected integer, got text"),
    ],
)  # fmt: skip
def test_rarer_mistakes_of_further_keys_are_told_too(more: str, told: str, problems: Problems, rule: Rule) -> None:
    assert problems(rule(more=more)) == [told]


def test_parameters_used_in_a_test_are_checked_there(problems: Problems, rule: Rule) -> None:
    more = "params: {p: {type: integer, default: 1, max: 5, description: d}}\ntests: [{name: a, given: {}, expect: 0, params: {p: 9}}]\n"
    assert problems(rule("{from: attendees, where: hour(joined_time) > param.p}", more=more)) == [
        "9:53: value 9 is outside ..5"
    ]


def test_a_folded_expression_is_refused(problems: Problems, rule: Rule) -> None:
    text = rule().replace(
        "detect: {from: attendees, where: invited}",
        "detect:\n  from: attendees\n  where: >\n    invited\n    and is_host",
    )
    assert problems(text) == ["8:10: use | for an expression of several lines"]


def test_more_than_a_hundred_evidence_columns_are_too_many(problems: Problems, rule: Rule) -> None:
    finding = f"finding: {{subject: s, message: m, fingerprint: [email], evidence: [{', '.join(['email'] * 101)}]}}\n"
    assert problems(rule(finding=finding)) == ["7:67: evidence takes at most 100 items"]


def test_a_rule_is_found_by_id_and_by_name(load: Callable, rule: Rule) -> None:
    rules = load(rule())
    assert rules.get("TST-001") is rules.get("test-rule") is rules.rules[0]
    assert rules.get("TST-002") is None


def test_a_file_that_cannot_be_opened_is_told(tmp_path: Path, rule: Rule) -> None:
    path = tmp_path / "r.yaml"
    path.symlink_to(tmp_path / "loop.yaml")
    with pytest.raises(RuleError, match="there is no such file or folder"):
        load_rules([path], bundled=False)


def test_no_message_carries_control_characters_of_the_file(problems: Problems, rule: Rule) -> None:
    more = 'params: {"mar\\tkers": {type: enum, default: x, values: ["a\\e[31m", b], description: d}}\n'
    found = problems(rule("{from: attendees, where: email == param.markers}", more=more))
    assert len(found) == 3
    assert all(told.isprintable() for told in found)


def test_a_bound_belongs_to_what_it_allows(problems: Problems, rule: Rule) -> None:
    baseline = "{entity: [email], period: 1w, value: count(), history: %d, having: score > 3}"
    finding = "finding: {subject: s, message: m, fingerprint: [email]}\n"
    assert problems(rule(f"{{from: attendees, baseline: {baseline % 10_000}}}", finding=finding)) == []
    (told,) = problems(rule(f"{{from: attendees, baseline: {baseline % 10_001}}}", finding=finding))
    assert told.endswith("value 10001 is outside 1..10000")


@pytest.mark.parametrize(
    "detect",
    [
        "{from: attendees, detector: {type: rarity, min_bits: 100}}",
        "{from: attendees, detector: {type: rarity, min_bits: 0}}",
        "{from: attendees, where: \"email == '" + "a" * 500 + "'\"}",
        '{from: attendees, where: "len(email) < 9007199254740991"}',
        "{from: attendees, baseline: {entity: [email], period: 1w, value: count(), having: score > 1, history: 10000}}",
        "{from: attendees, baseline: {entity: [email], period: 1w, value: count(), having: score > 1, min_history: 1}}",
        "{from: attendees, baseline: {entity: [email], period: 1w, value: count(), having: score > 1, min_scale: 0}}",
    ],
)
def test_a_bound_itself_is_allowed(detect: str, problems: Problems, rule: Rule) -> None:
    finding = 'finding: {subject: "{email}", message: "{email}", fingerprint: [email]}\n'
    assert problems(rule(detect, finding=finding)) == []


def test_the_first_fifty_mistakes_come_with_a_guess(problems: Problems, rule: Rule) -> None:
    told = problems(rule("{from: attendees, where: {any: [" + ", ".join(["is_hots"] * 60) + "]}}"))
    assert [line.endswith("did you mean 'is_host'?") for line in told] == [True] * 50 + [False] * 10
