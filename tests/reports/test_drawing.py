"""WeasyPrint as we use it: no programs are run to import it, and it draws what it draws anyway."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from weasyprint import HTML

from auditor.reports.drawing import pages_known, ready

ASKED = """
import ctypes.util
from auditor.reports.drawing import ready
found = ctypes.util.find_library
ready()
assert ctypes.util.find_library is found
from weasyprint import HTML
print(len(HTML(string="<p>one").write_pdf()) > 500)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such programs")
def test_no_compiler_is_asked_where_libraries_lie(tmp_path: Path) -> None:
    for name in ("gcc", "cc", "ld"):
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\necho {name} >> {tmp_path}/asked\nexit 1\n", encoding="utf-8")
        program.chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    told = subprocess.run(
        [sys.executable, "-c", ASKED], check=True, capture_output=True, text=True, env={**os.environ, "PATH": path}
    )
    assert told.stdout == "True\n"
    assert not (tmp_path / "asked").exists()


def test_tags_refer_to_their_pages_as_they_do_anyway() -> None:
    ready()
    drawn = HTML(
        string='<html lang="en"><title>x</title>' + "<h1>One</h1><p>two</p><hr style=break-after:page>" * 3
    ).render()
    plain, known = io.BytesIO(), io.BytesIO()
    drawn.write_pdf(plain, pdf_variant="pdf/ua-1")
    with pages_known():
        drawn.write_pdf(known, pdf_variant="pdf/ua-1")
    assert known.getvalue() == plain.getvalue()
