"""Parameters and lists put into rules, and their mistakes told where they stand."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from auditor.documents import Map, Node, read
from auditor.errors import ConfigError, ConfigFileError, RuleError
from auditor.rules.language.spec import Baseline, Group, Rule
from auditor.rules.language.tree import ListName, Literal, Now, Param, Type
from auditor.rules.language.values import LONGEST_DURATION, duration
from auditor.rules.language.walk import nodes, trees
from auditor.rules.reading.bind import BoundRule, bind, bind_case, params_for
from auditor.rules.reading.load import RuleSet
from auditor.triage.fingerprint import canonical

NOW = datetime(2026, 11, 20, tzinfo=UTC)
Load = Callable[[str], RuleSet]

TEXT = """\
schema: 1
id: TST-001
name: test-rule
title: Meetings are as they should be
severity: low
params:
  least: {type: integer, default: 3, min: 1, max: 9, description: d}
  share: {type: number, default: 0.5, min: 0, max: 1, description: d}
  window: {type: duration, default: 10m, min: 1m, description: d}
  prefix: {type: string, default: a, max: 5, description: d}
  strict: {type: boolean, default: true, description: d}
  mode: {type: enum, default: one, values: [one, two], description: d}
  words: {type: list, default: [x, y], max: 3, description: d}
  title: {type: regex, default: 'board', description: d}
  since: {type: datetime, default: 2026-01-05, description: d}
  zone: {type: string, default: Europe/Oslo, description: d}
lists:
  offices: {default: [203.0.113.0/24]}
  vips: {description: d}
  trusted_domains: {default: [' Example.COM ']}
detect:
  from: attendees
  where:
    all:
      - in_cidr(ip_address, list.offices)
      - email in list.vips or email_domain in list.trusted_domains
      - contains_any(meeting_title, param.words) and matches(meeting_title, param.title)
      - joined_time > param.since and now - joined_time < 30 * days
      - startswith(email, param.prefix) and param.strict and param.mode == 'one'
      - hour(joined_time, param.zone) < 6
      - duration > param.window * 2
  group:
    by: [meeting_id]
    window: {rolling: param.window}
    aggregate: {joins: count(), early: share(invited)}
    having: joins >= param.least and early < param.share
finding: {subject: s, message: "within {param.window}", fingerprint: [meeting_id]}
tests:
  - {name: wrong, params: {least: 10}, given: {}, expect_error: outside 1..9}
