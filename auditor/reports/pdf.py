"""The PDF: tagged, archival, with the audit and the findings attached, and reading nothing from outside."""

from __future__ import annotations

import re
import warnings
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from auditor.errors import ConfigError, ReportError
from auditor.model.audit import Audit
from auditor.reports import audit_json, csv
from auditor.reports.formats import Options
from auditor.reports.logo import picture
from auditor.reports.markup import tree
from auditor.reports.memory import rare_collections
from auditor.reports.paint import paint
from auditor.reports.settled import settle
from auditor.reports.templates import environment, filled, folders, words
from auditor.reports.view.appendix import Attached
from auditor.reports.view.findings import CARDS, MOST_SHOWN, Limits
from auditor.reports.view.report import Report, report
from auditor.reports.view.wording import wording

if TYPE_CHECKING:
    from weasyprint import HTML, Attachment
    from weasyprint.urls import URLFetcher

VARIANTS = ("pdf/a-3a", "pdf/ua-1")

_FONT = re.compile(r"auditor:fonts/([A-Za-z0-9-]+\.(?:otf|ttf))")
_LOGO_NAME = "auditor:logo"


def render(audit: Audit, options: Options) -> bytes:
    """The report of the audit as PDF. Equal audits give equal bytes with the same libraries and fonts.

    Raises `ReportError` when a template fails, `ConfigError` for a variant or logo that cannot be used.
    """
    if options.variant not in VARIANTS:
        raise ConfigError(f"the PDF variant is {options.variant!r}; one of {', '.join(VARIANTS)}")
    with rare_collections():
        return _rendered(audit, options)


def _rendered(audit: Audit, options: Options) -> bytes:
    attached = attachments(audit)
    tell = options.tell or (lambda _: None)
    tell("laying out the PDF: template")
    view = pdf_view(audit, options, attached=attached)
    html = filled(
        environment(options.templates),
        "report.pdf.j2",
        {"r": view, "paint": paint(audit.report.accent), "logo": _LOGO_NAME},
    )
    return _printed(html, audit, attached=attached, options=options)


def attachments(audit: Audit) -> tuple[Attached, ...]:
    """What travels in the PDF: the bytes that the formats `json` and `csv` write."""
    return (
        Attached("audit.json", audit_json.render(audit), "The audit this report was rendered from", "Source"),
        Attached("findings.csv", csv.render(audit), "Every finding the audit lists", "Data"),
    )


def pdf_view(audit: Audit, options: Options, *, attached: tuple[Attached, ...]) -> Report:
    """The view within the limits of paper: full cards, then rows, then a sentence with the true number."""
    catalogue = words(options.templates)
    place = catalogue.say("findings.place_pdf", sha=attached[1].sha256)
    return report(
        audit,
        wording(catalogue, audit.report.timezone),
        limits=Limits(audit.report.max_findings_per_rule, CARDS, MOST_SHOWN, place),
        attached=attached,
        made_with=_made_with(),
    )


def _made_with() -> str:
    """The libraries that decide the bytes, with their versions."""
    import weasyprint
    from weasyprint.text.ffi import pango

    number = pango.pango_version()
    return (
        f"WeasyPrint {weasyprint.__version__}, Pango {number // 10000}.{number // 100 % 100}.{number % 100}, "
        f"zlib {zlib.ZLIB_RUNTIME_VERSION}, Inter 3.019, JetBrains Mono 2.242"
    )


def _printed(html: str, audit: Audit, *, attached: tuple[Attached, ...], options: Options) -> bytes:
    from weasyprint.urls import FatalURLFetchingError, URLFetcher, URLFetcherResponse

    resources = _resources(audit, options.templates)

    class Packaged(URLFetcher):
        """Fetches the packaged fonts and the logo, and refuses everything else."""

        def fetch(self, url: str, headers: Mapping[str, str] | None = None) -> URLFetcherResponse:
            del headers
            if url not in resources:
                raise FatalURLFetchingError(f"refused: {url[:200]}")
            data, kind = resources[url]
            return URLFetcherResponse(url, data, {"Content-Type": kind})

    tell = options.tell or (lambda _: None)
    try:
        tell("laying out the PDF: pages")
        page = _parsed(html, Packaged(), packaged=options.templates is None)
        document = page.render(pdf_variant=options.variant)
        document.metadata.attachments = [_attachment(file, audit) for file in attached]
        tell(f"laying out the PDF: {len(document.pages):,} pages, writing")
        with warnings.catch_warnings():
            # WeasyPrint 70 leaves its colour profile to the garbage collector.
            warnings.simplefilter("ignore", ResourceWarning)
            written = document.write_pdf(pdf_variant=options.variant, finisher=settle)
    except FatalURLFetchingError as error:
        raise ReportError(f"a template asks for a file that is not packaged: {error}") from error
    if written is None:
        raise ReportError("the PDF was not written")
    return bytes(written)


def _parsed(html: str, fetcher: URLFetcher, *, packaged: bool) -> HTML:
    """The text as WeasyPrint's document. An own template may be any HTML; the packaged ones are XML, too.

    For those, a short sheet of what elements are stands in place of WeasyPrint's, whose rules about notes and markers
    ask for seven styles an element.
    """
    from weasyprint import CSS, HTML

    root = tree(html) if packaged else None
    if root is None:
        return HTML(string=html, url_fetcher=fetcher, base_url="auditor:")
    base = CSS(string=(folders(None)[0] / "base.css").read_text(encoding="utf-8"))

    class Plain(HTML):
        """A document of the packaged templates."""

        def _ua_stylesheets(self, forms: bool = False) -> list[CSS]:  # noqa: FBT001, FBT002 - as it is called
            del forms
            return [base]

    page = Plain(string="<!doctype html>", url_fetcher=fetcher, base_url="auditor:")
    page.wrapper_element = type(page.wrapper_element).from_html_root(root, content_language=None)
    page.etree_element = root
    return page


def _attachment(file: Attached, audit: Audit) -> Attachment:
    from weasyprint import Attachment

    return Attachment(
        string=file.data,
        name=file.name,
        description=file.description,
        relationship=file.relationship,
        created=audit.identity.evaluated_at,
        modified=audit.identity.evaluated_at,
    )


def _resources(audit: Audit, own: Path | None) -> Mapping[str, tuple[bytes, str]]:
    """Every address that may be fetched, with its bytes and type; an own font stands before a packaged one."""
    found: dict[str, tuple[bytes, str]] = {}
    for folder in reversed(folders(own)):
        for path in sorted((folder / "fonts").glob("*")):
            name = f"auditor:fonts/{path.name}"
            if _FONT.fullmatch(name):
                found[name] = (path.read_bytes(), f"font/{path.suffix[1:]}")
    if audit.report.logo:
        found[_LOGO_NAME] = picture(audit.report.logo)
    return found
