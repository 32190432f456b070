"""Rule files and folders to a checked set of rules, with every mistake of every file told at once."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import field
from datetime import UTC, datetime
from pathlib import Path

from auditor.documents import DEFAULT_LIMITS, Map, Place, Reading, read
from auditor.errors import Problem, RuleError
from auditor.frozen import dataclass
from auditor.resources import resource
from auditor.rules.language.mistakes import Mistakes
from auditor.rules.language.spec import Rule
from auditor.rules.reading.pack import PackedFile, digest, packed

SUFFIXES = (".yaml", ".yml")
_NOT_RULES = "frameworks"
_TESTS = frozenset({"tests"})
_NOW = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class RuleSet:
    """Checked rules in order of their ids, each id and name once.

    `sources` are their documents by id; bundled rules that were read without their tests may have none.
    """

    rules: tuple[Rule, ...]
    sources: Mapping[str, Map] = field(default_factory=dict, compare=False, repr=False)

    @property
    def digest(self) -> str:
        """The SHA-256 of what all the rules say."""
        said = "\n".join(f"{rule.id} {rule.digest}" for rule in self.rules)
        return hashlib.sha256(said.encode()).hexdigest()

    def get(self, name: str) -> Rule | None:
        """The rule of this id or name."""
        return next((rule for rule in self.rules if name in {rule.id, rule.name}), None)


@dataclass(frozen=True, slots=True)
class _File:
    """A rule file: where it lies, the path its messages show, and what reading it gave before."""

    path: Path
    shown: str
    bundled: bool
    before: PackedFile | None = None


@dataclass(frozen=True, slots=True)
class _Loaded:
    """A rule, where its id and its name stand, and its document when it was read today."""

    rule: Rule
    id: Place
    name: Place
    source: Map | None = None


def load_rules(
    paths: Sequence[Path] = (), *, bundled: bool = True, allow_python: bool = False, tests: bool = True
) -> RuleSet:
    """The rules of the files and folders, and the bundled ones if wanted.

    Raises `RuleError` with all problems of all files. Nothing is run or imported: python rules are an error
    unless `allow_python`, and even then are only named. Without `tests` the bundled rules come without theirs,
    half of what they hold; those of other files are read all the same, so that no mistake is missed.
    """
    rules, problems = read_rules(paths, bundled=bundled, allow_python=allow_python, tests=tests)
    if problems:
        raise RuleError(list(problems))
    return rules


def read_rules(
    paths: Sequence[Path] = (), *, bundled: bool = True, allow_python: bool = False, tests: bool = True
) -> tuple[RuleSet, tuple[Problem, ...]]:
    """The rules that could be read, and every problem of all files."""
    problems: list[Problem] = []
    rules: list[_Loaded] = []
    shipped = [*_bundled(packs=not tests)] if bundled else []
    for file in _unique([*shipped, *_found(paths, problems)]) if paths else shipped:
        rules += _read(file, problems, allow_python=allow_python, without=() if tests or not file.bundled else _TESTS)
    problems += _repeated(rules)
    return _set(rules), tuple(sorted(problems))


def rules_of(content: bytes, *, path: str, allow_python: bool = False) -> RuleSet:
    """The rules of one file's content; raises `RuleError` like `load_rules`."""
    problems: list[Problem] = []
    rules = _rules(read(content, path=path), path, problems, bundled=False, allow_python=allow_python)
    problems += _repeated(rules)
    if problems:
        raise RuleError(problems)
    return _set(rules)


def _set(loaded: Sequence[_Loaded]) -> RuleSet:
    rules = tuple(sorted((one.rule for one in loaded), key=lambda rule: rule.id))
    return RuleSet(rules, {one.rule.id: one.source for one in loaded if one.source is not None})


def _bundled(*, packs: bool) -> Iterator[_File]:
    root = resource("rules")
    before = packed(root) if packs else {}
    for path in _walk(root):
        shown = f"rules/{path.relative_to(root).as_posix()}"
        yield _File(path, shown, bundled=True, before=before.get(shown))


def _found(paths: Sequence[Path], problems: list[Problem]) -> Iterator[_File]:
    for path in paths:
        start = Place(str(path), 1, 1)
        if path.is_dir():
            files = list(_walk(path))
            if not files:
                problems.append(start.problem("the folder holds no rule file"))
            yield from (_File(file, str(file), bundled=False) for file in files)
        elif not path.exists():
            problems.append(start.problem("there is no such file or folder"))
        elif not path.is_file():
            problems.append(start.problem("a rule file is a regular file"))
        elif path.suffix not in SUFFIXES:
            problems.append(start.problem("a rule file ends in .yaml or .yml"))
        else:
            yield _File(path, str(path), bundled=False)


def _walk(folder: Path) -> Iterator[Path]:
    """The rule files below a folder, in order; hidden ones and frameworks are not rules."""
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name != _NOT_RULES)
        for name in sorted(files):
            path = Path(parent, name)
            if path.suffix in SUFFIXES and not name.startswith(".") and path.is_file():
                yield path


def _unique(files: Sequence[_File]) -> Iterator[_File]:
    seen: set[Path] = set()
    for file in files:
        real = file.path.resolve()
        if real not in seen:
            yield file
        seen.add(real)


def _read(file: _File, problems: list[Problem], *, allow_python: bool, without: Collection[str]) -> list[_Loaded]:
    try:
        with file.path.open("rb") as stream:
            content = stream.read(DEFAULT_LIMITS.size + 1)
    except OSError as error:
        problems.append(Problem(file.shown, 1, 1, f"cannot be read: {error.strerror or error}"))
        return []
    if file.before is not None and file.before.digest == digest(content):
        return [_Loaded(*one) for one in file.before.rules(file.shown)]
    reading = read(content, path=file.shown, without=without)
    return _rules(reading, file.shown, problems, bundled=file.bundled, allow_python=allow_python)


def _rules(reading: Reading, path: str, problems: list[Problem], *, bundled: bool, allow_python: bool) -> list[_Loaded]:
    """The rules of a file that was read; a file whose YAML is wrong is checked as far as it goes."""
    from auditor.rules.reading.bind import bind
    from auditor.rules.reading.document import read_rule
    from auditor.rules.reading.patterns import MOST, overweight

    mistakes = Mistakes()
    mistakes.problems += reading.problems
    if not reading.documents and not reading.problems:
        mistakes.add(Place(path, 1, 1), "the file holds no rule")
    heavy = overweight(reading.documents)
    if heavy is not None:
        mistakes.add(heavy, f"the regular expressions up to here stand for more than {MOST:,} classes such as \\w")
    rules = []
    for node in reading.documents if heavy is None else ():
        rule = read_rule(node, mistakes, bundled=bundled, allow_python=allow_python)
        if rule is None or not isinstance(node, Map):
            continue
        rules.append(_Loaded(rule, node.index["id"].place, node.index["name"].place, node))
        try:
            bind(rule, now=_NOW)
        except RuleError as error:
            mistakes.problems += error.problems
    problems += mistakes.problems
    return rules


def _repeated(rules: Sequence[_Loaded]) -> Iterator[Problem]:
    """Ids and names that more than one rule has, at the later one."""
    first: dict[str, Place] = {}
    for loaded in rules:
        named = (("id", loaded.rule.id, loaded.id), ("name", loaded.rule.name, loaded.name))
        for what, text, place in named:
            other = first.setdefault(text, place)
            if other is not place:
                yield place.problem(f"rule {what} '{text}' is already used in {other.path}:{other.line}")
