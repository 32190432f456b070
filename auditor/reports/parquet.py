"""The findings of an audit as Parquet."""

from __future__ import annotations

import io

from auditor.model.audit import Audit
from auditor.reports.frame import findings_frame

_ROWS = 65_536


def render(audit: Audit) -> bytes:
    """One row a finding in the order of the audit; the columns of `findings_frame`."""
    out = io.BytesIO()
    findings_frame(audit).write_parquet(
        out, compression="zstd", compression_level=3, statistics=True, row_group_size=_ROWS
    )
    return out.getvalue()
