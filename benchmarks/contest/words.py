"""What the hand-written rules share: lengths of time in microseconds, lists and patterns of the bundled rules."""

from __future__ import annotations

MINUTE = 60_000_000
DAY = 1440 * MINUTE
WEEK = 7 * DAY
FREEMAIL = (
    "gmail.com", "googlemail.com", "outlook.com", "hotmail.com", "live.com", "msn.com", "yahoo.com", "ymail.com",
    "icloud.com", "me.com", "aol.com", "gmx.com", "gmx.de", "gmx.net", "web.de", "mail.com", "mail.ru", "yandex.com",
    "yandex.ru", "proton.me", "protonmail.com", "zoho.com", "qq.com", "163.com", "126.com",
)  # fmt: skip
PRIVATE = (
    r"^(?:10|127)\.|^192\.168\.|^169\.254\.|^172\.(?:1[6-9]|2\d|3[01])\."
    r"|^100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.|^::1$|^f[cd]|^fe[89ab]"
)
GENERIC = r"(?i)^\s*(?:guest|anonymous|unknown|user|test|iphone|ipad|android|laptop|call[- ]?in user)(?:[\s\d_#().-]|$)"
NUMBERED = r"^[\s\d+().-]+$"
BOTS = r"(?i)\b(?:notetaker|note taker|notes? bot|fireflies|otter\.ai|read\.ai|tl;dv|meetgeek|fathom)\b"
BOT_DOMAINS = r"(?:^|\.)(?:fireflies\.ai|otter\.ai|read\.ai)$"
INSIDE = r"(?i)\b(?:internal only|all[- ]hands)\b"
MARKED = "confidential|board|m&a|restricted"
