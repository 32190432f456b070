"""`docs/command-line.md` names every option of every verb, and none that is not there."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from auditor.cli import VERBS, _root
from auditor.cli.context import Exit

PAGE = (Path(__file__).parents[2] / "docs" / "command-line.md").read_text(encoding="utf-8")
ALWAYS = {"-h", "--help", "--version"}


def commands(command: click.Command, name: str) -> Iterator[tuple[str, click.Command]]:
    if not isinstance(command, click.Group):
        yield name, command
        return
    context = click.Context(command)
    for verb in command.list_commands(context):
        if (below := command.get_command(context, verb)) is not None:
            yield from commands(below, f"{name} {verb}")


def options(command: click.Command) -> set[str]:
    return {name for one in command.params if isinstance(one, click.Option) for name in one.opts} - ALWAYS


def told(part: str) -> set[str]:
    return {name for row in re.findall(r"^\| (`-[^|]*)", part, re.MULTILINE) for name in re.findall(r"`(-[\w-]+)", row)}


COMMANDS = dict(commands(_root, "auditor"))
TOP, *PARTS = re.split(r"^## `", PAGE, flags=re.MULTILINE)
SECTIONS = {re.split(r"[`{]| [A-Z\[]", part)[0].strip(): part for part in PARTS}


def test_every_verb_has_a_section():
    assert set(SECTIONS) == set(COMMANDS)
    assert {name.split()[1] for name in SECTIONS} == set(VERBS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_told(name):
    assert told(SECTIONS[name]) == options(COMMANDS[name])


def test_every_option_in_front_of_the_verb_is_told():
    assert told(TOP) == options(_root)


def test_every_exit_code_is_told():
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", TOP, re.MULTILINE)} == {code.value for code in Exit}
