import json
import os
import pty
import resource as limits
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from auditor import __version__
from auditor.cli import ALLOCATOR, VERBS
from auditor.reports.formats import FORMATS, Options
from auditor.resources import resource
from auditor.tables.archive import Archive
from tests.reports.audit_factory import audit_of

pytestmark = pytest.mark.slow

HEAVY = ("polars", "deltalake", "weasyprint", "httpx", "pydantic", "jinja2", "yaml")


RULE = """\
schema: 1
id: OWN-001
name: printers-stay-out
title: Printers do not attend meetings \N{GRINNING FACE}
severity: low
detect: {from: attendees, where: email is None}
finding: {subject: "{display_name}", message: m, fingerprint: [meeting_id]}
"""


def cpu_seconds(command: list[str]) -> float:
    """CPU time of one child process, without the coverage measurement it may inherit."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("COV_", "COVERAGE_"))}
    before = limits.getrusage(limits.RUSAGE_CHILDREN)
    subprocess.run(command, env=env, capture_output=True, check=True)
    after = limits.getrusage(limits.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def broken_root(tmp_path: Path, raising: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command line with a verb that is broken as `raising` says."""
    (tmp_path / "broken.py").write_text(
        textwrap.dedent(f"""
        import click, sys
        from auditor import errors

        @click.command()
        def command():
            {raising}
        """),
        encoding="utf-8",
    )
    start = (
        "import auditor.cli as cli, sys; cli.VERBS['broken'] = ('broken', 'A broken verb.'); "
        f"sys.argv[1:] = {list(arguments)!r}; cli.main()"
    )
    return subprocess.run(
        [sys.executable, "-c", start], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60
    )


def test_help_names_every_verb(auditor):
    shown = auditor("--help")
    assert shown.returncode == 0
    assert all(f"\n  {verb} " in shown.stdout for verb in VERBS)
    assert shown.stderr == ""


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_every_verb_has_help(auditor, verb):
    shown = auditor(verb, "--help")
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.startswith(f"Usage: auditor {verb}")


def test_help_needs_less_than_three_tenths_of_a_second_of_cpu():
    command = [sys.executable, "-m", "auditor", "--help"]
    assert min(cpu_seconds(command) for _ in range(3)) < 0.3


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["completion", "bash"]])
def test_nothing_heavy_is_imported_for(arguments):
    start = (
        f"import sys; sys.argv[1:] = {arguments!r}\n"
        "from auditor.cli import main\n"
        "try: main()\n"
        f"finally: print(sorted(set({HEAVY!r}) & set(sys.modules)), file=sys.stderr)"
    )
    shown = subprocess.run([sys.executable, "-c", start], capture_output=True, text=True, check=True)
    assert shown.stderr == "[]\n"


def test_a_check_of_an_empty_archive_imports_no_more_than_it_needs(tmp_path):
    Archive.create(tmp_path / "archive")
    unneeded = {"deltalake", "weasyprint", "httpx", "jinja2", "rich", "pyarrow"}
    start = (
        f"import sys; sys.argv[1:] = ['-q', 'check', '--archive', {str(tmp_path / 'archive')!r}]\n"
        "from auditor.cli import main\n"
        "try: main()\n"
        f"finally: print(sorted({unneeded!r} & set(sys.modules)))"
    )
    shown = subprocess.run([sys.executable, "-c", start], capture_output=True, text=True, check=False)
    assert (shown.returncode, shown.stdout) == (3, "[]\n")
    told = "the audit is incomplete: 1 shortfall in what the rules read"
    assert (len(shown.stderr.splitlines()), shown.stderr.splitlines()[-1]) == (2, told)


def test_version_is_printed(auditor):
    assert auditor("--version").stdout == f"auditor, version {__version__}\n"


def test_unknown_verb_is_a_usage_error(auditor):
    shown = auditor("chekc")
    assert shown.returncode == 2
    assert "No such command 'chekc'" in shown.stderr
    assert shown.stdout == ""


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_script_is_printed_for(auditor, shell):
    shown = auditor("completion", shell)
    assert shown.returncode == 0
    assert f"_AUDITOR_COMPLETE={shell}_complete" in shown.stdout


def test_bash_accepts_its_completion_script(auditor):
    script = auditor("completion", "bash").stdout
    subprocess.run(["bash", "-n"], input=script, text=True, check=True)


