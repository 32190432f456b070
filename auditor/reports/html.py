"""The HTML report: one file that asks for nothing and runs only what its own policy names by hash."""

from __future__ import annotations

import base64
import hashlib
import json
import re

from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

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

_LOGO = re.compile(r"data:image/(?:png|svg\+xml);base64,[A-Za-z0-9+/=]+")


def render(audit: Audit, options: Options) -> bytes:
    """The report of the audit as one HTML file in UTF-8. Equal audits give equal bytes."""
    with rare_collections():
        return _rendered(audit, options)


def _rendered(audit: Audit, options: Options) -> bytes:
    templates = environment(options.templates)
    catalogue = wording(words(options.templates), audit.report.timezone)
    view = report(audit, catalogue, limits=Limits(0, 0, 0, catalogue.say("findings.place_html")))
    first = first_findings(audit, catalogue)
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
            "data": _verbatim(embedded(listing(audit, catalogue))),
        },
    )
    return text.encode("utf-8", "replace")


def embedded(value: object) -> str:
    """The value as JSON that cannot end the element it stands in."""
    # our own lists hold no circles, and looking for them takes a tenth of the time
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False, check_circular=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
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
