import json

from auditor import __version__


def test_the_source_is_not_in_reach(environment, tmp_path):
    shown = environment.python("import auditor; print(auditor.__file__)", cwd=tmp_path)
    assert shown.stdout.strip() == str(environment.site_packages / "auditor" / "__init__.py")


def test_command_says_its_version(environment, tmp_path):
    assert environment("--version", cwd=tmp_path).stdout == f"auditor, version {__version__}\n"


def test_bundled_rules_are_listed(environment, tmp_path):
    shown = environment("rules", "list", cwd=tmp_path)
    assert shown.returncode == 0, shown.stderr
    assert "ACC-001" in shown.stdout


def test_demo_runs_from_another_folder(environment, tmp_path):
    shown = environment("demo", "--out", "out", cwd=tmp_path)
    assert shown.returncode == 0, shown.stderr
    audit = json.loads((tmp_path / "out" / "audit.json").read_text(encoding="utf-8"))
    assert audit["summary"]["findings"] > 0
    assert (tmp_path / "out" / "report.pdf").read_bytes().startswith(b"%PDF-")
    assert "</html>" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


def test_bundled_rules_and_frameworks_are_read_from_their_pack(environment, tmp_path):
    """After a change of what they are or are read by, `python -m auditor.rules.reading.packing` writes one."""
    code = (
        "import sys\n"
        "from auditor.rules.reading.frameworks import bundled\n"
        "from auditor.rules.reading.load import load_rules\n"
        "print(len(load_rules(tests=False).rules) > 100, len(bundled()), 'yaml' in sys.modules)"
    )
    shown = environment.python(code, cwd=tmp_path)
    assert shown.stdout == "True 7 False\n", shown.stderr
