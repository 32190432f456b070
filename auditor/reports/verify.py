"""Whether a PDF report is what it says: its signature, its attachments, and that they render to its bytes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from auditor.errors import AuditorError
from auditor.reports import audit_json, csv
from auditor.reports.formats import Options
from auditor.reports.pdf import VARIANTS, render
from auditor.reports.sign import attached, signatures


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at: `held` is None when there was nothing to judge."""

    name: str
    held: bool | None
    words: str


def verified(pdf: bytes, *, options: Options, roots: Path | None) -> tuple[Check, ...]:
    """What was checked, in this order: signatures, `audit.json`, `findings.csv`, the rendering."""
    files = attached(pdf)
    checks = list(_signatures(pdf, roots))
    data = files.get("audit.json")
    if data is None:
        return (*checks, Check("audit.json", held=False, words="is not attached"))
    try:
        audit = audit_json.load(data)
    except AuditorError as error:
        return (*checks, Check("audit.json", held=False, words=str(error)))
    same = audit_json.render(audit) == data
    checks.append(
        Check("audit.json", same, f"audit {audit.identity.id}" if same else "is not written as this version writes it")
    )
    listed = files.get("findings.csv") == csv.render(audit)
    checks.append(
        Check("findings.csv", listed, "holds the findings of audit.json" if listed else "does not match audit.json")
    )
    rendered = any(pdf.startswith(render(audit, replace(options, variant=variant))) for variant in VARIANTS)
    checks.append(
        Check(
            "rendering",
            rendered,
            "audit.json renders to this report, byte for byte"
            if rendered
            else "audit.json renders to other bytes here; compare the versions in appendix A before judging",
        )
    )
    return tuple(checks)


def _signatures(pdf: bytes, roots: Path | None) -> tuple[Check, ...]:
    found = signatures(pdf, roots=roots)
    if not found:
        return (Check("signature", None, "the report is not signed"),)
    return tuple(
        Check(
            "signature",
            one.intact and one.whole and (one.trusted or roots is None),
            f"{one.signer}: "
            + ("untouched since it was signed" if one.intact else "the signed bytes were changed")
            + ("" if one.whole else ", bytes were added after it")
            + (", trusted" if one.trusted else ", not judged for trust" if roots is None else ", not trusted"),
        )
        for one in found
    )
