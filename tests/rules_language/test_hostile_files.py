# ruff: noqa: E501 - a table reads best with one row a line
"""Rule files from strangers do no harm: exit 2, the place named, no traceback, nothing touched, quickly and small."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

HEAD = "schema: 1\nid: TST-001\nname: test-rule\ntitle: Meetings are as they should be\nseverity: low\n"
END = 'finding: {subject: "{email}", message: m, fingerprint: [email]}\n'


def where(expression: str) -> bytes:
    return f"{HEAD}detect: {{from: attendees, where: {json.dumps(expression)}}}\n{END}".encode()


def finding(message: str) -> bytes:
    text = json.dumps(message)
    return f"{HEAD}detect: {{from: attendees, where: invited}}\nfinding: {{subject: s, message: {text}, fingerprint: [email]}}\n".encode()


HOSTILE = {
    "patterns": where(" or ".join(f"matches(email, '\\w{{{times}}}')" for times in range(330, 399))),
    "import": where("__import__('os').system('id')"),
    "builtins": where("().__class__.__base__.__subclasses__()"),
    "call of an attribute": where("email.format(email)"),
    "eval": where("eval('1')"),
    "open": where("open('/etc/passwd')"),
    "exec by string": where("exec('import os')"),
    "lambda": where("(lambda: 1)()"),
    "comprehension": where("[x for x in (1, 2)] == [1]"),
    "generator": where("any(x for x in email)"),
    "walrus": where("(x := email) == 'a'"),
    "f-string": where("f'{email}' == 'a'"),
    "await": where("await email"),
    "yield": where("(yield email)"),
    "power bomb": where("9 ** 9 ** 9 ** 9 == 1"),
    "shift bomb": where("1 << 999999999 == 1"),
    "text bomb": where("'a' * 999999999 == 'a'"),
    "number of many digits": where("9" * 1900 + " == 1"),
    "regex too large": where("matches(email, '((a{1000}){1000}){1000}')"),
    "regex of nested repetition": where("matches(email, '(((((((x{9}){9}){9}){9}){9}){9}){9}){9}')"),
    "regex with a back-reference": where("matches(email, '(a+)\\1$')"),
    "expression of a megabyte": where("invited or " * 90_000 + "invited"),
    "brackets": where("(" * 1_000 + "1" + ")" * 900),
    "nots": where("not " * 490 + "invited"),
    "minuses": where("-" * 1_990 + "1 == 1"),
    "sums": where("1" + "+1" * 900 + " == 1"),
    "chained attributes": where("a" + ".a" * 900),
    "chained calls": where("email" + "()" * 900),
    "wide letters": where("ｅmail == 'a'"),
    "private use backslash": where("email == '\ue000'"),
    "time zone of a path": where("hour(joined_time, '../../../etc/passwd') > 1"),
    "format of attributes": finding("{email.__class__.__mro__}"),
    "format of an index": finding("{email[0]}"),
    "format of great width": finding("{email:>999999999}"),
    "format of a conversion": finding("{email!r}"),
    "python entry point": f"{HEAD}detect: {{from: attendees, python: 'os:system'}}\n{END}".encode(),
    "python tag": b"!!python/object/apply:os.system ['id']",
    "python name tag": f"{HEAD}tags: [!!python/name:os.system x]\n".encode(),
    "alias bomb": b"a: &a [x, x, x, x, x, x, x, x, x]\n" + b"".join(b"%c: &%c [*%c, *%c]\n" % (98 + n, 98 + n, 97 + n, 97 + n) for n in range(9)),
    "merge key": b"a: {<<: {b: 1}}",
    "directive": b"%YAML 1.1\n%TAG ! tag:yaml.org,2002:\n---\n" + where("invited"),
    "deep flow lists": b"[" * 500_000,
    "deep flow maps": b'{"a":' * 200_000,
    "deep block lists": b"- " * 500_000,
    "many nodes": b"[" + b"a," * 500_000 + b"]",
    "many documents": b"--- a\n" * 150_000,
    "many unknown keys": HEAD.encode() + b"".join(b"k%d: 1\n" % n for n in range(9_000)),
    "many unknown columns": where("invited").replace(b"[email]", b"[" + b",".join(b"emial%d" % n for n in range(9_000)) + b"]"),
    "many rows": where("invited") + b"tests: [{name: a, expect: 0, given: {attendees: [" + b"{repeat: 1000}," * 4_000 + b"]}}]",
    "two megabytes": b"#" * (2 << 20),
    "one long scalar": b'a: "' + b"a" * 1_000_000,
    "one long plain key": b"k" * 1_000_000 + b": 1",
    "utf-16": ("\ufeff" + HEAD).encode("utf-16-le"),
    "latin-1": "title: für".encode("latin-1"),
    "over-long utf-8": b"title: \xc0\xaf",
    "surrogate": b"title: \xed\xa0\x80",
    "nul": HEAD.encode() + b"description: a\x00b\n",
    "terminal escapes": b'"\\x1b]0;owned\\x07\\x1b[2J": 1\n',
    "line breaks in a key": b'"a\\nb.yaml:1:1: all is well": 1\n',
    "number beyond numbers": HEAD.encode() + b"version: 1e99999\n",
    "binary": bytes(range(256)) * 100,
}  # fmt: skip

RUNNER = """
import io, json, resource, sys, time
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

