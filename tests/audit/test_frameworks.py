"""The shipped lists of controls, and files of the same form."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditor.errors import ConfigFileError
from auditor.rules.language.frameworks import control_ids
from auditor.rules.reading.frameworks import bundled, load

GOOD = "schema: 1\nid: house\ntitle: House rules\ncontrols: [{id: '1', name: A}, {id: '2', name: Two, manual: true}]\n"


def written(folder: Path, text: str, name: str = "house.yaml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_the_shipped_frameworks_load() -> None:
    assert [framework.id for framework in bundled()] == [
        "finra",
        "gdpr",
        "hipaa",
        "iso27001-2022",
        "nist-800-53r5",
        "sec",
        "soc2",
    ]


def test_annex_a_is_whole() -> None:
    (annex,) = [framework for framework in bundled() if framework.id == "iso27001-2022"]
    themes = [control.id.split(".")[1] for control in annex.controls]
    assert [themes.count(theme) for theme in "5678"] == [37, 8, 14, 34]


def test_every_framework_lists_controls_that_no_rule_can_judge() -> None:
    for framework in bundled():
        assert {control.manual for control in framework.controls} == {True, False}


def test_names_are_short_and_end_without_a_stop() -> None:
    for framework in bundled():
        for control in framework.controls:
            assert 5 <= len(control.name) <= 80, control
            assert not control.name.endswith("."), control


def test_control_ids_are_by_framework(tmp_path: Path) -> None:
    assert control_ids(load([written(tmp_path, GOOD)])) == {"house": {"1", "2"}}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (GOOD.replace("schema: 1", "schema: 2"), "1:9: value 2 is outside 1..1"),
        (GOOD.replace("title: House rules\n", ""), "1:1: missing key 'title'"),
        (GOOD.replace("'2'", "'1'"), "4:32: control '1' is listed twice"),
        (GOOD.replace("manual", "manuel"), "4:53: unknown key 'manuel'; did you mean 'manual'?"),
        (GOOD.replace("'2'", "true"), "4:37: expected text, got boolean"),
        ("", "1:1: the file holds no framework"),
    ],
)
def test_a_mistake_is_shown_where_it_stands(tmp_path: Path, text: str, message: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(ConfigFileError) as caught:
        load([path])
    assert [str(problem) for problem in caught.value.problems] == [f"{path}:{message}"]


def test_a_framework_is_defined_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigFileError, match="framework 'house' is defined twice"):
        load([written(tmp_path, GOOD), written(tmp_path, GOOD, "other.yaml")])
