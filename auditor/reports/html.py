"""The HTML report: one file that asks for nothing and runs only what its own policy names by hash."""

from __future__ import annotations

import base64
import hashlib
import re

from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup
from pydantic_core import to_json

from auditor.errors import ConfigError, ReportError
from auditor.model.audit import Audit
from auditor.reports.formats import Options
from auditor.reports.memory import rare_collections
from auditor.reports.paint import night, paint
from auditor.reports.templates import environment, filled, words
from auditor.reports.view.findings import Limits
from auditor.reports.view.listing import first_findings, listing
from auditor.reports.view.report import report
from auditor.reports.view.wording import Wording, wording

COLUMNS = ("severity", "rule", "subject", "message", "observed", "state")

_DATA = "<auditor:data/>"
"""What stands for the data while the template is filled. No value can say it, since `<` is escaped in all of them."""
_LOGO = re.compile(r"data:image/(?:png|svg\+xml);base64,[A-Za-z0-9+/=]+")


def render(audit: Audit, options: Options) -> bytes:
    """The report of the audit as one HTML file in UTF-8. Equal audits give equal bytes."""
    with rare_collections():
        return _rendered(audit, options)


def _rendered(audit: Audit, options: Options) -> bytes:
    templates = environment(options.templates)
    catalogue = wording(words(options.templates), audit.report.timezone)
    first = first_findings(audit, catalogue)
    view = report(
        audit,
        catalogue,
        limits=Limits(0, 0, 0, catalogue.say("findings.place_html")),
        placed={row[0].anchor for row in first.rows},
    )
    colours = {"day": paint(audit.report.accent), "night": night(audit.report.accent)}
    style = filled(templates, "screen.css.j2", colours)
    script = _source(templates, "report.js")
    text = filled(
        templates,
        "report.html.j2",
        {
            "r": view,
            "paint": colours["day"],
            "logo": _logo(audit.report.logo),
            "first": first,
            "heads": [(key, _head(key, catalogue)) for key in COLUMNS],
            "script_note": catalogue.say("findings.script", shown=len(first.rows), listed=len(audit.findings)),
            "style": _verbatim(style),
            "style_hash": _hash(style),
            "script": _verbatim(script),
            "script_hash": _hash(script),
            "data": _verbatim(_DATA),
        },
    )
    return embedded(listing(audit, catalogue)).join(text.encode("utf-8", "replace").split(_DATA.encode()))


def embedded(value: object) -> bytes:
    """The value as JSON that cannot end the element it stands in."""
    text = to_json(value)
    for character in "<>&\u2028\u2029":
        text = text.replace(character.encode(), b"\\u%04x" % ord(character))
    return text


def _verbatim(text: str) -> Markup:
    """Text that is no HTML, for inside `style` and `script`."""
    return Markup(text)  # noqa: S704 - our style and script, and JSON without angle brackets


def _hash(text: str) -> str:
    """The source expression of a content security policy."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _source(templates: ImmutableSandboxedEnvironment, name: str) -> str:
    """A file of the template folders as it is."""
    if templates.loader is None:
        raise ReportError(f"{name}: no folder of templates")
    return templates.loader.get_source(templates, name)[0]


def _head(key: str, catalogue: Wording) -> str:
    return catalogue.say("findings.condition" if key == "message" else f"findings.{key}")


def _logo(logo: str | None) -> str:
    if logo and not _LOGO.fullmatch(logo):
        raise ConfigError("report.logo is no PNG or SVG as a data URL")
    return logo or ""
