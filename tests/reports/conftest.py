"""Reports that several tests look at, and one browser for all of them."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from auditor.model.audit import Audit
from auditor.reports.formats import FORMATS, Options
from tests.reports.audit_factory import audit_of
from tests.reports.hostile import ALL


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium. While it is there an event loop runs, and nothing else that wants one can be tested."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium on this machine")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="session")
def audit() -> Audit:
    return audit_of(240)


@pytest.fixture(scope="session")
def hostile_audit() -> Audit:
    return audit_of(60, hostile=ALL)


@pytest.fixture(scope="session")
def html(audit: Audit, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("html") / "report.html"
    path.write_bytes(FORMATS["html"].render(audit, Options()))
    return path


@pytest.fixture(scope="session")
def hostile_html(hostile_audit: Audit, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("html") / "hostile.html"
    path.write_bytes(FORMATS["html"].render(hostile_audit, Options()))
    return path


@pytest.fixture(scope="session")
def small() -> Audit:
    return audit_of(16)


@pytest.fixture(scope="session")
def pdf(small: Audit, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return printed("report.pdf", small, tmp_path_factory)


@pytest.fixture(scope="session")
def hostile_pdf(hostile_audit: Audit, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return printed("hostile.pdf", hostile_audit, tmp_path_factory)


@pytest.fixture(scope="session")
def three() -> Audit:
    return audit_of(3)


@pytest.fixture(scope="session")
def three_pdf(three: Audit, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return printed("three.pdf", three, tmp_path_factory)


def printed(name: str, audit: Audit, factory: pytest.TempPathFactory) -> Path:
    """The report as PDF, laid out by the first process of this run that asks for it."""
    folder = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    path = folder / name
    with (folder / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            path.write_bytes(FORMATS["pdf"].render(audit, Options()))
    return path
