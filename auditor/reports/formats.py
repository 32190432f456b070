"""The report formats by name: which suffixes they have, and which module writes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from types import MappingProxyType

from auditor.errors import ConfigError, ReportError
from auditor.frozen import dataclass
from auditor.model.audit import Audit


@dataclass(frozen=True, slots=True)
class Options:
    """What the operator may choose about a rendering.

    `templates` is a folder searched before the packaged one; `variant` is the kind of PDF; `tell` is given one
    line of progress now and then.
    """

    templates: Path | None = None
    variant: str = "pdf/a-3a"
    tell: Callable[[str], None] | None = None


@dataclass(frozen=True, slots=True)
class Format:
    """A format and where its writer lies.

    `module` has a function `render(audit) -> bytes`; for a format with `looks`, `render(audit, options) -> bytes`; for
    one made `in_pieces` also `pieces(audit) -> Iterator[bytes]`, which are the same bytes.
    """

    name: str
    suffixes: tuple[str, ...]
    module: str
    looks: bool = False
    in_pieces: bool = False

    def render(self, audit: Audit, options: Options) -> bytes:
        """The audit in this format; the module is imported only now."""
        module = import_module(self.module)
        written = module.render(audit, options) if self.looks else module.render(audit)
        if not isinstance(written, bytes):
            raise ReportError(f"{self.module}.render gave no bytes")
        return written

    def pieces(self, audit: Audit, options: Options) -> Iterator[bytes]:
        """The same bytes, a piece at a time where the format can be made so: large audits are never held whole."""
        if not self.in_pieces:
            return iter((self.render(audit, options),))
        made: Iterator[bytes] = import_module(self.module).pieces(audit)
        return made


FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        made.name: made
        for made in (
            Format("json", (".json",), "auditor.reports.audit_json", in_pieces=True),
            Format("html", (".html", ".htm"), "auditor.reports.html", looks=True),
            Format("pdf", (".pdf",), "auditor.reports.pdf", looks=True),
            Format("csv", (".csv",), "auditor.reports.csv", in_pieces=True),
            Format("ndjson", (".ndjson", ".jsonl"), "auditor.reports.ndjson", in_pieces=True),
            Format("parquet", (".parquet",), "auditor.reports.parquet"),
            Format("sarif", (".sarif", ".sarif.json"), "auditor.reports.sarif", in_pieces=True),
            Format("junit", (".junit.xml", ".xml"), "auditor.reports.junit"),
            Format("ocsf", (".ocsf.ndjson", ".ocsf.jsonl", ".ocsf"), "auditor.reports.ocsf", in_pieces=True),
            Format("oscal", (".oscal.json", ".oscal"), "auditor.reports.oscal"),
            Format("md", (".md",), "auditor.reports.markdown", looks=True),
        )
    }
)


def format_named(name: str) -> Format:
    """The format of that name; `ConfigError` lists the names when there is none."""
    if name not in FORMATS:
        raise ConfigError(f"unknown format {name!r}; one of {', '.join(FORMATS)}")
    return FORMATS[name]


def format_of(path: Path) -> Format:
    """The format a file's suffix stands for; the longest suffix speaks, so `a.sarif.json` is SARIF."""
    name = path.name.lower()
    matching = [(len(suffix), made) for made in FORMATS.values() for suffix in made.suffixes if name.endswith(suffix)]
    if matching:
        return max(matching, key=lambda match: match[0])[1]
    raise ConfigError(f"{path.name}: no format has this suffix; name one of {', '.join(FORMATS)}")
