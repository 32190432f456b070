"""Bundled rules come out of their pack as they come out of their files, and out of their files when the two differ."""

import json
import os
import subprocess
import sys
from dataclasses import fields, is_dataclass, replace
from pathlib import Path

import pytest

from auditor.documents import Place
from auditor.rules.reading.frameworks import bundled, load
from auditor.rules.reading.load import load_rules
from auditor.rules.reading.pack import NAME, packed, readers_digest, value_packed
from auditor.rules.reading.packing import frameworks_of, pack
from tests.pack import bundled_rules

CHECKOUT = Path(__file__).parents[2]
RULES = CHECKOUT / "rules"
READER = "rules/reading/pack.py"
ONE = "rules/ACC/ACC-001-uninvited-in-confidential.yaml"


def same(one, other):
    """Whether two values are equal in every field, those that equality passes over and types included."""
    if type(one) is not type(other):
        return False
    if is_dataclass(one):
        return all(same(getattr(one, part.name), getattr(other, part.name)) for part in fields(one))
    if isinstance(one, tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if hasattr(one, "items"):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    return one == other


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder that holds a pack made by this code."""
    folder = tmp_path_factory.mktemp("pack")
    (folder / NAME).write_bytes(pack(RULES, [READER]))
    return folder


@pytest.mark.slow
def test_rules_are_what_their_files_say_in_every_field_and_place(made):
    from_files = {rule.id: replace(rule, cases=()) for rule in bundled_rules().rules}
    found = [one for path, kept in packed(made).items() if "/frameworks/" not in path for one in kept.rules(path)]
    assert len(found) == len(from_files)
    assert all(same(rule, from_files[rule.id]) for rule, _, _ in found)


@pytest.mark.slow
def test_places_of_ids_and_names_are_kept(made):
    sources = bundled_rules().sources
    for path, kept in packed(made).items():
        for rule, of_id, of_name in () if "/frameworks/" in path else kept.rules(path):
            assert (of_id, of_name) == tuple(sources[rule.id].index[key].place for key in ("id", "name"))


def test_frameworks_are_what_their_files_say(made):
    found = [kept.framework() for path, kept in packed(made).items() if "/frameworks/" in path]
    assert sorted(found, key=lambda one: one.id) == list(load(frameworks_of(RULES))) == list(bundled())


@pytest.mark.slow
def test_equal_files_give_equal_packs():
    assert pack(RULES, [READER]) == pack(RULES, [READER])


@pytest.mark.slow
def test_rules_without_tests_are_the_same_with_and_without_a_pack():
    whole, bare = bundled_rules(), load_rules(tests=False)
    assert whole.digest == bare.digest
    assert all(same(replace(one, cases=()), other) for one, other in zip(whole.rules, bare.rules, strict=True))


def changed_head(content, **changes):
    head, _, body = content.partition(b"\n")
    return json.dumps({**json.loads(head), **changes}).encode() + b"\n" + body


@pytest.mark.parametrize(
    "spoilt",
    [
        lambda content: content[:-200],
        lambda content: content.replace(b'"high"', b'"info"'),
        lambda content: b"",
        lambda content: b"[" * 100_000,
        lambda content: b"null\n" + content.partition(b"\n")[2],
        lambda content: changed_head(content, readers="0" * 64),
        lambda content: changed_head(content, modules=["rules/gone.py"]),
        lambda content: changed_head(content, modules=[3]),
        lambda content: changed_head(content, files={}),
        lambda content: changed_head(content, files=None),
        lambda content: content.replace(b"\n", b"\r\n"),
        lambda content: b"\xff" + content,
    ],
)
def test_a_pack_that_is_damaged_or_of_other_code_holds_nothing(made, tmp_path, spoilt):
    (tmp_path / NAME).write_bytes(spoilt((made / NAME).read_bytes()))
    assert packed(tmp_path) == {}


def test_without_a_pack_nothing_is_packed(tmp_path):
    assert packed(tmp_path) == {}


def test_digest_of_readers_tells_where_one_module_ends(tmp_path):
    assert readers_digest(["errors.py", "version.py"]) != readers_digest(["version.py", "errors.py"])


def test_what_the_pack_does_not_know_is_refused():
    with pytest.raises(TypeError, match="a pack holds no object"):
        value_packed((1, object()))


def test_a_place_is_packed_without_its_path():
    assert value_packed(Place("rules/a.yaml", 3, 7)) == {"0": [3, 7]}


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A copy of the package with its rules, to change files in."""
    folder = tmp_path_factory.mktemp("tree")
    for path in (*CHECKOUT.glob("auditor/**/*.py"), *CHECKOUT.glob("rules/**/*.yaml")):
        copy = folder / path.relative_to(CHECKOUT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    told(folder, "-m", "auditor.rules.reading.packing")
    return folder


def told(folder, *arguments):
    env = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([sys.executable, *arguments], cwd=folder, env=env, capture_output=True, text=True, check=True)
    return done.stdout


LOADED = """
import sys
from auditor.rules.reading.load import load_rules
rules = load_rules(tests=False)
print(rules.get("ACC-001").title, "yaml" in sys.modules, len(rules.rules), "ACC-001" in rules.sources)
"""


@pytest.mark.slow
def test_unchanged_files_are_not_read_as_yaml(tree):
    title, count = bundled_rules().get("ACC-001").title, len(bundled_rules().rules)
    assert told(tree, "-c", LOADED) == f"{title} False {count} False\n"


@pytest.mark.slow
def test_a_changed_file_is_read_itself(tree):
    path = tree / ONE
    written = path.read_text()
    path.write_text(written.replace("title: ", "title: Changed. ", 1))
    try:
        assert told(tree, "-c", LOADED).startswith("Changed. ")
        assert told(tree, "-c", LOADED).endswith(f" True {len(bundled_rules().rules)} True\n")
    finally:
        path.write_text(written)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "was", "now"),
    [
        ("rules/language/expressions.py", "import ast\n", "import ast\n\n"),
        ("settings/fields.py", "import re\n", "import re\n\n"),
        ("tables/schema.py", " city state", " city county state"),
        ("tables/facts.py", '"ip_network": TEXT,', '"ip_network": TEXT, "colour": TEXT,'),
    ],
)
def test_every_file_is_read_itself_after_a_change_of_what_reads_it(tree, module, was, now):
    path = tree / "auditor" / module
    written = path.read_text()
    assert was in written
    path.write_text(written.replace(was, now, 1))
    try:
        assert " True " in told(tree, "-c", LOADED)
    finally:
        path.write_text(written)


def test_an_id_of_a_bundled_rule_is_taken_also_when_it_came_from_the_pack(tree, tmp_path):
    own = tmp_path / "own.yaml"
    own.write_bytes((tree / ONE).read_bytes())
    code = f"""
from pathlib import Path
from auditor.errors import RuleError
from auditor.rules.reading.load import load_rules
try:
    load_rules([Path({str(own)!r})], tests=False)
except RuleError as error:
    print(error)
"""
    assert told(tree, "-c", code) == (
        f"{own}:2:5: rule id 'ACC-001' is already used in {ONE}:2\n"
        f"{own}:3:7: rule name 'uninvited-in-confidential' is already used in {ONE}:3\n"
    )
