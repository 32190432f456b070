"""Writes the pack of the bundled rules and frameworks: `python -m auditor.rules.reading.packing [FILE]`."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from itertools import groupby
from pathlib import Path

from auditor.resources import resource
from auditor.rules.reading.frameworks import load
from auditor.rules.reading.load import load_rules
from auditor.rules.reading.pack import NAME, PACKAGE, digest, readers_digest, value_packed

_OURS = "auditor"
_READERS = ("documents/", "rules/", "model/vocabulary.py", "settings/fields.py")


def pack(root: Path, modules: list[str]) -> bytes:
    """The pack of the rules and frameworks below `root`, which the code of `modules` reads.

    Raises `RuleError` or `ConfigFileError` when one of them is wrong.
    """
    rules = load_rules()
    held = {}
    in_order = sorted(rules.rules, key=lambda rule: rule.position)
    for path, group in groupby(in_order, key=lambda rule: rule.position.path):
        held[path] = tuple(
            (replace(rule, cases=()), *(rules.sources[rule.id].index[key].place for key in ("id", "name")))
            for rule in group
        )
    values = {
        **held,
        **{f"{root.name}/{path.relative_to(root).as_posix()}": load([path])[0] for path in frameworks_of(root)},
    }
    body = b"".join(map(_line, map(value_packed, values.values())))
    head = {
        "readers": readers_digest(modules),
        "modules": modules,
        "files": {path: digest((root.parent / path).read_bytes()) for path in values},
        "body": digest(body),
    }
    return _line(head) + body


def _line(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def frameworks_of(root: Path) -> list[Path]:
    """The framework files below `root`."""
    return sorted((root / "frameworks").glob("*.yaml"))


def _modules() -> list[str]:
    """The modules that read rules and frameworks, as files below the package: those this process has imported."""
    files = (module.__file__ for name, module in sys.modules.items() if name.partition(".")[0] == _OURS)
    names = (Path(file).resolve().relative_to(PACKAGE).as_posix() for file in files if file is not None)
    return sorted(name for name in names if name.startswith(_READERS))


if __name__ == "__main__":
    shipped = resource("rules")
    load_rules()
    content = pack(shipped, _modules())
    (shipped / NAME if len(sys.argv) == 1 else Path(sys.argv[1])).write_bytes(content)
