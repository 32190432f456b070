"""`waivers.yaml`: waivers and attestations with their places."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from auditor.documents import Items, Map, Node, Place, Scalar, kind, nearest, printable, read
from auditor.errors import ConfigError, Problem
from auditor.frozen import dataclass
from auditor.model.finding import Value
from auditor.model.vocabulary import Verdict
from auditor.model.waiver import Attestation, Waiver
from auditor.settings.fields import Fields, settle, single

_KNOWN = ("rule", "match", "fingerprint", "approved_by", "ticket", "category", "created")
_REQUIRED = ("id", "reason", "owner", "expires")
_ATTESTED = ("framework", "control", "verdict", "by", "date", "expires")
_HEX = frozenset("0123456789abcdef")
_FINGERPRINT = 64


@dataclass(frozen=True, slots=True)
class Entry:
    """A waiver where it stands; `rule` and `names` are what only the rules can judge."""

    waiver: Waiver
    place: Place
    rule: Scalar | None
    names: tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class Attested:
    """An attestation where its control and framework stand."""

    attestation: Attestation
    framework: Place
    control: Place


@dataclass(frozen=True, slots=True)
class WaiverFile:
    """What one file holds, in its order."""

    path: str
    entries: tuple[Entry, ...] = ()
    attested: tuple[Attested, ...] = ()

    @property
    def waivers(self) -> tuple[Waiver, ...]:
        """The waivers alone."""
        return tuple(entry.waiver for entry in self.entries)

    @property
    def attestations(self) -> tuple[Attestation, ...]:
        """The attestations alone."""
        return tuple(entry.attestation for entry in self.attested)


def load(path: Path) -> WaiverFile:
    """The waivers and attestations of the file at `path`.

    Raises `ConfigFileError` with every mistake of the file, `ConfigError` when it cannot be read.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    return parse(content, path=str(path))


def parse(content: bytes, *, path: str) -> WaiverFile:
    """The waivers and attestations `content` holds; raises `ConfigFileError` with every mistake."""
    problems: list[Problem] = []
    node = single(read(content, path=path), problems=problems)
    file = WaiverFile(path)
    if node is not None:
        fields = Fields(node, problems, known=("waivers", "attestations"))
        entries = [entry for item in fields.maps("waivers") if (entry := _waiver(item, problems))]
        attested = [judged for item in fields.maps("attestations") if (judged := _attestation(item, problems))]
        _unique(entries, problems)
        file = WaiverFile(path, tuple(entries), tuple(attested))
    settle(problems)
    return file


def with_ids(file: WaiverFile, ids: Mapping[str, str]) -> WaiverFile:
    """The file with every rule named by its id; `ids` maps ids and names to ids, unknown rules stay as written."""
    entries = tuple(
        entry
        if entry.waiver.rule is None
        else replace(entry, waiver=replace(entry.waiver, rule=ids.get(entry.waiver.rule, entry.waiver.rule)))
        for entry in file.entries
    )
    return replace(file, entries=entries)


def unknown_rules(file: WaiverFile, ids: Mapping[str, str]) -> list[Problem]:
    """A problem for every waiver whose rule is not among `ids`."""
    return [
        entry.rule.place.problem(f"unknown rule '{printable(entry.rule.text)}'{nearest(entry.rule.text, ids)}")
        for entry in file.entries
        if entry.rule is not None and entry.rule.text not in ids
    ]


def invisible_names(file: WaiverFile, visible: Mapping[str, Collection[str]]) -> list[Problem]:
    """A problem for every name of a `match` that its rule's `finding` cannot see; `visible` is by rule id."""
    problems: list[Problem] = []
    for entry in file.entries:
        rule = entry.waiver.rule
        if rule is None or rule not in visible:
            continue
        seen = sorted(visible[rule])
        problems.extend(
            name.place.problem(
                f"'{printable(name.text)}' is not visible in the finding of {rule}{nearest(name.text, seen)}"
            )
            for name in entry.names
            if name.text not in seen
        )
    return problems


def unknown_controls(file: WaiverFile, controls: Mapping[str, Collection[str]]) -> list[Problem]:
    """A problem for every attestation of a framework or a control that is not among `controls`."""
    problems: list[Problem] = []
    for entry in file.attested:
        framework, control = entry.attestation.framework, entry.attestation.control
        if framework not in controls:
            message = f"unknown framework '{printable(framework)}'{nearest(framework, controls)}"
            problems.append(entry.framework.problem(message))
        elif control not in controls[framework]:
            near = nearest(control, sorted(controls[framework]))
            problems.append(entry.control.problem(f"unknown control '{printable(control)}' in {framework}{near}"))
    return problems


