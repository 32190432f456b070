"""Every place at which a rule names a column, with the physical name it names."""

from __future__ import annotations

from collections.abc import Iterator

from auditor.documents import Items, Map, Node, Place, Scalar
from auditor.frozen import dataclass
from auditor.rules.language.spec import Field, Match, Rule, Sequence, Template
from auditor.rules.language.tree import Column
from auditor.rules.language.walk import nodes, trees

_LISTS = {
    "group": ("by",),
    "pairs": ("same", "different"),
    "sequence": ("by",),
    "baseline": ("entity",),
    "detector": ("entity", "columns", "peer", "different", "scope"),
}
_COLUMNS = (
    ("group", "window", "time"),
    ("baseline", "time"),
    ("detector", "distinct"),
)
"""Where one column is named, beside the `time` of a step."""


@dataclass(frozen=True, slots=True)
class Use:
    """A name at a place; `part` is finding, or detect."""

    name: str
    place: Place
    part: str


def find(node: Node, *path: str | int) -> Node | None:
    """The node that a path of keys and indexes leads to, or None."""
    found: Node | None = node
    for part in path:
        if isinstance(found, Map) and isinstance(part, str):
            found = found.get(part)
        elif isinstance(found, Items) and isinstance(part, int) and part < len(found.items):
            found = found.items[part]
        else:
            return None
    return found


def place_of(node: Map, *path: str | int) -> Place:
    """Where the path leads, or as far as it goes."""
    for length in range(len(path), 0, -1):
        found = find(node, *path[:length])
        if found is not None:
            return found.place
    return node.place


def uses(rule: Rule, node: Map) -> Iterator[Use]:
    """Every use of a column, those in trees first."""
    for tree in trees(rule):
        for part in nodes(tree):
            if isinstance(part, Column) and part.position is not None:
                yield Use(part.name, part.position, "detect")
    yield from _listed(rule, node)
    yield from _shown(rule, node)


def _listed(rule: Rule, node: Map) -> Iterator[Use]:
    detect = find(node, "detect")
    if not isinstance(detect, Map):
        return
    for stage, keys in _LISTS.items():
        for key in keys:
            yield from _items(find(detect, stage, key))
    for path in _COLUMNS:
        yield from _named(find(detect, *path))
    for steps in ("steps", "absent"):
        held = find(detect, "sequence", steps)
        for step in held.items if isinstance(held, Items) else ():
            yield from _named(find(step, "time"))
    derived = find(detect, "derive")
    for _, value in derived.entries if isinstance(derived, Map) else ():
        yield from _items(find(value, "over"))
    stage_spec = rule.detect.stage
    same = find(detect, "match", "same")
    if isinstance(stage_spec, Match) and isinstance(same, Items):
        for item, (one, other) in zip(same.items, stage_spec.same, strict=True):
            yield Use(one, item.place, "detect")
            yield Use(f"b.{other}", item.place, "detect")


def _items(node: Node | None) -> Iterator[Use]:
    for item in node.items if isinstance(node, Items) else ():
        yield from _named(item)


def _named(node: Node | None) -> Iterator[Use]:
    if isinstance(node, Scalar) and isinstance(node.value, str):
        yield Use(node.value, node.place, "detect")


def _shown(rule: Rule, node: Map) -> Iterator[Use]:
    for key, template in (("subject", rule.finding.subject), ("message", rule.finding.message)):
        scalar = find(node, "finding", key)
        if isinstance(scalar, Scalar):
            for part, offset in placed(template):
                if isinstance(part, Field):
                    yield Use(part.name, scalar.at(offset), "finding")
    for index, evidence in enumerate(rule.finding.evidence):
        yield Use(evidence.column, place_of(node, "finding", "evidence", index), "finding")
    for index, name in enumerate(rule.finding.fingerprint):
        yield Use(name, place_of(node, "finding", "fingerprint", index), "finding")


def placed(template: Template) -> Iterator[tuple[str | Field, int]]:
    """The texts and fields of a template, each with the offset it begins at."""
    offset = 0
    for part in template.parts:
        yield part, offset
        if isinstance(part, Field):
            offset += len(part.name) + 2 + (len(part.spec) + 1 if part.spec else 0)
        else:
            # a single brace was written as two
            offset += 2 if part in {"{", "}"} else len(part)


def base(rule: Rule, name: str) -> tuple[str, str] | None:
    """The table and the column or fact that a name reads, without the row's prefix; None for other names."""
    stage = rule.detect.stage
    head, dot, rest = name.partition(".")
    if dot and isinstance(stage, Match) and head == "b":
        return stage.table, rest
    steps = {step.name for step in stage.steps} if isinstance(stage, Sequence) else set()
    if dot and (head in {"a", "b"} or head in steps):
        return rule.detect.table, rest
    return rule.detect.table, name