"""

DETECTING = """\
schema: 1
id: TST-001
name: test-rule
title: Meetings are as they should be
severity: low
lists: {offices: {default: %s}}
detect: %s
finding: {subject: s, message: m, fingerprint: [email]}
"""


def config(text: str) -> dict[str, Node]:
    node = read(text.encode(), path="auditor.yaml").documents[0]
    assert isinstance(node, Map)
    return {key.text: value for key, value in node.entries}


@pytest.fixture
def rule(load: Load) -> Rule:
    return load(TEXT).rules[0]


def bound(rule: Rule, **given: object) -> BoundRule:
    return bind(rule, now=NOW, **given)


def test_nothing_is_left_to_bind(rule: Rule) -> None:
    named = (Param, ListName, Now)
    assert any(isinstance(node, named) for tree in trees(rule) for node in nodes(tree))
    assert not any(isinstance(node, named) for tree in trees(bound(rule).rule) for node in nodes(tree))


def test_defaults_hold_without_configuration(rule: Rule) -> None:
    values = bound(rule).values
    assert values["window"] == timedelta(minutes=10)
    assert values["words"] == ("x", "y")
    assert values["since"] == datetime(2026, 1, 5, tzinfo=UTC)


def test_the_configuration_outweighs_the_default_and_the_option_both(rule: Rule) -> None:
    found = bound(rule, settings_params=config("{least: 5, share: 1}"), cli_params={"least": "7"})
    by_name = {parameter.name: parameter for parameter in found.parameters}
    assert (by_name["least"].value, by_name["least"].source, by_name["least"].default) == (7, "command line", 3)
    assert (by_name["share"].value, by_name["share"].source) == (1, "config")
    assert (by_name["window"].value, by_name["window"].source) == ("600000000us", "default")


def test_options_are_read_by_type(rule: Rule) -> None:
    given = {
        "least": "4",
        "share": "0.25",
        "window": "1h30m",
        "prefix": "abc",
        "strict": "false",
        "mode": "two",
        "words": "p, q",
        "since": "2026-02-01T10:00+01:00",
    }
    values = bound(rule, cli_params=given).values
    assert values["least"] == 4
    assert values["share"] == 0.25
    assert values["window"] == timedelta(minutes=90)
    assert values["strict"] is False
    assert values["words"] == ("p", "q")
    assert values["since"] == datetime(2026, 2, 1, 9, tzinfo=UTC)


def test_constants_are_calculated_when_a_parameter_is_known(rule: Rule) -> None:
    literals = {node.value for tree in trees(bound(rule).rule) for node in nodes(tree) if isinstance(node, Literal)}
    assert timedelta(minutes=20) in literals
    stage = bound(rule).rule.detect.stage
    assert isinstance(stage, Group)
    assert stage.window is not None
    assert stage.window.length == Literal(timedelta(minutes=10), Type.DURATION)


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("least", "0", "value 0 is outside 1..9"),
        ("least", "many", "expected integer, got text"),
        ("least", "1.5", "expected integer, got number"),
        ("share", "nan", "expected number, got number"),
        ("window", "ten", "expected duration, got text; write 90s or 1h30m"),
        ("window", "30s", "value 30s is outside 1m.."),
        ("prefix", "abcdef", "value of length 6 is outside 0..5"),
        ("strict", "yes", "expected boolean, got text"),
        ("mode", "three", "mode must be one of one, two"),
        ("words", "a,b,c,d", "value of length 4 is outside 0..3"),
        ("words", "a,,b", "an item of a list cannot be empty"),
        ("title", "(", "invalid regular expression: unclosed group"),
        ("since", "soon", "expected datetime, got text; write 2026-01-05T10:00Z"),
        ("zone", "Mars", "'Mars' is not a time zone; write UTC or Europe/Oslo"),
        ("leest", "1", "unknown parameter 'leest' of TST-001; did you mean 'least'?"),
    ],
)
def test_a_wrong_option_is_told_in_its_own_words(rule: Rule, name: str, text: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        bound(rule, cli_params={name: text})
    assert str(caught.value) == f"--set TST-001.{name}={text}: {told}"


def test_wrong_values_of_a_configuration_are_told_at_their_places(rule: Rule) -> None:
    with pytest.raises(ConfigFileError) as caught:
        bound(rule, settings_params=config("least: 0\nwindow: 5\nzone: Mars\nother: 1\nwords: [a, 2]"))
    assert [str(problem) for problem in caught.value.problems] == [
        "auditor.yaml:1:8: value 0 is outside 1..9",
        "auditor.yaml:2:9: expected duration, got integer; write 90s or 1h30m",
        "auditor.yaml:3:7: 'Mars' is not a time zone; write UTC or Europe/Oslo",
        "auditor.yaml:4:8: unknown parameter 'other' of TST-001",
        "auditor.yaml:5:12: expected text, got integer",
    ]


def test_lists_come_from_the_configuration_else_from_the_rule(rule: Rule) -> None:
    found = bound(rule, lists={"vips": ("v@example.com ",)})
    assert found.lists["vips"] == ("v@example.com",)
    assert found.lists["offices"] == ("203.0.113.0/24",)
    assert found.missing_lists == ()


def test_a_list_nobody_gives_is_missing(rule: Rule) -> None:
    assert bound(rule).missing_lists == ("vips",)


def test_domains_are_lower_cased_and_trimmed(rule: Rule) -> None:
    assert bound(rule).lists["trusted_domains"] == ("example.com",)
    assert bound(rule, lists={"internal_domains": ("CORP.example",)}).lists["internal_domains"] == ("corp.example",)
    assert bound(rule, lists={"vips": ("V@x.org",)}).lists["vips"] == ("V@x.org",)


def test_an_item_that_is_no_network_is_told_by_its_list(rule: Rule) -> None:
    with pytest.raises(ConfigError, match=r"lists\.offices: 'here' is not a network"):
        bound(rule, lists={"offices": ("here",)})


@pytest.mark.parametrize(
    "detect",
    [
        "{from: attendees, detector: {type: overlap, networks: list.offices}}",
        "{from: attendees, where: egress == 'vpn'}",
    ],
)
def test_lists_of_networks_are_checked_where_a_detector_or_a_fact_reads_them(load: Load, detect: str) -> None:
    name = "offices" if "offices" in detect else "office_networks"
    found = load(DETECTING % ("[]", detect)).rules[0]
    with pytest.raises(ConfigError, match=rf"lists\.{name}: 'here' is not a network; write 203\.0\.113\.0/24"):
        bound(found, lists={name: ("203.0.113.0/24", "here")})
    assert bound(found, lists={name: ("203.0.113.0/24",)}).lists[name] == ("203.0.113.0/24",)


def test_a_network_of_a_detector_by_default_is_checked_too(problems: Callable[[str], list[str]]) -> None:
    text = DETECTING % ("[here]", "{from: attendees, detector: {type: overlap, networks: list.offices}}")
    assert problems(text) == ["6:9: 'here' is not a network; write 203.0.113.0/24 or an address"]


BASELINE = """\
schema: 1
id: TST-001
name: test-rule
title: Meetings are as they should be
severity: low
params:
  least: {type: integer, default: 6, description: d}
  most: {type: integer, default: 12, description: d}
