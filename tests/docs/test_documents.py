import re
import subprocess
from pathlib import Path

import pytest
import yaml

from auditor import __version__
from auditor.cli import VERBS

CHECKOUT = Path(__file__).parents[2]
PAGES = sorted(
    path
    for path in CHECKOUT.rglob("*.md")
    if not {".venv", "build", "node_modules"} & set(path.relative_to(CHECKOUT).parts)
)
LINK = re.compile(r"\[[^\]]*\]\((?!https?://|#)([^)#\s]+)")
PATH = re.compile(r"`([\w.-]+/[\w./-]*|[\w-]+\.(?:md|toml|py|lock))`")


def text(name):
    return (CHECKOUT / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_readme_tells_of_the_verb(verb):
    assert f"| `auditor {verb}` |" in text("README.md")


def test_readme_tells_of_no_verb_that_is_not_there():
    assert set(re.findall(r"^\| `auditor (\w[\w-]*)", text("README.md"), re.MULTILINE)) == set(VERBS)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(CHECKOUT)))
def test_links_between_pages_lead_somewhere(page):
    missing = [link for link in LINK.findall(page.read_text(encoding="utf-8")) if not (page.parent / link).exists()]
    assert missing == []


def test_paths_named_in_architecture_exist():
    named = {path for path in PATH.findall(text("ARCHITECTURE.md")) if "<" not in path}
    missing = {path for path in named if not (CHECKOUT / path).exists() and not (CHECKOUT / "auditor" / path).exists()}
    assert missing == set()


def test_architecture_names_every_package():
    pages = [*(CHECKOUT / "auditor").glob("*/__init__.py"), *(CHECKOUT / "auditor" / "rules").glob("*/__init__.py")]
    packages = {path.parent.relative_to(CHECKOUT).as_posix() for path in pages}
    assert {name for name in packages if f"{name}/" not in text("ARCHITECTURE.md")} == set()


def test_third_party_lists_every_runtime_dependency():
    locked = set(re.findall(r"^([a-z0-9-]+)==", text("locks/runtime.lock"), re.MULTILINE))
    listed = set(re.findall(r"^\| ([a-z0-9-]+) \|", text("THIRD-PARTY.md"), re.MULTILINE)) - {"package"}
    assert listed == locked


@pytest.mark.parametrize("lock", ["runtime", "build", "dev", "bench", "spark"])
def test_locks_pin_versions_by_hash_and_name_no_host(lock):
    lines = text(f"locks/{lock}.lock").splitlines()
    pinned = [index for index, line in enumerate(lines) if re.match(r"[a-z0-9]", line)]
    assert pinned
    assert all(re.match(r"[a-z0-9.-]+==[^\s]+ ", lines[index]) for index in pinned)
    assert all("--hash=sha256:" in lines[index + 1] for index in pinned)
    assert not any("://" in line or "index" in line for line in lines)


def test_changelog_has_a_place_for_what_is_not_released():
    assert "\n## Unreleased\n" in text("CHANGELOG.md")


def test_version_is_that_of_the_project():
    assert f'version = "{__version__}"' in text("pyproject.toml")


def test_continuous_integration_calls_make_test():
    assert text(".ci/run").rstrip().endswith("exec make test")
    assert subprocess.run(["sh", "-n", CHECKOUT / ".ci" / "run"], check=True).returncode == 0


@pytest.mark.parametrize(
    "target", ["demo", "test", "check", "bench", "soak", "mutants", "spark", "sbom", "lock", "clean"]
)
def test_make_knows(target):
    asked = subprocess.run(["make", "--dry-run", target], cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert asked.returncode == 0, asked.stderr


def test_gates_make_the_folder_they_write_to():
    asked = subprocess.run(["make", "--dry-run", "gates"], cwd=CHECKOUT, capture_output=True, text=True, check=True)
    lines = asked.stdout.splitlines()
    first = next(number for number, line in enumerate(lines) if "/ruff format" in line)
    assert lines[first - 1] == "mkdir -p build"


def test_what_the_cron_job_mails_is_what_it_wrote():
    (job,) = re.findall(r"^\S+ \S+ \* \* \*  (.*)$", text("README.md"), re.MULTILINE)
    collecting, _, mailing = job.partition(" || ")
    assert collecting.endswith(f"2> {mailing.rpartition('< ')[2]}")
    assert "set -a && . ./token.env" in collecting


def test_example_configuration_is_yaml():
    blocks = re.findall(r"^ *```yaml\n(.*?)^ *```", text("README.md"), re.MULTILINE | re.DOTALL)
    assert all(isinstance(yaml.safe_load(block), dict) for block in blocks)
