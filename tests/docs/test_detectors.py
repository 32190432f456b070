"""`docs/detectors.md` tells every setting of every detector with its default."""

import dataclasses
import re
from datetime import timedelta
from pathlib import Path

import pytest

from auditor.detectors.registry import DETECTORS

PAGE = (Path(__file__).parents[2] / "docs" / "detectors.md").read_text(encoding="utf-8")
SHARED = {"budget", "networks", "suppress"}
SPANS = {timedelta(0): "0s", timedelta(weeks=1): "1w"}


def paragraph(name):
    (found,) = re.findall(rf"^\*\*`{name}`\*\*(.*?)^$", PAGE, re.MULTILINE | re.DOTALL)
    return " ".join(found.replace("`", "").split())


def shown(value):
    match value:
        case None | ():
            return "none"
        case bool():
            return str(value).lower()
        case tuple():
            return f"[{', '.join(value)}]"
        case timedelta():
            days, minutes = value.days, value.seconds // 60
            return SPANS.get(value) or (f"{days}d" if days else f"{minutes}m")
        case float():
            return f"{value:g}"
        case _:
            return str(value)


@pytest.mark.parametrize("name", DETECTORS)
def test_every_setting_is_told_with_its_default(name):
    told = paragraph(name)
    for setting in dataclasses.fields(DETECTORS[name].settings):
        if setting.name not in SHARED:
            given = setting.default is not dataclasses.MISSING
            words = f"{setting.name} {shown(setting.default)}" if given else setting.name
            assert re.search(rf"\b{re.escape(words)}(?![\w.])", told), words


@pytest.mark.parametrize("name", DETECTORS)
def test_what_is_suppressed_unless_said_is_told(name):
    (told,) = re.findall(r"Without it (.*?)\. The other three know none", PAGE, re.DOTALL)
    default = next(
        (one.default for one in dataclasses.fields(DETECTORS[name].settings) if one.name == "suppress"), None
    )
    listed = [part.split("`")[1::2] for part in told.split(";")]
    assert next((tuple(rest) for first, *rest in listed if first == name), None) == default
