import subprocess
import sys

import pytest

import auditor


def test_every_public_name_is_there():
    assert all(getattr(auditor, name) is not None for name in auditor.__all__)


def test_dir_lists_what_is_public():
    assert dir(auditor) == sorted(auditor.__all__)


def test_public_names_are_those_of_the_contract():
    assert set(auditor.__all__) >= {"Archive", "Window", "check", "load_rules", "write_report"}


def test_a_private_name_is_refused():
    with pytest.raises(AttributeError, match="module 'auditor' has no attribute 'collect'"):
        _ = auditor.collect


def test_importing_the_package_imports_its_version_and_nothing_else():
    code = "import auditor, sys; print(sorted(name for name in sys.modules if name.startswith('auditor')))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout == "['auditor', 'auditor.version']\n"
