"""The regular expressions of a file are weighed before any is compiled."""

import json
from time import process_time

import pytest

from auditor.errors import RuleError
from auditor.rules.reading.load import rules_of

HEAD = "schema: 1\nid: TST-{0:03}\nname: test-rule-{0}\ntitle: Meetings are as they should be\nseverity: low\n"
END = 'finding: {subject: "{email}", message: m, fingerprint: [email]}\n'


def loaded(*patterns: str, times: int = 1):
    """As many rules as asked for, each with the patterns as parameters and in its condition."""
    text = []
    for number in range(times):
        params = "".join(
            f"  p{place}: {{type: regex, default: {json.dumps(pattern)}, description: d}}\n"
            for place, pattern in enumerate(patterns)
        )
        asked = " or ".join(
            [f"matches(email, param.p{place})" for place in range(len(patterns))]
            + [f"matches(display_name, '{pattern}')" for pattern in patterns]
        )
        detect = f"detect: {{from: attendees, where: {json.dumps(asked)}}}\n"
        text.append(f"{HEAD.format(number)}params:\n{params}{detect}{END}")
    return rules_of("---\n".join(text).encode(), path="r.yaml").rules


def test_a_file_of_two_hundred_rules_has_room_for_ordinary_patterns():
    ordinary = (r"(?i)\b(board|council)\b", r"^[\w.+-]+@[\w-]+\.[a-z]{2,6}$", r"\d{3}[- ]?\d{4}", r"(?:ab|cd){2,30}")
    assert len(loaded(*ordinary, times=200)) == 200


@pytest.mark.parametrize(
    "pattern",
    [
        r"\w{190}",
        r"\pL{190}",
        r"[\w ]{190}",
        r"(\w[)]){190}",
        r"((\w){19}){10}",
        r"(?x)\w {190}",
        r"\w+{190}",
        r"\w{0,190}",
        r"[](]\w{190}",
        r"(?:\W|\P{Greek}){95}",
    ],
)
def test_repeats_count_as_often_as_they_stand_for(pattern):
    assert loaded(pattern, times=25)
    with pytest.raises(
        RuleError, match=r"r\.yaml:\d+:\d+: the regular expressions up to here stand for more than 10,000"
    ) as told:
        loaded(pattern, times=30)
    (problem,) = told.value.problems
    assert problem.line > 25 * 6


def given(pattern: str, times: int):
    """As many rules as asked for with the pattern as a parameter, which may have several lines."""
    text = []
    for number in range(times):
        params = f"params: {{p: {{type: regex, default: {json.dumps(pattern)}, description: d}}}}\n"
        text.append(
            f'{HEAD.format(number)}{params}detect: {{from: attendees, where: "matches(email, param.p)"}}\n{END}'
        )
    return rules_of("---\n".join(text).encode(), path="r.yaml").rules


@pytest.mark.parametrize(
    "pattern",
    [
        r"\w{ 190 }",
        r"\w{1 , 190}",
        r"\w{00000000000000000000190}",
        "(?:[^a]{ 90 }){ 90}",
        r"(?x)\w{1 9 0}",
        "(?x)\\w{1#}\n90} # all of it",
        r"(?x)\p {L}{190}",
        "#\\w{190}\n",
        "(?x:a # [(\n)#\\w{190}\n",
        "(?x)[ ]#]\n(](?-x)#\\w{190}\n",
        "(?x)( ?i-x:#\\w{190}\n)",
        "(?:(?x) a)#\\w{190}\n",
    ],
)
def test_no_blank_and_no_comment_hides_how_often_a_part_repeats(pattern):
    assert given(pattern, 20)
    with pytest.raises(RuleError, match="the regular expressions up to here stand for more than 10,000"):
        given(pattern, 100)


@pytest.mark.parametrize("pattern", [r"\x{10000}", r"[\x{10000}-\x{1F600}]", "(?x) a # \\w{190}\n [ b#]\n] # ["])
def test_what_is_no_repeat_counts_once(pattern):
    assert given(pattern, 200)


@pytest.mark.parametrize(
    "text", ["\\p{" * 200_000, "\\x{" * 200_000, "\\w{" + "0" * 900_000, "(?x)\\w" + "[a" * 450_000]
)
def test_texts_as_long_as_a_file_are_weighed_at_once(text):
    rule = HEAD.format(1) + f"description: {json.dumps(text)}\ndetect: {{from: attendees, where: invited}}\n{END}"
    before = process_time()
    assert rules_of(rule.encode(), path="r.yaml").rules
    assert process_time() - before < 15
