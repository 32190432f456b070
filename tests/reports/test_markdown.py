"""The digest: one page, the same figures, nothing in it acts."""

from auditor.reports.formats import FORMATS, Options
from tests.reports.audit_factory import audit_of
from tests.reports.hostile import ALL


def test_the_digest_is_one_page_with_the_figures_of_the_audit() -> None:
    audit = audit_of(60)
    text = FORMATS["md"].render(audit, Options()).decode()
    assert len(text.splitlines()) < 60
    assert text.startswith("# Webex meeting compliance audit\n\n**Exceptions noted, evidence incomplete**\n")
    assert f"{audit.summary.open} of them open" in text
    for severity, count in audit.summary.by_severity.items():
        assert f"| {severity} | {count} |" in text


def test_hostile_words_make_no_markup() -> None:
    text = FORMATS["md"].render(audit_of(60, hostile=ALL), Options()).decode()
    for line in text.splitlines():
        assert "<script" not in line.replace("\\<", "")
        assert "](" not in line.replace("\\]", "")
        assert "\x1b" not in line


def test_the_digest_names_no_person() -> None:
    assert "@" not in FORMATS["md"].render(audit_of(60), Options()).decode()
