"""Framework files read, the bundled ones from their pack."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from auditor.documents import Map, Scalar, kind, read
from auditor.errors import Problem
from auditor.resources import resource
from auditor.rules.language.frameworks import Control, Framework
from auditor.rules.reading.pack import PackedFile, digest, packed
from auditor.settings.fields import Fields, settle, single

_SCHEMA = 1


def bundled() -> tuple[Framework, ...]:
    """The frameworks that come with the package, by id."""
    root = resource("rules")
    before = packed(root)
    paths = sorted((root / "frameworks").glob("*.yaml"))
    found = [_before(path, before.get(f"rules/frameworks/{path.name}")) or load([path])[0] for path in paths]
    return tuple(sorted(found, key=lambda framework: framework.id))


def _before(path: Path, kept: PackedFile | None) -> Framework | None:
    """The framework of a file that has not changed since it was packed."""
    return kept.framework() if kept is not None and kept.digest == digest(path.read_bytes()) else None


def load(paths: Iterable[Path]) -> tuple[Framework, ...]:
    """The frameworks of the files, by id; raises `ConfigFileError` with every mistake of all of them."""
    problems: list[Problem] = []
    found: dict[str, Framework] = {}
    for path in paths:
        node = single(read(path.read_bytes(), path=str(path)), problems=problems)
        if node is None:
            problems.append(Problem(str(path), 1, 1, "the file holds no framework"))
            continue
        framework = _framework(node, problems)
        if framework is not None and found.setdefault(framework.id, framework) is not framework:
            problems.append(node.place.problem(f"framework '{framework.id}' is defined twice"))
    settle(problems)
    return tuple(found[name] for name in sorted(found))


def _framework(node: Map, problems: list[Problem]) -> Framework | None:
    fields = Fields(node, problems, known=("note",), required=("schema", "id", "title", "controls"))
    fields.integer("schema", _SCHEMA, least=_SCHEMA, most=_SCHEMA)
    name, title = fields.text("id"), fields.text("title")
    controls = [_control(item, problems) for item in fields.maps("controls")]
    seen: set[str] = set()
    for item, control in zip(fields.maps("controls"), controls, strict=True):
        if control.id in seen:
            problems.append(item.place.problem(f"control '{control.id}' is listed twice"))
        seen.add(control.id)
    if name is None or title is None:
        return None
    return Framework(name, title, fields.text("note") or "", tuple(controls))


def _control(node: Map, problems: list[Problem]) -> Control:
    fields = Fields(node, problems, known=("manual",), required=("id", "name"))
    name = fields.present("id")
    if name is not None and (not isinstance(name, Scalar) or isinstance(name.value, bool)):
        fields.wrong("id", f"expected text, got {kind(name)}")
    return Control(
        id=name.text if isinstance(name, Scalar) else "",
        name=fields.text("name") or "",
        manual=fields.flag("manual", default=False),
    )
