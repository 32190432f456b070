"""What makes an audit this one: digests of everything that decides its content."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from uuid import UUID, uuid5

from auditor.model.audit import Audit, Identity, ReportSettings
from auditor.model.waiver import Attestation, Waiver
from auditor.model.window import Window, iso
from auditor.version import VERSION

_AUDITS = UUID("d0c41f6e-6a0e-5c4b-9d2f-0a5f5b1c7e21")


def config_digest(
    settings_digest: str,
    *,
    chosen: Sequence[str],
    overrides: Sequence[tuple[str, str, str]],
    waivers: Sequence[Waiver],
    attestations: Sequence[Attestation],
    report: ReportSettings,
    databases: Sequence[str],
) -> str:
    """SHA-256 of the effective configuration: file, command line, waivers and GeoIP databases."""
    told = [
        settings_digest,
        list(chosen),
        [list(override) for override in overrides],
        [_plain(waiver, Waiver.__slots__) for waiver in waivers],
        [_plain(attestation, Attestation.__slots__) for attestation in attestations],
        _plain(report, ReportSettings.__slots__),
        list(databases),
    ]
    return _sha256(told)


def identity(
    *,
    window: Window,
    sites: Sequence[str],
    now: datetime,
    rules_digest: str,
    evidence_head: str,
    config: str,
    previous: Audit | None,
) -> Identity:
    """The identity of an audit; its id is a UUID of everything else in it and of the audit before."""
    rules, head = _bare(rules_digest), _bare(evidence_head)
    told = [
        VERSION,
        rules,
        head,
        config,
        iso(window.start),
        iso(window.end),
        list(sites),
        iso(now),
        previous.identity.id if previous is not None else None,
    ]
    return Identity(
        id=str(uuid5(_AUDITS, _text(told))),
        auditor_version=VERSION,
        window=window,
        sites=tuple(sites),
        evaluated_at=now,
        rules_digest=rules,
        evidence_head=head,
        config_digest=config,
    )


def _bare(digest: str) -> str:
    """The 64 hex digits: `sha256:` stands before them only where they are written."""
    return digest.removeprefix("sha256:")


def _plain(data: Waiver | Attestation | ReportSettings, names: Sequence[str]) -> list[object]:
    return [getattr(data, name) for name in names]


def _text(told: object) -> str:
    return json.dumps(told, ensure_ascii=True, separators=(",", ":"), sort_keys=True, default=str)


def _sha256(told: object) -> str:
    return sha256(_text(told).encode()).hexdigest()
