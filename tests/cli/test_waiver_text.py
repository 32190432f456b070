"""A waiver put into a file that people wrote."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.cli.waiver_text import entry_text, with_entry
from auditor.errors import ConfigError, ConfigFileError
from auditor.triage.waiver_file import parse

TOLD = {"reason": "known guest", "owner": "it-sec@example.com", "expires": "2027-01-31"}
HELD = "{id: W-1, rule: ACC-001, match: {email: a@example.org}, reason: r, owner: o, expires: 2027-01-01}"


def made(**changes: Any) -> Any:
    fields = {
        "name": "W-2",
        "rule": "IDN-002",
        "match": [("ip_address", "203.0.113.7")],
        "fingerprint": None,
        "created": date(2026, 11, 20),
        "told": TOLD,
    }
    return entry_text(**{**fields, **changes})


def added(text: str, **changes: Any) -> str:
    return with_entry(text.encode(), made(**changes), path="waivers.yaml").decode()


def test_a_new_file_holds_the_waiver() -> None:
    (waiver,) = parse(added("").encode(), path="w").waivers
    assert (waiver.id, waiver.rule, waiver.match) == ("W-2", "IDN-002", {"ip_address": ("203.0.113.7",)})
    assert (waiver.created, waiver.expires) == (date(2026, 11, 20), date(2027, 1, 31))


def test_it_goes_behind_the_last_waiver_and_everything_else_stays() -> None:
    text = f"# ours\nwaivers:\n    # first\n    - {HELD}  # yes\n\n# judged by people\nattestations: []\n"
    assert added(text) == text.replace("# yes\n", f"# yes\n    - {made()}\n")


def test_it_goes_to_the_end_when_the_waivers_are_last() -> None:
    text = f"attestations: []\nwaivers:\n- {HELD}\n"
    assert added(text) == f"{text}- {made()}\n"


def test_a_file_without_waivers_gets_them() -> None:
    assert added("attestations: []\n") == f"attestations: []\nwaivers:\n  - {made()}\n"
    assert added("waivers:\n") == f"waivers:\n  - {made()}\n"


@pytest.mark.parametrize("end", ["\r\n", "\r"])
def test_lines_end_as_those_of_the_file_do(end: str) -> None:
    text = f"# ours{end}waivers:{end}  - {HELD}{end}# by people{end}attestations: []{end}"
    assert added(text) == text.replace(f"01}}{end}", f"01}}{end}  - {made()}{end}")


def test_a_mark_of_the_encoding_stays() -> None:
    assert added("\ufeffwaivers:\n") == f"\ufeffwaivers:\n  - {made()}\n"


def test_a_last_line_without_an_end_gets_one() -> None:
    assert added(f"waivers:\n  - {HELD}") == f"waivers:\n  - {HELD}\n  - {made()}\n"


def test_a_name_given_twice_allows_both_values() -> None:
    text = added("", match=[("email", "a@example.org"), ("email", "b@example.org"), ("joins", "3")])
    assert parse(text.encode(), path="w").waivers[0].match == {
        "email": ("a@example.org", "b@example.org"),
        "joins": (3,),
    }


def test_a_fingerprint_may_stand_alone() -> None:
    text = added("", rule=None, match=[], fingerprint="0" * 64)
    assert parse(text.encode(), path="w").waivers[0].fingerprint == "0" * 64


@pytest.mark.parametrize("text", [f"waivers: [{HELD}]\n", "waivers: []\n"])
def test_a_list_in_brackets_is_left_to_its_owner(text: str) -> None:
    with pytest.raises(ConfigError, match="waivers"):
        added(text)


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "W-1"},
        {"rule": None},
        {"match": []},
        {"told": {**TOLD, "expires": "soon"}},
        {"told": {**TOLD, "expires": "2026-01-01"}},
        {"fingerprint": "abc"},
    ],
)
def test_a_wrong_waiver_is_not_added(changes: dict[str, object]) -> None:
    with pytest.raises(ConfigFileError):
        added(f"waivers:\n  - {HELD}\n", **changes)


@given(text=st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF, exclude_characters="\x7f"), min_size=1))
def test_any_text_comes_back_as_it_was_given(text: str) -> None:
    if not text.strip() or any(0x80 <= ord(char) < 0xA0 for char in text):
        return
    written = added("", told={**TOLD, "reason": text}, match=[("title", text)])
    (waiver,) = parse(written.encode(), path="w").waivers
    assert waiver.reason == text.strip()


@pytest.mark.parametrize("field", ["rule", "name"])
def test_words_that_are_no_utf8_are_refused(field: str) -> None:
    with pytest.raises(ConfigError, match=r"waivers\.yaml: .* no UTF-8"):
        added("", **{field: "\udced"})