from auditor.cli import main

folder = Path(sys.argv[1])
state = {"allowed": None, "touched": []}
HARMLESS = ("compile", "object.", "sys.", "gc.", "code.", "builtins.id", "marshal.", "time.", "os.listdir", "os.scandir")


def peak():
    # ru_maxrss would count what the parent held before exec
    status = Path("/proc/self/status")
    if status.exists():
        return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def watch(event, arguments):
    if state["allowed"] is None or event.startswith(HARMLESS):
        return
    if event == "open" and str(arguments[0]) == state["allowed"]:
        return
    state["touched"].append(f"{event} {arguments!r}"[:200])


def run(path):
    out, err = io.StringIO(), io.StringIO()
    sys.argv = ["auditor", "rules", "list", str(path)]
    with redirect_stdout(out), redirect_stderr(err):
        try:
            main()
        except SystemExit as stop:
            return stop.code, err.getvalue()


good = folder / "good.yaml"
run(good)
bad_once = folder / "warm.yaml"
run(bad_once)
sys.addaudithook(watch)
found = {}
for path in sorted(folder.glob("hostile-*.yaml")):
    state["touched"] = []
    state["allowed"] = str(path)
    start = time.process_time()
    code, text = run(path)
    state["allowed"] = None
    found[path.stem] = {"code": code, "stderr": text, "seconds": time.process_time() - start, "touched": state["touched"]}
print(json.dumps({"files": found, "kilobytes": peak()}))
"""


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, object]]:
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "good.yaml").write_bytes(where("invited and hour(joined_time, 'Europe/Oslo') > 1"))
    (folder / "warm.yaml").write_bytes(where("emial == '(' or matches(email, '(')"))
    for number, content in enumerate(HOSTILE.values()):
        (folder / f"hostile-{number:03}.yaml").write_bytes(content)
    done = subprocess.run(
        [sys.executable, "-c", RUNNER, str(folder)],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        cwd=folder,
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    files = {name: answer["files"][f"hostile-{number:03}"] for number, name in enumerate(HOSTILE)}
    return {**files, "": {"kilobytes": answer["kilobytes"]}}


def test_there_are_forty_and_more() -> None:
    assert len(HOSTILE) >= 40


@pytest.mark.slow
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_at_its_place(name: str, judged: dict[str, dict[str, object]]) -> None:
    found = judged[name]
    text = str(found["stderr"])
    assert found["code"] == 2
    assert "Traceback" not in text
    lines = text.splitlines()
    assert 1 <= len(lines) <= 21
    for line in lines:
        _, dot, place = line.partition(".yaml:")
        assert dot
        assert place.startswith(" … and ") or all(part.isdecimal() for part in place.split(":")[:2])
        assert line.isprintable()
    assert found["touched"] == []


def test_no_file_takes_two_seconds_and_all_together_stay_small(judged: dict[str, dict[str, object]]) -> None:
    assert max((float(str(found["seconds"])), name) for name, found in judged.items() if name)[0] < 2
    assert int(str(judged[""]["kilobytes"])) < 300_000


def test_special_files_are_not_read(tmp_path: Path) -> None:
    import os

    os.mkfifo(tmp_path / "pipe.yaml")
    for path in ("pipe.yaml", "/dev/zero"):
        done = subprocess.run(
            [sys.executable, "-m", "auditor", "rules", "list", path],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
        assert done.returncode == 2
        assert done.stderr == f"{path}:1:1: a rule file is a regular file\n"
