"""The bundled rules and frameworks as they were read and checked before, in one file beside them.

Reading YAML, expressions and templates takes longer than judging a small archive. So `rules/pack.jsonl` holds what
reading the bundled files gives, with the SHA-256 of every file and of the code that read it. What is not exactly the
same today is read from its file, so the pack changes how long a start takes and never what a rule means.
`auditor.rules.reading.packing` writes it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TypeAlias

from auditor.documents import Place
from auditor.frozen import dataclass
from auditor.model.vocabulary import Confidence, Severity, Status
from auditor.rules.language import spec, tree
from auditor.rules.language.frameworks import Control, Framework
from auditor.rules.language.spec import Rule
from auditor.tables.facts import FACTS, TRACKING_CODE, fact_table
from auditor.tables.schema import TABLES

NAME = "pack.jsonl"

Packed: TypeAlias = "str | bool | int | float | dict[str, list[Packed]] | None"
Made: TypeAlias = Callable[..., object]

PACKAGE = Path(__file__).resolve().parents[2]
_RECORDS = (
    tree.Literal,
    tree.Column,
    tree.Param,
    tree.ListName,
    tree.Now,
    tree.Op,
    spec.Clause,
    spec.Condition,
    spec.ParamSpec,
    spec.ListSpec,
    spec.Derived,
    spec.GroupWindow,
    spec.Group,
    spec.Pairs,
    spec.Match,
    spec.Step,
    spec.Sequence,
    spec.Baseline,
    spec.Detector,
    spec.Detect,
    spec.Field,
    spec.Template,
    spec.EvidenceSpec,
    spec.FindingSpec,
    spec.Needs,
    spec.Rule,
    Control,
    Framework,
)
_WORDS = (tree.Type, Confidence, Severity, Status)


def _tuple(*items: object) -> tuple[object, ...]:
    return items


def _set(*items: object) -> frozenset[object]:
    return frozenset(items)


def _map(*flat: object) -> dict[object, object]:
    return dict(zip(flat[::2], flat[1::2], strict=True))


def _fixed_map(*flat: object) -> Mapping[object, object]:
    return MappingProxyType(_map(*flat))


_KINDS: Mapping[type, str] = {
    kind: str(number)
    for number, kind in enumerate(
        (Place, tuple, frozenset, dict, MappingProxyType, timedelta, datetime, *_WORDS, *_RECORDS)
    )
}
"""The name of each kind of value: a value is packed as a map of that name to a list of its parts."""

_MAKERS: Mapping[str, Made] = {
    **{name: kind for kind, name in _KINDS.items()},
    _KINDS[tuple]: _tuple,
    _KINDS[frozenset]: _set,
    _KINDS[dict]: _map,
    _KINDS[MappingProxyType]: _fixed_map,
    _KINDS[datetime]: datetime.fromisoformat,
    **{_KINDS[words]: {member.value: member for member in words}.__getitem__ for words in _WORDS},
}
"""What makes a value of a kind of its parts."""


@dataclass(frozen=True, slots=True)
class PackedFile:
    """What reading one file gave: its rules, each with the places of its id and its name, or its framework."""

    digest: str
    line: bytes

    def rules(self, shown: str) -> tuple[tuple[Rule, Place, Place], ...]:
        """The rules of the file whose messages show the path `shown`."""
        made = _made(self.line, {**_MAKERS, _KINDS[Place]: partial(Place, shown)})
        if not isinstance(made, tuple):
            raise TypeError(f"{shown}: the pack holds no rules")
        return made

    def framework(self) -> Framework:
        """The framework of the file."""
        made = _made(self.line, _MAKERS)
        if not isinstance(made, Framework):
            raise TypeError("the pack holds no framework")
        return made


def packed(root: Path) -> Mapping[str, PackedFile]:
    """The files the pack below `root` holds, by path; none when it is not there, is damaged or other code made it.

    The first line names the modules that read the files, with their SHA-256, the files with theirs, and that of all
    that follows: a line a file.
    """
    try:
        head, _, body = (root / NAME).read_bytes().partition(b"\n")
        told = json.loads(head)
        if told["body"] != digest(body) or told["readers"] != readers_digest(told["modules"]):
            return {}
        named = zip(told["files"].items(), body.splitlines(), strict=True)
        return {path: PackedFile(written, line) for (path, written), line in named}
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return {}


def digest(content: bytes) -> str:
    """The SHA-256 of a file's bytes."""
    return hashlib.sha256(content).hexdigest()


def readers_digest(modules: Iterable[str]) -> str:
    """The SHA-256 of what a file is read by: tables and facts with their types, the source of the modules.

    The modules are files below the package. `OSError` when one is not there.
    """
    whole = hashlib.sha256(TRACKING_CODE.encode())
    for name, table in sorted(TABLES.items()):
        facts = [(fact, str(dtype), fact_table(name, fact)) for fact, dtype in sorted(FACTS[name].items())]
        whole.update(f"{table} {facts}\n".encode())
    for name in modules:
        source = (PACKAGE / name).read_bytes()
        whole.update(f"{name} {len(source)}\n".encode())
        whole.update(source)
    return whole.hexdigest()


def value_packed(value: object) -> Packed:
    """The value as JSON can hold it; of a place the path is left out. `TypeError` for a kind the pack does not know."""
    if value is None or type(value) in {str, bool, int, float}:
        return value  # type: ignore[return-value] # one of those types
    kind = _KINDS.get(type(value))
    if kind is None:
        raise TypeError(f"a pack holds no {type(value).__name__}")
    return {kind: [*map(value_packed, _parts(value))]}


def _parts(value: object) -> Iterable[object]:
    match value:
        case Place():
            return (value.line, value.column)
        case tuple():
            return value
        case frozenset():
            return sorted(value)
        case dict() | MappingProxyType():
            return [part for pair in value.items() for part in pair]
        case timedelta():
            return (value.days, value.seconds, value.microseconds)
        case datetime():
            return (value.isoformat(),)
        case StrEnum():
            return (value.value,)
    if not is_dataclass(value):
        raise TypeError(f"a pack holds no {type(value).__name__}")
    return [getattr(value, part.name) for part in fields(value)]


def _made(line: bytes, makers: Mapping[str, Made]) -> object:
    """The value that was packed into the line."""

    def made(pairs: list[tuple[str, list[object]]]) -> object:
        kind, parts = pairs[0]
        return makers[kind](*parts)

    value: object = json.loads(line, object_pairs_hook=made)
    return value
