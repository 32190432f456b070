"""What reports cost: CPU seconds and peak memory of PDFs, and how fast a large HTML report is written and answers.

    python -m benchmarks reports [-- --sizes 200,1000,5000 --list 100000]

Every PDF is rendered in a process of its own, interpreter, imports and attachments included. The HTML is opened from
its file in Chromium:
first paint from the browser's own clock, a filter from the keystroke's handler to the drawn rows.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RENDER = """
import resource, sys
from pathlib import Path
from auditor.reports.audit_json import load
from auditor.reports.formats import FORMATS, Options
audit = load(Path(sys.argv[1]).read_bytes())
written = FORMATS["pdf"].render(audit, Options())
used = resource.getrusage(resource.RUSAGE_SELF)
print(used.ru_utime + used.ru_stime, used.ru_maxrss * 1024 / 1e6, len(written))
"""
LIMITS = {200: 4.0, 1_000: 10.0, 5_000: 40.0}
MOST_MEMORY = 600


def main(words: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="reports")
    parser.add_argument("--sizes", default="200,1000,5000")
    parser.add_argument("--list", type=int, default=100_000, dest="long")
    asked = parser.parse_args(words)
    pace = _pace()
    print(f"pace: ten million additions in {pace:.2f} s")
    with tempfile.TemporaryDirectory() as folder:
        for size in map(int, asked.sizes.split(",")):
            _pdf(size, Path(folder))
        _html(asked.long, Path(folder))


def _pace() -> float:
    """A measure of the machine to hold the seconds against."""
    began = time.process_time()
    total = 0
    for number in range(10_000_000):
        total += number
    return time.process_time() - began


def _pdf(size: int, folder: Path) -> None:
    from auditor.reports.audit_json import dump
    from tests.reports.audit_factory import audit_of

    saved = folder / f"{size}.json"
    saved.write_bytes(dump(audit_of(size)))
    done = subprocess.run([sys.executable, "-c", RENDER, str(saved)], check=True, capture_output=True, text=True)
    seconds, memory, length = map(float, done.stdout.split())
    print(
        f"pdf with {size:>6,} findings: {seconds:5.1f} CPU-s (at most {LIMITS.get(size, 0):.0f}), "
        f"{memory:4.0f} MB (at most {MOST_MEMORY}), {length / 1e6:.1f} MB written"
    )


def _html(size: int, folder: Path) -> None:
    from auditor.reports.formats import FORMATS, Options
    from tests.reports.audit_factory import audit_of

    audit = audit_of(size)
    began = time.process_time()
    written = FORMATS["html"].render(audit, Options())
    print(
        f"html with {size:,} findings: {time.process_time() - began:.1f} CPU-s (at most 3), {len(written) / 1e6:.1f} MB"
    )
    path = folder / "report.html"
    path.write_bytes(written)
    _browse(path)


def _browse(path: Path) -> None:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        print("no Chromium on this machine: nothing painted")
        return
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        began = time.perf_counter()
        page.goto(f"file://{path}", wait_until="commit")
        page.wait_for_selector("html[data-ready]", timeout=60_000)
        ready = time.perf_counter() - began
        paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? -1")
        page.wait_for_selector("html[data-indexed]", state="attached", timeout=60_000)
        took = page.evaluate(
            """() => {
              const times = [];
              for (const [id, value] of [["severity", "1"], ["severity", ""], ["state", "0"], ["waived", "0"]]) {
                const select = document.getElementById(id);
                select.value = value;
                const began = performance.now();
                select.dispatchEvent(new Event("change", { bubbles: true }));
                times.push(performance.now() - began);
              }
              document.getElementById("clear").click();
              return times;
            }"""
        )
        searched = page.evaluate(
            """() => new Promise((done) => {
              const q = document.getElementById("q");
              q.value = "board example";
              const status = document.getElementById("matches");
              const began = performance.now();
              new MutationObserver(() => done(performance.now() - began)).observe(status, { childList: true });
              q.dispatchEvent(new Event("input"));
            })"""
        )
        elements = page.evaluate("document.querySelectorAll('.item').length")
        browser.close()
    print(
        f"first paint {paint:.0f} ms (at most 1,000), list ready after {ready * 1000:.0f} ms, "
        f"{elements} rows in the document"
    )
    print(
        f"filters {', '.join(f'{t:.0f}' for t in took)} ms (at most 100), "
        f"search {searched:.0f} ms from the key to the drawn rows (at most 100)"
    )


if __name__ == "__main__":
    main(sys.argv[1:])
