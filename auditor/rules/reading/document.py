"""One document of a rule file to a checked rule."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace

from auditor.documents import Items, Map, Node, Scalar, kind, plain
from auditor.model.vocabulary import Confidence, Severity, Status
from auditor.rules.language.conditions import Conditions
from auditor.rules.language.mistakes import Mistakes, text_of
from auditor.rules.language.spec import Detect, FindingSpec, ListSpec, Needs, Rule
from auditor.rules.reading.cases import Known, read_cases
from auditor.rules.reading.detect import read_detect
from auditor.rules.reading.draft import Draft
from auditor.rules.reading.finding import read_finding, read_severities
from auditor.rules.reading.forms import RuleForm
from auditor.rules.reading.needs import inferred, with_undeclared
from auditor.rules.reading.params import ValueMistake, parameters, texts
from auditor.rules.reading.structure import Shape, shape

_NOTHING = Needs((), (), {}, ())
_ALWAYS_GIVEN = frozenset({"internal_domains"})
"""Lists that tables read themselves, so every test may give them."""


def read_rule(node: Node, mistakes: Mistakes, *, bundled: bool, allow_python: bool) -> Rule | None:
    """The rule of a document; None after its mistakes have been told."""
    if not isinstance(node, Map):
        mistakes.add(node, f"expected map, got {kind(node)}; a rule begins with schema: 1")
        return None
    before = len(mistakes.problems)
    draft = _draft(node, mistakes)
    lists = _lists(draft, draft.at(node, "lists"))
    detect_node, finding_node = draft.at(node, "detect"), draft.at(node, "finding")
    detect, seen = (
        read_detect(draft, detect_node, allow_python=allow_python) if isinstance(detect_node, Map) else (None, None)
    )
    finding = read_finding(draft, finding_node, seen) if seen is not None and isinstance(finding_node, Map) else None
    severities = read_severities(draft, draft.at(node, "severity_when"), seen) if seen is not None else None
    _check_status(draft, node)
    rule = None
    named = frozenset(spec.name for spec in lists) | _ALWAYS_GIVEN
    if detect is not None and finding is not None and severities is not None and len(mistakes.problems) == before:
        rule = _rule(draft, detect, finding, lists=lists, bundled=bundled)
        rule = replace(rule, severity_when=severities)
        rule = replace(rule, needs=inferred(rule, draft, draft.at(node, "requires")))
        rule = replace(rule, lists=with_undeclared(lists, rule.needs.lists))
        named |= frozenset(rule.needs.lists)
    cases = read_cases(draft, draft.at(node, "tests"), Known(seen if rule is not None else None, named))
    return replace(rule, cases=cases) if rule is not None and len(mistakes.problems) == before else None


def _draft(node: Map, mistakes: Mistakes) -> Draft:
    shaped = shape(node, RuleForm, mistakes)
    declared = shaped.get(node, "params")
    params = parameters(declared, shaped, mistakes)
    written = {key.text for key, _ in declared.entries} if isinstance(declared, Map) else set()
    broken = frozenset(f"param.{name}" for name in written - set(params))
    return Draft(node, shaped, mistakes, Conditions(mistakes), params, broken)


def _lists(draft: Draft, node: Node | None) -> tuple[ListSpec, ...]:
    found = []
    for key, value in node.entries if isinstance(node, Map) else ():
        if not isinstance(value, Map):
            continue
        default = draft.at(value, "default")
        items = None
        if default is not None:
            try:
                items = texts(default)
            except ValueMistake as mistake:
                if id(mistake.node) not in draft.shape.wrong:
                    draft.mistakes.add(mistake.node, mistake.message)
        found.append(ListSpec(key.text, items, text_of(draft.at(value, "description")) or "", key.place))
    return tuple(found)


def _check_status(draft: Draft, node: Map) -> None:
    if draft.at(node, "replaced_by") is not None and text_of(node.get("status")) != Status.DEPRECATED:
        draft.mistakes.add(node.key("replaced_by"), "replaced_by belongs to deprecated rules")


def _rule(draft: Draft, detect: Detect, finding: FindingSpec, *, lists: tuple[ListSpec, ...], bundled: bool) -> Rule:
    text = _Texts(draft.node, draft.shape)
    version = draft.node.get("version")
    return Rule(
        position=draft.node.key("id").place,
        id=text.one("id"),
        name=text.one("name"),
        title=text.one("title"),
        status=Status(text.one("status", Status.TEST)),
        severity=Severity(text.one("severity")),
        confidence=Confidence(text.one("confidence", Confidence.MEDIUM)),
        version=version.value if isinstance(version, Scalar) and isinstance(version.value, int) else 1,
        replaced_by=text.one("replaced_by") or None,
        description=text.one("description"),
        rationale=text.one("rationale"),
        remediation=text.one("remediation"),
        false_positives=text.many("false_positives"),
        references=text.many("references"),
        tags=text.many("tags"),
        authors=text.many("authors"),
        created=text.one("created") or None,
        modified=text.one("modified") or None,
        controls=text.by_name("controls"),
        nulls=text.one("nulls", "unknown"),
        params=tuple(draft.params.values()),
        lists=lists,
        needs=_NOTHING,
        detect=detect,
        finding=finding,
        severity_when=(),
        digest=digest(draft.node),
        bundled=bundled,
    )


class _Texts:
    """The plain texts of a rule."""

    def __init__(self, node: Map, shaped: Shape) -> None:
        self.node = node
        self.shape = shaped

    def one(self, key: str, default: str = "") -> str:
        return text_of(self.shape.get(self.node, key)) or default

    def many(self, key: str) -> tuple[str, ...]:
        found = self.shape.get(self.node, key)
        return tuple(text_of(item) or "" for item in found.items) if isinstance(found, Items) else ()

    def by_name(self, key: str) -> Mapping[str, tuple[str, ...]]:
        found = self.shape.get(self.node, key)
        if not isinstance(found, Map):
            return {}
        return {
            name.text: tuple(text_of(item) or "" for item in value.items)
            for name, value in found.entries
            if isinstance(value, Items)
        }


def digest(node: Map) -> str:
    """The SHA-256 of what a rule says, whatever its layout, comments, order of keys and tests."""
    said = {key.text: plain(value) for key, value in node.entries if key.text != "tests"}
    written = json.dumps(said, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(written.encode("utf-8", "backslashreplace")).hexdigest()
