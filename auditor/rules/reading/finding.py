"""`finding` and `severity_when`, read from their nodes."""

from __future__ import annotations

from auditor.documents import Items, Map, Node, Scalar, printable
from auditor.model.vocabulary import Severity
from auditor.rules.language.mistakes import text_of
from auditor.rules.language.names import Scope
from auditor.rules.language.spec import Condition, EvidenceSpec, FindingSpec, Template
from auditor.rules.language.templates import template
from auditor.rules.language.tree import Type
from auditor.rules.reading.draft import Draft
from auditor.rules.reading.forms import EvidenceForm
from auditor.rules.reading.structure import shape


def read_finding(draft: Draft, node: Map, scope: Scope) -> FindingSpec | None:
    """How a hit is worded, shown and identified; None after mistakes."""
    subject, message = _template(draft, node, "subject", scope), _template(draft, node, "message", scope)
    evidence_node = draft.at(node, "evidence")
    items = evidence_node.items if isinstance(evidence_node, Items) else ()
    evidence = [_evidence(draft, item, scope) for item in items]
    known = tuple(item for item in evidence if item is not None)
    _refuse_repeated(draft, items)
    fingerprint_node = draft.at(node, "fingerprint")
    fingerprint = _fingerprint(draft, fingerprint_node, scope) if isinstance(fingerprint_node, Items) else None
    limit = draft.at(node, "limit")
    most = limit.value if isinstance(limit, Scalar) and isinstance(limit.value, int) else None
    if subject is None or message is None or fingerprint is None or len(known) < len(evidence):
        return None
    types = tuple(scope.type_of(name) or Type.NULL for name in fingerprint)
    return FindingSpec(subject, message, known, fingerprint, types, most)


def _template(draft: Draft, node: Map, key: str, scope: Scope) -> Template | None:
    found = draft.at(node, key)
    return template(found, scope, draft.mistakes, name=key) if isinstance(found, Scalar) else None


def _evidence(draft: Draft, node: Node, scope: Scope) -> EvidenceSpec | None:
    redact = None
    column: Node | None = node
    if isinstance(node, Map):
        inner = shape(node, EvidenceForm, draft.mistakes)
        column, redact = inner.get(node, "column"), text_of(inner.get(node, "redact"))
    elif text_of(node) is None:
        draft.mistakes.expected("column or map", node)
        return None
    if column is None:
        return None
    kind = draft.column(column, scope)
    return None if kind is None else EvidenceSpec(text_of(column) or "", kind, redact)


def _refuse_repeated(draft: Draft, items: tuple[Node, ...]) -> None:
    seen: set[str] = set()
    for item in items:
        name = text_of(item.get("column") if isinstance(item, Map) else item)
        if name is not None and name in seen:
            draft.mistakes.add(item, f"'{printable(name)}' is listed twice")
        seen.add(name or "")


def _fingerprint(draft: Draft, node: Items, scope: Scope) -> tuple[str, ...] | None:
    names: list[str] = []
    right = True
    for item in node.items:
        name = text_of(item) or ""
        if name in names:
            draft.mistakes.add(item, f"'{printable(name)}' is listed twice")
            right = False
        elif draft.column(item, scope) is None:
            right = False
        names.append(name)
    return tuple(names) if right else None


def read_severities(draft: Draft, node: Node | None, scope: Scope) -> tuple[tuple[Condition, Severity], ...] | None:
    """The severities that depend on the finding, in order; None after mistakes."""
    if not isinstance(node, Items):
        return ()
    found = []
    for item in node.items:
        if isinstance(item, Map):
            condition = draft.condition(item, "if", scope)
            word = text_of(draft.at(item, "severity"))
            if condition is not None and word is not None:
                found.append((condition, Severity(word)))
    return tuple(found) if len(found) == len(node.items) else None