def test_completion_of_a_verb_imports_no_verb(auditor):
    asked = {"COMP_WORDS": "auditor ch", "COMP_CWORD": "1", "_AUDITOR_COMPLETE": "bash_complete"}
    assert auditor(env=asked).stdout == "plain,check\n"


def test_a_mistake_of_ours_is_one_line_and_exit_70(tmp_path):
    shown = broken_root(tmp_path, "raise KeyError('eve@example.org')", "broken")
    assert shown.returncode == 70
    assert shown.stderr.count("\n") == 1
    assert f"internal error in auditor {__version__}: KeyError at " in shown.stderr


def test_the_text_of_an_unexpected_error_stays_hidden_without_v(tmp_path):
    shown = broken_root(tmp_path, "raise KeyError('eve@example.org')", "broken")
    assert "eve@example.org" not in shown.stderr


def test_v_shows_the_traceback(tmp_path):
    shown = broken_root(tmp_path, "raise KeyError('lost')", "-v", "broken")
    assert shown.returncode == 70
    assert "Traceback" in shown.stderr
    assert "KeyError: 'lost'" in shown.stderr


def test_a_panic_in_rust_is_one_too(tmp_path):
    shown = broken_root(tmp_path, "raise __import__('polars').exceptions.PanicException('eve@example.org')", "broken")
    assert shown.returncode == 70
    assert shown.stderr.count("\n") == 1


def test_an_error_the_user_can_mend_is_exit_2(tmp_path):
    shown = broken_root(tmp_path, "raise errors.ConfigError('no archive named')", "broken")
    assert (shown.returncode, shown.stderr) == (2, "no archive named\n")


def test_refused_credentials_are_exit_4(tmp_path):
    shown = broken_root(tmp_path, "raise errors.AuthError('the token lacks a scope')", "broken")
    assert (shown.returncode, shown.stderr) == (4, "the token lacks a scope\n")


def test_problems_are_listed_by_place_at_most_twenty_a_file(tmp_path):
    raising = "raise errors.RuleError([errors.Problem('a.yaml', line, 1, 'wrong') for line in range(25, 0, -1)])"
    shown = broken_root(tmp_path, raising, "broken")
    lines = shown.stderr.splitlines()
    assert shown.returncode == 2
    assert lines[0] == "a.yaml:1:1: wrong"
    assert lines[19:] == ["a.yaml:20:1: wrong", "a.yaml: … and 5 more"]


def test_v_shows_the_source_line_with_a_caret(tmp_path):
    (tmp_path / "a.yaml").write_text("id: X\nseverity: hgh\n", encoding="utf-8")
    raising = "raise errors.RuleError([errors.Problem('a.yaml', 2, 11, 'severity is hgh')])"
    shown = broken_root(tmp_path, raising, "-v", "broken")
    assert shown.stderr.splitlines()[1:] == ["  severity: hgh", "            ^"]


def test_a_source_line_cannot_steer_the_terminal(tmp_path):
    (tmp_path / "a.yaml").write_text("\tid: \x1b[2J\u202ehgh\n", encoding="utf-8")
    raising = "raise errors.RuleError([errors.Problem('a.yaml', 1, 6, 'wrong')])"
    shown = broken_root(tmp_path, raising, "-v", "broken")
    assert shown.stderr.splitlines()[1:] == ["   id: \ufffd[2J\ufffdhgh", "       ^"]


def test_errors_are_json_lines_when_asked(tmp_path):
    shown = broken_root(tmp_path, "raise errors.ConfigError('no archive')", "--log-format", "json", "broken")
    assert json.loads(shown.stderr) == {"level": "error", "message": "no archive"}


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("chek", "No such command 'chek'. Did you mean 'check'?"),
        ("check --archive a --days 0", "Invalid value for '--days': 0 is not in the range 1<=x<=36500."),
        ("rules new", "Missing argument 'ID'."),
    ],
)
def test_wrong_arguments_are_json_lines_too(auditor, asked, told):
    shown = auditor("--log-format", "json", *asked.split())
    assert shown.returncode == 2
    assert [json.loads(line) for line in shown.stderr.splitlines()] == [{"level": "error", "message": told}]


def test_a_file_the_system_refuses_is_named(tmp_path):
    shown = broken_root(tmp_path, "open('absent/file')", "broken")
    assert (shown.returncode, shown.stderr) == (2, "absent/file: no such file or directory\n")


