"""`docs/configuration.md` names every key that loads, and its examples load."""

import dataclasses
import re
from pathlib import Path

import pytest

from auditor.cli import import_
from auditor.model.waiver import Attestation, Waiver
from auditor.settings.file import Collect, Geoip, Report, Rules, Settings, load
from auditor.tables.kinds import KINDS
from auditor.triage.waiver_file import parse
from tests.pack import bundled_rules

CHECKOUT = Path(__file__).parents[2]
PAGE = (CHECKOUT / "docs" / "configuration.md").read_text(encoding="utf-8")
TOLD = {name for cell in re.findall(r"^\|([^|]*)\|", PAGE, re.MULTILINE) for name in re.findall(r"`([\w.]+)`", cell)}
SECTIONS = {"collect": Collect, "rules": Rules, "geoip": Geoip, "report": Report}
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def names(shape):
    return {part.name for part in dataclasses.fields(shape)}


def test_every_key_of_the_configuration_is_told():
    keys = names(Settings) - {"path", "named", *SECTIONS}
    keys |= {f"{section}.{name}" for section, shape in SECTIONS.items() for name in names(shape)}
    assert keys - TOLD == set()
    assert {name for name in TOLD if name.partition(".")[0] in SECTIONS and "." in name} <= keys


def test_every_key_of_waivers_and_attestations_is_told():
    assert (names(Waiver) | names(Attestation)) - TOLD == set()


def test_every_kind_of_imported_file_is_told():
    assert set(KINDS) - TOLD == set()
    shown = next(option.help for option in import_.command.params if option.name == "kind")
    assert re.findall(r"\b[a-z_]+\b", shown.partition(":")[2].replace(" or ", " ")) == list(KINDS)


def test_every_list_of_the_bundled_rules_is_told_with_the_rules_that_read_it():
    told = {}
    for line in PAGE.splitlines():
        cells = [cell.strip() for cell in line.split("|")]
        for name in re.findall(r"`(\w+)`", cells[1]) if len(cells) == 6 else ():
            told[name] = set(re.findall(r"[A-Z]{3}-\d{3}", cells[4]))
    read = {}
    for rule in bundled_rules().rules:
        for name in {*(one.name for one in rule.lists), *rule.needs.lists}:
            read.setdefault(name, set()).add(rule.id)
    internal = read.pop("internal_domains")
    assert internal
    assert told.pop("internal_domains") == set()
    assert told == read


def test_examples_load(tmp_path):
    configuration, waivers = EXAMPLES
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "egress.csv").write_text("cidr,site\n203.0.113.0/24,Oslo\n", encoding="utf-8")
    (tmp_path / "auditor.yaml").write_text(configuration, encoding="utf-8")
    assert load(tmp_path / "auditor.yaml").lists["office_networks"] == ("203.0.113.0/24",)
    held = parse(waivers.encode(), path="waivers.yaml")
    assert (len(held.waivers), len(held.attestations)) == (1, 1)


@pytest.mark.parametrize("module", sorted((CHECKOUT / "auditor" / "cli").glob("*.py")), ids=lambda path: path.stem)
def test_every_variable_of_the_environment_is_told(module):
    read = re.findall(r"\"((?:WEBEX|AUDITOR|GITHUB|SSL|SOURCE)_[A-Z_]+|NO_COLOR|FORCE_COLOR|CI)\"", module.read_text())
    assert set(read) - TOLD == set()
