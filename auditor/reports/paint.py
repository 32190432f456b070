"""The colours of a report: one accent, greys, and hues that belong to severity alone."""

from __future__ import annotations

import re
from collections.abc import Mapping

from auditor.errors import ConfigError

ACCENT = "#12395b"
PAPER = "#ffffff"
NIGHT = "#12161b"
LEAST_CONTRAST = 4.5

_CLEARLY = 7.0

_HEX = re.compile(r"#[0-9a-fA-F]{6}")


def paint(accent: str | None) -> Mapping[str, str]:
    """Colours for white paper by name. The accent has to be `#rrggbb` and dark enough to be read on white."""
    main = accent or ACCENT
    if not _HEX.fullmatch(main):
        raise ConfigError(f"report.accent is {main!r}; a colour such as {ACCENT}")
    if contrast(main, PAPER) < LEAST_CONTRAST:
        raise ConfigError(
            f"report.accent {main} is too light on white: the contrast is {contrast(main, PAPER):.1f}, at least 4.5"
        )
    steps = {f"heat-{step}": mixed(main, PAPER, share) for step, share in enumerate((0.16, 0.34, 0.54, 0.76, 1.0), 1)}
    return {
        "font": "Inter",
        "accent": main,
        "ink": "#1b1f24",
        "grey": "#57606a",
        "line": "#d5dae0",
        "hatch": "#8a939d",
        "held": mixed(main, PAPER, 0.34),
        "critical": "#8e1022",
        "high": "#b3401a",
        "medium": "#8a6100",
        "low": "#33637a",
        "info": "#5b6570",
        "ground": PAPER,
        "panel": "#f5f7f9",
        **steps,
        **{f"on-{name}": readable_on(shade) for name, shade in steps.items()},
    }


def night(accent: str | None) -> Mapping[str, str]:
    """Colours for a dark ground, the accent made as light as its text needs."""
    main = next(
        tint
        for tint in (mixed("#ffffff", accent or ACCENT, step / 20) for step in range(8, 21))
        if contrast(tint, NIGHT) >= _CLEARLY
    )
    steps = {f"heat-{step}": mixed(main, NIGHT, share) for step, share in enumerate((0.22, 0.38, 0.56, 0.78, 1.0), 1)}
    return {
        "accent": main,
        "ink": "#e6e9ed",
        "grey": "#a7b0ba",
        "line": "#38414b",
        "hatch": "#77818c",
        "held": mixed(main, NIGHT, 0.45),
        "critical": "#ff8f99",
        "high": "#ffa57c",
        "medium": "#e6c35f",
        "low": "#93c5dc",
        "info": "#b6bfc9",
        "ground": NIGHT,
        "panel": "#1b2128",
        **steps,
        **{f"on-{name}": readable_on(shade) for name, shade in steps.items()},
    }


def readable_on(shade: str) -> str:
    """Black or white, whichever stands out more from the shade."""
    return max("#11151a", "#ffffff", key=lambda text: contrast(text, shade))


def mixed(colour: str, ground: str, share: float) -> str:
    """The colour laid over the ground with this share.

    >>> mixed("#000000", "#ffffff", 0.5)
    '#808080'
    """
    parts = zip(_channels(colour), _channels(ground), strict=True)
    return "#" + "".join(f"{round(above * share + below * (1 - share)):02x}" for above, below in parts)


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours after WCAG 2, from 1 to 21.

    >>> contrast("#000000", "#ffffff")
    21.0
    """
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _luminance(colour: str) -> float:
    linear = [c / 255 / 12.92 if c / 255 <= 0.04045 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in _channels(colour)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