def test_interrupting_ends_with_130(tmp_path):
    shown = broken_root(tmp_path, f"import os; os.kill(os.getpid(), {int(signal.SIGINT)})", "broken")
    assert shown.returncode == 130
    assert "Traceback" not in shown.stderr


def test_a_reader_that_goes_away_is_no_error(tmp_path):
    command = f"{sys.executable} -m auditor completion bash | true; exit ${{PIPESTATUS[0]}}"
    shown = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert shown.returncode in {0, 141}
    assert shown.stderr == ""


def test_a_closed_pipe_while_printing_ends_with_141(tmp_path):
    (tmp_path / "broken.py").write_text(
        "import click\n\n@click.command()\ndef command():\n    while True: click.echo('x' * 1000)\n", encoding="utf-8"
    )
    start = "import auditor.cli as c, sys; sys.argv[1:] = ['broken']; c.VERBS['broken'] = ('broken', ''); c.main()"
    with subprocess.Popen(
        [sys.executable, "-c", start], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as endless:
        endless.stdout.readline()
        endless.stdout.close()
        words = endless.stderr.read()
    assert (endless.returncode, words) == (141, "")


@pytest.mark.parametrize("option", ["-v", "--quiet", "--config"])
def test_a_global_option_behind_the_verb_is_told_where_it_stands(auditor, option):
    told = auditor("check", option)
    assert told.returncode == 2
    assert f"No such option '{option}'. It stands in front of the verb: auditor {option} …" in told.stderr
    assert "in front of the verb" not in auditor("check", "--quietly").stderr


@pytest.mark.parametrize(("typed", "meant"), [("chek", "check"), ("verify_report", "verify-report"), ("xyzzy", None)])
def test_an_unknown_verb_is_told_with_the_nearest(auditor, typed, meant):
    told = auditor(typed)
    assert told.returncode == 2
    hint = "" if meant is None else f" Did you mean '{meant}'?"
    assert told.stderr.splitlines()[-1] == f"Error: No such command '{typed}'.{hint}"


@pytest.mark.parametrize(("given", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True)])
def test_no_color_is_honoured_on_a_terminal(given, coloured):
    ours, theirs = pty.openpty()
    env = {name: value for name, value in os.environ.items() if name != "NO_COLOR"} | given
    with subprocess.Popen([sys.executable, "-m", "auditor", "doctor"], env=env, stdout=theirs) as told:
        os.close(theirs)
        shown = b""
        while b"geoip" not in shown:
            shown += os.read(ours, 4096)
        told.wait(timeout=60)
    os.close(ours)
    assert (b"\x1b[32m" in shown) is coloured


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device that is always full")
@pytest.mark.parametrize("asked", ["rules schema", "rules show ACC-001", "--version"])
def test_output_that_does_not_fit_is_told_and_ends_with_2(tmp_path, asked):
    with Path("/dev/full").open("wb") as full:
        command = [sys.executable, "-m", "auditor", *asked.split()]
        told = subprocess.run(command, cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (told.returncode, told.stderr) == (2, "the output: no space left on device\n")


def test_closed_streams_are_no_place_for_files(tmp_path):
    """What is opened next takes the number of a closed stream, and with it what others say there."""
    (tmp_path / "audit.json").write_bytes(b"".join(FORMATS["json"].pieces(audit_of(2), Options())))
    made = []
    for streams in ("", "<&- >&- 2>&-"):
        command = f"{sys.executable} -m auditor report audit.json --format csv=out.csv --format html=out.html {streams}"
        assert subprocess.run(["bash", "-c", command], cwd=tmp_path, check=False).returncode == 0
        made.append([(tmp_path / name).read_bytes() for name in ("out.csv", "out.html")])
    assert made[0] == made[1]
    words = f"{sys.executable} -m auditor rules list gone.yaml >&- 2>&-"
    assert subprocess.run(["bash", "-c", words], cwd=tmp_path, check=False).returncode == 2
    unread = f"{sys.executable} -m auditor rules list gone.yaml 2>&1 >&- | true; exit ${{PIPESTATUS[0]}}"
    assert subprocess.run(["bash", "-c", unread], cwd=tmp_path, check=False).returncode == 141


@pytest.mark.parametrize(
    ("asked", "ended"),
    [
        ("--version", (0, "")),
        ("rules list", (0, "105 rules\n")),
        ("report audit.json --format csv=-", (2, "--format csv=-: standard output is closed\n")),
    ],
)
def test_a_closed_standard_output_is_no_crash(tmp_path, asked, ended):
    (tmp_path / "audit.json").write_bytes(b"".join(FORMATS["json"].pieces(audit_of(2), Options())))
    command = f"{sys.executable} -m auditor {asked} >&-"
    told = subprocess.run(["bash", "-c", command], cwd=tmp_path, stderr=subprocess.PIPE, text=True, check=False)
    assert (told.returncode, told.stderr) == ended


@pytest.mark.parametrize(
    "asked", ["check --help", "rules show ACC-001", "simulate faults", "diff audit.json audit.json --all"]
)
@pytest.mark.parametrize("encoding", ["latin1", "ascii"])
def test_what_a_terminal_cannot_show_is_escaped_and_no_crash(tmp_path, encoding, asked):
    (tmp_path / "audit.json").write_bytes(b"".join(FORMATS["json"].pieces(audit_of(2), Options())))
    command = [sys.executable, "-m", "auditor", *asked.split()]
    env = {**os.environ, "PYTHONIOENCODING": encoding}
    told = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, check=False)
    assert (told.returncode, told.stderr) == (0, b"")


