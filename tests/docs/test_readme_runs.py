"""The README's `console` blocks, run in order in one folder, and its Python block after them."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.e2e

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("readme")


def test_console_blocks_run_as_written(folder):
    own = next(block for block in blocks("yaml") if "id: OWN-001" in block)
    (folder / "own.yaml").write_text(own, encoding="utf-8")
    commands = [line.removeprefix("$ ") for block in blocks("console") for line in block.splitlines()]
    assert commands
    for command in commands:
        arguments = [sys.executable, "-m", *command.split()]
        shown = subprocess.run(arguments, cwd=folder, capture_output=True, text=True, check=False, timeout=120)
        assert shown.returncode == 0, f"{command}\n{shown.stdout}\n{shown.stderr}"


def test_python_block_runs_on_what_they_left(folder):
    (block,) = blocks("python")
    shown = subprocess.run([sys.executable, "-c", block], cwd=folder, capture_output=True, text=True, check=False)
    assert shown.returncode == 0, shown.stderr
    assert "rule_id" in shown.stdout
    assert (folder / "audit.json").exists()
