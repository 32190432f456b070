"""What `.ci/native` asks the system for, with stand-ins for the system's own commands on PATH."""

import shutil
import subprocess
from pathlib import Path

import pytest

NATIVE = Path(__file__).parents[2] / ".ci" / "native"
PRESENT = "libpango-1.0.so.0 libpangoft2-1.0.so.0 libharfbuzz-subset.so.0"


@pytest.fixture
def system(tmp_path):
    """A bare Debian machine: a shell, a few words of coreutils, an apt-get that writes down what it is asked."""
    for name in ("sh", "grep"):
        (tmp_path / name).symlink_to(shutil.which(name))
    commands = {
        "uname": "echo Linux",
        "id": "echo ${FAKE_UID:-0}",
        "ldconfig": "echo $LIBRARIES",
        "apt-get": f"echo $* >> {tmp_path}/asked",
    }
    for name, body in commands.items():
        script(tmp_path, name, body)

    def run(wanted, **env):
        shown = subprocess.run(
            [NATIVE, wanted], env={"PATH": str(tmp_path)} | env, capture_output=True, text=True, check=False
        )
        asked = tmp_path / "asked"
        return shown, asked.read_text(encoding="utf-8").splitlines() if asked.exists() else []

    run.folder = tmp_path
    return run


def script(folder, name, body):
    (folder / name).write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    (folder / name).chmod(0o755)


def have(folder, *commands):
    for name in commands:
        (folder / name).symlink_to("/bin/true")


def test_nothing_is_asked_when_everything_is_there(system):
    have(system.folder, "pdftotext", "qpdf", "chromium")
    shown, asked = system("tests", LIBRARIES=PRESENT)
    assert (shown.returncode, shown.stdout, asked) == (0, "", [])


def test_root_installs_what_the_report_needs(system):
    shown, asked = system("runtime", LIBRARIES="libc.so.6")
    assert shown.returncode == 0
    assert asked[0] == "-qq update"
    assert asked[1].endswith("--no-install-recommends libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0")


def test_only_what_is_missing_is_installed(system):
    have(system.folder, "qpdf", "chromium")
    _, asked = system("tests", LIBRARIES=PRESENT)
    assert asked[1].endswith(" poppler-utils")


def test_another_chromium_will_do(system):
    have(system.folder, "qpdf", "pdftotext", "google-chrome")
    assert system("tests", LIBRARIES=PRESENT)[1] == []


def test_somebody_without_rights_is_told_what_to_run(system):
    shown, asked = system("runtime", LIBRARIES="", FAKE_UID="1000")
    assert (shown.returncode, asked) == (1, [])
    assert "sudo apt-get install --no-install-recommends libpango-1.0-0" in shown.stderr


def test_sudo_installs_without_a_question(system):
    """sudo keeps nothing of the environment."""
    have(system.folder, "true")
    (system.folder / "env").symlink_to(shutil.which("env"))
    script(system.folder, "sudo", '[ "$1" != -n ] || shift; exec env -i PATH="$PATH" "$@"')
    script(system.folder, "apt-get", f'echo "$DEBIAN_FRONTEND $*" >> {system.folder}/asked')
    shown, asked = system("runtime", LIBRARIES="", FAKE_UID="1000")
    assert shown.returncode == 0
    assert [line.split()[0] for line in asked] == ["noninteractive"] * 2
    assert asked[1].endswith("libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0")


def test_another_system_is_told_the_names(system):
    (system.folder / "apt-get").unlink()
    shown, _ = system("runtime", LIBRARIES="")
    assert shown.returncode == 1
    assert "missing: libpango-1.0-0" in shown.stderr