def test_the_calendar_of_an_archive_needs_no_unicode(auditor):
    usage = resource("sample_data") / "usage.json"
    assert auditor("import", "--archive", "a", "--site", "example.webex.com", usage).returncode == 0
    told = auditor("archive", "status", "--archive", "a", env={"PYTHONIOENCODING": "ascii"})
    assert (told.returncode, told.stderr) == (0, "")
    assert "2026-09" in told.stdout


def test_json_is_utf_8_in_every_locale(auditor, tmp_path):
    (tmp_path / "own.yaml").write_text(RULE, encoding="utf-8")
    told = [
        subprocess.run(
            [sys.executable, "-m", "auditor", "rules", "list", "--format", "json", "own.yaml"],
            cwd=tmp_path,
            env={**os.environ, "PYTHONIOENCODING": encoding},
            capture_output=True,
            check=True,
        ).stdout
        for encoding in ("utf-8", "latin1", "ascii")
    ]
    assert "\N{GRINNING FACE}" in json.loads(told[0])[0]["title"]
    assert told == [told[0]] * 3


KEPT = """
import os, sys
from auditor.cli import main
assert "polars" not in sys.modules
try:
    main()
finally:
    assert "polars" in sys.modules
    print(os.environ["_RJEM_MALLOC_CONF"])
"""


@pytest.mark.parametrize(("given", "kept"), [({}, ALLOCATOR[1]), ({ALLOCATOR[0]: "narenas:1"}, "narenas:1")])
def test_polars_keeps_memory_as_we_say_unless_somebody_says_otherwise(given, kept):
    command = [sys.executable, "-c", KEPT, "rules", "list", "--only", "ACC-001"]
    clean = {name: value for name, value in os.environ.items() if name != ALLOCATOR[0]}
    told = subprocess.run(command, env={**clean, **given}, capture_output=True, text=True, check=True)
    # Polars puts words of its own before them, which count less
    assert told.stdout.splitlines()[-1].endswith(kept)
    # what it does not understand it says on stderr
    assert "jemalloc" not in told.stderr


def test_words_nobody_reads_end_with_141_too(tmp_path):
    command = f"{sys.executable} -m auditor rules list gone.yaml 2>&1 >/dev/null | true; exit ${{PIPESTATUS[0]}}"
    ended = {subprocess.run(["bash", "-c", command], cwd=tmp_path, check=False).returncode for _ in range(3)}
    assert ended <= {2, 141}


@pytest.mark.parametrize("encoding", ["utf-8", "latin1", "ascii"])
def test_words_as_json_are_json_in_every_encoding(tmp_path, encoding):
    path = "é-日本-𝄞.yaml"
    (tmp_path / path).write_text("x", encoding="utf-8")
    env = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "1"}
    shown = subprocess.run(
        [sys.executable, "-m", "auditor", "--log-format", "json", "--config", path, "rules", "list"],
        cwd=tmp_path,
        env=env,
        capture_output=True,
        check=False,
    )
    assert shown.returncode == 2
    told = [json.loads(line.decode(encoding)) for line in shown.stderr.splitlines()]
    assert any(path in line["message"] for line in told)