def _unique(entries: Sequence[Entry], problems: list[Problem]) -> None:
    first: dict[str, Place] = {}
    for entry in entries:
        known = first.setdefault(entry.waiver.id, entry.place)
        if known is not entry.place:
            problems.append(
                entry.place.problem(f"waiver id '{printable(entry.waiver.id)}' is already used on line {known.line}")
            )


def _waiver(node: Map, problems: list[Problem]) -> Entry | None:
    before = len(problems)
    fields = Fields(node, problems, known=_KNOWN, required=_REQUIRED)
    name, reason, owner = fields.text("id"), fields.text("reason"), fields.text("owner")
    rule, created, expires = fields.scalar("rule", "text"), fields.day("created"), fields.day("expires")
    match, names = _match(fields)
    fingerprint = _fingerprint(fields)
    if "match" in node.index and "fingerprint" in node.index:
        fields.wrong("fingerprint", "match and fingerprint exclude each other")
    elif "match" not in node.index and "fingerprint" not in node.index:
        problems.append(node.place.problem("missing key 'match' (or 'fingerprint' in its place)"))
    if rule is None and "fingerprint" not in node.index and "rule" not in node.index:
        problems.append(node.place.problem("missing key 'rule'"))
    if created and expires and expires < created:
        fields.wrong("expires", "expires is before created")
    other = {key: fields.text(key) for key in ("approved_by", "ticket", "category")}
    if len(problems) > before or name is None or reason is None or owner is None or expires is None:
        return None
    waiver = Waiver(
        id=name,
        rule=None if rule is None else rule.text,
        match=match,
        fingerprint=fingerprint,
        reason=reason,
        owner=owner,
        expires=expires,
        created=created,
        **other,
    )
    return Entry(waiver, fields.place("id"), rule, names)


def _match(fields: Fields) -> tuple[dict[str, tuple[Value, ...]], tuple[Scalar, ...]]:
    node = fields.map("match")
    if node is None:
        return {}, ()
    if not node.entries:
        fields.wrong("match", "match must name at least one column")
    match = {key.text: tuple(_values(key.text, value, fields.problems)) for key, value in node.entries}
    return match, tuple(key for key, _ in node.entries)


def _values(name: str, node: Node, problems: list[Problem]) -> list[Value]:
    """The allowed values; addresses are trimmed and lower-cased as the tables hold them."""
    if isinstance(node, Map) or (isinstance(node, Items) and not node.items):
        problems.append(node.place.problem(f"expected a value or a list of values, got {kind(node)}"))
        return []
    values: list[Value] = []
    for item in node.items if isinstance(node, Items) else (node,):
        if not isinstance(item, Scalar):
            problems.append(item.place.problem(f"expected a value, got {kind(item)}"))
        elif isinstance(item.value, str) and name.rpartition(".")[2].endswith("email"):
            values.append(item.value.strip().lower())
        else:
            values.append(item.value)
    return values


def _fingerprint(fields: Fields) -> str | None:
    text = fields.text("fingerprint")
    if text is not None and (len(text) != _FINGERPRINT or not set(text) <= _HEX):
        fields.wrong("fingerprint", "a fingerprint is 64 lower-case hex digits; quote it")
    return text


def _attestation(node: Map, problems: list[Problem]) -> Attested | None:
    before = len(problems)
    fields = Fields(node, problems, known=("note",), required=_ATTESTED)
    texts = {key: fields.text(key) for key in ("framework", "by")}
    control = _control(fields)
    verdict = fields.word("verdict", "pass", among=("pass", "fail"))
    date, expires = fields.day("date"), fields.day("expires")
    if len(problems) > before or date is None or expires is None or control is None:
        return None
    if expires < date:
        fields.wrong("expires", "expires is before date")
        return None
    attestation = Attestation(
        framework=texts["framework"] or "",
        control=control,
        verdict=Verdict(verdict),
        by=texts["by"] or "",
        date=date,
        expires=expires,
        note=fields.text("note") or "",
    )
    return Attested(attestation, fields.place("framework"), fields.place("control"))


def _control(fields: Fields) -> str | None:
    """The id of a control; ids such as `32` need no quotes here."""
    value = fields.present("control")
    if value is None:
        return None
    if not isinstance(value, Scalar) or isinstance(value.value, bool):
        fields.wrong("control", f"expected text, got {kind(value)}")
        return None
    return value.text
