"""The code Jinja makes of the packaged templates, made before and kept in one file beside them.

Making it takes as long as laying out several pages. So `report_templates/compiled.json` holds it, with the SHA-256 of
each template and the version of Jinja. Of a text that is not exactly one of these, such as a template of the operator's
own, Jinja makes the code when it is asked for. So the file changes how long a report takes and never what it says.
`auditor.reports.compiling` writes it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING

import jinja2
from jinja2 import BytecodeCache

from auditor.resources import resource

if TYPE_CHECKING:
    from jinja2.bccache import Bucket

FOLDER = "report_templates"
NAME = "compiled.json"
MADE_BY = f"Jinja {getattr(jinja2, '__version__', '')}"


class Compiled(BytecodeCache):
    """The packaged code by name and text of the template. Nothing is ever put in."""

    def get_cache_key(self, name: str, filename: str | None = None) -> str:
        """The name alone, wherever the file lies."""
        del filename
        return name

    def get_source_checksum(self, source: str) -> str:
        """The SHA-256 of the text."""
        return digest(source)

    def load_bytecode(self, bucket: Bucket) -> None:
        """Gives the bucket the code when its text is the one the code was made of."""
        code = _code().get(f"{bucket.key} {bucket.checksum}")
        if code is not None:
            bucket.code = compile(code, str(resource(FOLDER) / bucket.key), "exec")

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keeps nothing."""


def digest(source: str) -> str:
    """The SHA-256 of the text of a template."""
    return hashlib.sha256(source.encode("utf-8", "surrogatepass")).hexdigest()


@cache
def _code() -> Mapping[str, str]:
    """The code by name and SHA-256 of its template; none where another version of Jinja made it."""
    held = json.loads((resource(FOLDER) / NAME).read_bytes())
    code: dict[str, str] = held["code"]
    return code if held["made_by"] == MADE_BY else {}
