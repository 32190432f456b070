"""Compliance audits and anomaly detection for Webex meetings.

```python
import auditor

archive = auditor.Archive("archive")
audit = auditor.check(archive, auditor.load_rules(), window=auditor.Window.period("2026-Q3"))
auditor.write_report(audit, "audit.pdf")
```

Names are loaded when they are first used, so `import auditor` stays light.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from auditor.version import VERSION

if TYPE_CHECKING:
    from auditor.api import Archive, Audit, check, load_rules, write_report
    from auditor.model.window import Window

__version__ = VERSION

__all__ = ["Archive", "Audit", "Window", "__version__", "check", "load_rules", "write_report"]

_HOMES = {
    "Archive": "auditor.api",
    "Audit": "auditor.api",
    "Window": "auditor.model.window",
    "check": "auditor.api",
    "load_rules": "auditor.api",
    "write_report": "auditor.api",
}


def __getattr__(name: str) -> object:
    """The public object, imported on first use."""
    if name not in _HOMES:
        raise AttributeError(f"module 'auditor' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
