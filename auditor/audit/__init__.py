"""The use case: records, rules and a window made into an audit, without network, clock or printing."""

from auditor.audit.judge import Request, check

__all__ = ["Request", "check"]
