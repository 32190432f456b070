"""The version of the package, in reach of every layer."""

from __future__ import annotations

VERSION = "0.1.0"
