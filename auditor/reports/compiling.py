"""Writes the code of the packaged templates: `python -m auditor.reports.compiling [FILE]`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from auditor.reports.compiled import FOLDER, MADE_BY, NAME, digest
from auditor.reports.templates import environment
from auditor.resources import resource


def compiled(folder: Path) -> bytes:
    """The code the environment of reports makes of each template in the folder."""
    templates = environment(None)
    code = {}
    for path in sorted(folder.glob("*.j2")):
        source = path.read_text(encoding="utf-8")
        code[f"{path.name} {digest(source)}"] = templates.compile(source, path.name, str(path), raw=True)
    return json.dumps({"made_by": MADE_BY, "code": code}, ensure_ascii=False, indent=1).encode() + b"\n"


if __name__ == "__main__":
    shipped = resource(FOLDER)
    (shipped / NAME if len(sys.argv) == 1 else Path(sys.argv[1])).write_bytes(compiled(shipped))
