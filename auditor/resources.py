"""Where the shipped rules, templates and sample data lie, in a wheel as in a checkout."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def resource(name: str) -> Path:
    """The folder or file `name` of the shipped data, such as `rules` or `sample_data/site.json`.

    A wheel holds it under `auditor/_data`; a checkout has it beside the package.
    """
    for base in (_PACKAGE / "_data", _PACKAGE.parent):
        path = base / name
        if path.exists():
            return path
    raise FileNotFoundError(f"{name} is not part of this installation")
