"""What every test stands on: hypothesis profiles, markers by folder, and the command line as a child process."""

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, is_hypothesis_test, settings

TESTS = Path(__file__).parent
MARKED_FOLDERS = ("e2e", "packaging", "faults")

settings.register_profile(
    "quick",
    deadline=None,
    derandomize=True,
    database=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("unshrunk", settings.get_profile("quick"), phases=[Phase.explicit, Phase.generate])
settings.register_profile("soak", deadline=None, max_examples=2000, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))

UNCOUNTED = (
    "engines/test_same_bytes.py",
    "reports/test_every_format.py",
    "reports/test_pdf.py",
    "rules/test_bundled.py",
    "rules_engine/test_batches.py",
    "rules_engine/test_splitting.py",
)
"""Dear tests that take no branch which cheaper ones do not; coverage is not counted in them, nor in laws."""

LONG = (
    "reports/test_html_browser.py",
    "rules_engine/test_batches.py",
    "e2e/test_demo.py",
    "reports/test_pdf.py",
    "faults/test_collect_faults.py",
    "rules_engine/test_splitting.py",
    "faults/test_collect_people.py",
    "cli/test_collect.py",
    "faults/test_collect_resume.py",
    "engines/test_apart.py",
    "reports/test_files.py",
    "rules_engine/test_held.py",
    "cli/test_root.py",
    "rules/test_bundled.py",
    "cli/test_doctor.py",
    "tables/test_coverage.py",
    "tables/test_damage.py",
    "reports/test_every_format.py",
    "engines/test_same_bytes.py",
    "rules_language/test_pack.py",
    "facts/test_network_facts.py",
    "rules_engine/test_groups.py",
    "tables/test_remake.py",
    "rules_engine/test_lessons.py",
    "packaging/test_installed.py",
    "packaging/test_wheel.py",
)
"""The dearest files, the dearest first. Begun first, none is still at work when all others are done."""

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores: some tests wait, for a server, a lock or a page."""
    return (os.cpu_count() or 1) + 1


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = {TESTS / name: place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: places.get(item.path, len(places)))
    uncounted = {TESTS / name for name in UNCOUNTED}
    for item in items:
        for name in MARKED_FOLDERS:
            if item.path.is_relative_to(TESTS / name):
                item.add_marker(name)
        law = isinstance(item, pytest.Function) and is_hypothesis_test(item.obj)
        if law:
            item.add_marker("law")
        if law or item.path in uncounted:
            item.add_marker("no_cover")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """What a test starts is counted as the test is."""
    if item.get_closest_marker("no_cover") is None:
        return (yield)
    counting = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("COVERAGE_PROCESS_")}
    try:
        return (yield)
    finally:
        os.environ |= counting


@pytest.fixture
def full_disk() -> Callable[[int], AbstractContextManager[None]]:
    """A context in which no file can grow beyond so many bytes, as on a disk that fills up."""

    @contextmanager
    def limited(most: int) -> Generator[None]:
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    return limited


@pytest.fixture
def auditor(tmp_path: Path) -> Run:
    """Runs `python -m auditor ARGUMENTS` in a folder of its own, without the caller's tokens."""

    def run(
        *arguments: str | Path,
        cwd: Path = tmp_path,
        env: dict[str, str] | None = None,
        stdin: str | None = None,
        timeout: float = 120,
    ) -> subprocess.CompletedProcess[str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("WEBEX_", "AUDITOR_"))}
        return subprocess.run(
            [sys.executable, "-m", "auditor", *map(str, arguments)],
            cwd=cwd,
            env=inherited | (env or {}),
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout,
        )

    return run


@pytest.fixture(scope="session")
def interrupted() -> Callable[[subprocess.Popen[str]], str]:
    """Interrupts a running command and gives its last words on stderr; one that does not end in 20 s is killed."""

    def interrupt(process: subprocess.Popen[str]) -> str:
        process.send_signal(signal.SIGINT)
        try:
            return process.communicate(timeout=20)[1]
        finally:
            process.kill()

    return interrupt
