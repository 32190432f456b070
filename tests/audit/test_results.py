"""What an audit says of its rules beside their findings."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from auditor.audit import Request, check
from auditor.model.audit import Audit, RuleChanges
from auditor.model.window import instant
from auditor.rules.reading.load import load_rules
from tests.audit.small import NOW, rule_file, small_archive


def judged(
    folder: Path, numbers: Iterable[int], *, title: str = "Board", previous: Audit | None = None, name: str = "a"
) -> Audit:
    """An audit by some of the rules TST-002 to TST-099, after another one."""
    place = folder / name
    place.mkdir()
    text = rule_file(place, name="template.yaml").read_text()
    for number in numbers:
        one = text.replace("TST-001", f"TST-{number:03}").replace("uninvited", f"uninvited-{number}")
        (place / f"{number}.yaml").write_text(one.replace("default: Board", f"default: {title}"))
    (place / "template.yaml").unlink()
    request = Request(previous=previous)
    return check(
        small_archive(folder / "archive"), load_rules([place], bundled=False), request=request, now=instant(NOW)
    )


def test_rules_that_came_went_and_read_otherwise_are_told_in_their_order(tmp_path: Path) -> None:
    first = judged(tmp_path, range(10, 30))
    assert first.rule_changes is None
    assert judged(tmp_path, range(10, 30), previous=first, name="same").rule_changes == RuleChanges((), (), ())
    second = judged(tmp_path, range(20, 40), title="Council", previous=first, name="b")
    assert second.rule_changes == RuleChanges(
        added=tuple(f"TST-{number:03}" for number in range(30, 40)),
        removed=tuple(f"TST-{number:03}" for number in range(10, 20)),
        changed=tuple(f"TST-{number:03}" for number in range(20, 30)),
    )