detect:
  from: attendees
  baseline: {entity: [email], period: 1d, value: %s}
finding: {subject: s, message: m, fingerprint: [email, period]}
"""


@pytest.mark.parametrize(
    ("history", "values", "told"),
    [
        ("history: param.most, min_history: param.least", "least: 13", "1:8: min_history 13 is more than history 12"),
        ("history: param.most", "most: 5", "1:7: min_history 6 is more than history 5"),
        ("min_history: param.least", "least: 13", "1:8: min_history 13 is more than history 12"),
    ],
)
def test_a_parameter_cannot_want_more_history_than_there_is(load: Load, history: str, values: str, told: str) -> None:
    rule = load(BASELINE % f"count(), having: score > 1, {history}").rules[0]
    with pytest.raises(ConfigFileError) as caught:
        bound(rule, settings_params=config(values))
    assert [str(problem) for problem in caught.value.problems] == [f"auditor.yaml:{told}"]


def test_what_is_first_seen_may_want_any_history_since_all_of_it_counts(load: Load) -> None:
    rule = load(BASELINE % "ip_address, method: first_seen, min_history: 20").rules[0]
    assert isinstance(rule.detect.stage, Baseline)
    assert rule.detect.stage.min_history == Literal(20, Type.INTEGER)
    rule = load(BASELINE % "ip_address, method: first_seen, min_history: param.least").rules[0]
    assert bound(rule, settings_params=config("least: 20")).values["least"] == 20


@pytest.mark.parametrize("length", [timedelta(), timedelta(days=15_000), LONGEST_DURATION])
def test_a_duration_is_read_as_an_audit_writes_it(length: timedelta) -> None:
    assert duration(str(canonical(length))) == length


def test_now_becomes_the_time_of_the_audit(rule: Rule) -> None:
    found = {node.value for tree in trees(bound(rule).rule) for node in nodes(tree) if isinstance(node, Literal)}
    assert NOW in found


def test_parameters_are_named_by_id_or_by_name(rule: Rule) -> None:
    node = read(b"TST-001: {least: 4}\ntest-rule: {least: 5, share: 1}", path="c").documents[0]
    assert isinstance(node, Map)
    maps = {key.text: value for key, value in node.entries if isinstance(value, Map)}
    found = params_for(rule, maps)
    assert bound(rule, settings_params=found).values["least"] == 4
    assert bound(rule, settings_params=found).values["share"] == 1


def test_a_test_of_a_rule_fails_to_bind_where_it_should(rule: Rule) -> None:
    with pytest.raises(RuleError, match=r"r\.yaml:\d+:\d+: value 10 is outside 1\.\.9"):
        bind_case(rule, rule.cases[0])


def test_a_default_that_no_function_takes_is_a_mistake_of_the_rule(problems: Callable[[str], list[str]]) -> None:
    assert problems(TEXT.replace("default: Europe/Oslo", "default: Mars")) == [
        "30:27: 'Mars' is not a time zone; write UTC or Europe/Oslo"
    ]
    assert problems(TEXT.replace("203.0.113.0/24", "somewhere")) == [
        "18:3: 'somewhere' is not a network; write 203.0.113.0/24 or an address"
    ]
    assert problems(TEXT.replace("{type: duration, default: 10m, min: 1m", "{type: duration, default: 0s")) == [
        "9:3: a window must be longer than 0s"
    ]


@pytest.mark.parametrize(
    ("detect", "told"),
    [
        ("""where: "len(replace(email, '', param.p)) > 1\"""", []),
        ("""where: "len(replace(replace(email, '', param.p), 'x', 'yy')) > 1\"""", []),
        ("""where: "len(replace(replace(email, 'x', param.p), 'x', param.p)) > 1\"""", ["7:39"]),
        ("""derive: {d: "replace(email, 'x', param.p)"}, where: "replace(d, 'x', 'yyyy') == d\"""", ["7:80"]),
        ("""derive: {d: "replace(email, 'x', param.p)"}, where: d + d + d == d""", ["7:79"]),
        (
            """group: {by: [email], aggregate: {d: "first(replace(email, 'x', param.p))"}, having: d + d + d == d}""",
            ["7:111"],
        ),
    ],
)
def test_texts_do_not_grow_beyond_measure(detect: str, told: list[str], problems: Callable[[str], list[str]]) -> None:
    text = TEXT[: TEXT.index("params:")] + (
        f"params: {{p: {{type: string, default: {'x' * 450}, description: d}}}}\n"
        f"detect: {{from: attendees, {detect}}}\nfinding: {{subject: s, message: m, fingerprint: [email]}}\n"
    )
    assert problems(text) == [
        f"{place}: a text of 100 characters may become one of more than 100,000 here" for place in told
    ]


def test_binding_is_repeatable(rule: Rule) -> None:
    assert bound(rule).rule == bound(rule).rule


@pytest.mark.parametrize(
    ("detector", "value", "told"),
    [
        ("burst, within: param.p", "0s", "a window must be longer than 0s"),
        ("change_point, value: count(), period: param.p", "36h", "a tumbling window divides a day or is whole days"),
        ("outlier, features: {a: count()}, period: param.p", "0s", "a window must be longer than 0s"),
    ],
)
def test_a_detector_refuses_a_parameter_that_makes_no_window(load: Load, detector: str, value: str, told: str) -> None:
    head = "schema: 1\nid: TST-002\nname: test-rule-two\ntitle: Nothing is unusual here\nseverity: low\n"
    params = "params: {p: {type: duration, default: 12h, description: d}}\n"
    detect = f"detect: {{from: attendees, detector: {{type: {detector}}}}}\n"
    rule = load(f"{head}{params}{detect}finding: {{subject: s, message: m, fingerprint: [joined_time]}}\n").rules[0]
    assert bound(rule).rule.id == "TST-002"
    with pytest.raises(ConfigError, match=told):
        bound(rule, cli_params={"p": value})
