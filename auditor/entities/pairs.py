"""What two legs of one person are to each other: a hand-off, a phone beside a laptop, one line that changed.

Each expression works on a frame in which the two legs compared carry the suffixes `_a` (the earlier one) and `_b`.
"""

from __future__ import annotations

from datetime import timedelta

import polars as pl

MOBILE = ("ios", "android", "iphone", "ipad")
HAND_OFF = timedelta(minutes=5)
RECONNECT = timedelta(minutes=3)
LATE_DROP = timedelta(minutes=5)


def same_or_unknown(column: str) -> pl.Expr:
    """Whether both legs agree in the column, as far as it is known."""
    return (pl.col(f"{column}_a") == pl.col(f"{column}_b")).fill_null(value=True)


def _mobile(side: str) -> pl.Expr:
    return pl.col(f"client_os_{side}").is_in(list(MOBILE)).fill_null(value=False)


def soon() -> pl.Expr:
    """The earlier leg ends within five minutes of the other's start, either way."""
    return (pl.col("end_a") - pl.col("joined_time_b")).abs() <= HAND_OFF


def hand_off() -> pl.Expr:
    """One leg ends within five minutes of the other's start, either way, and the client is of the other kind."""
    return soon() & (_mobile("a") != _mobile("b"))


def companion() -> pl.Expr:
    """One of the legs is a phone beside the other: in its meeting, or in its city.

    In one meeting it is in the same country as far as known, or on a network its person knows, or the other is
    behind an exit.
    """
    phone = _mobile("a") | _mobile("b")
    meeting = (pl.col("meeting_id_a") == pl.col("meeting_id_b")).fill_null(value=False)
    city = (pl.col("geo_city_a") == pl.col("geo_city_b")).fill_null(value=False)
    known = (_mobile("a") & (pl.col("known_a") | pl.col("in_homeland_a") | pl.col("exit_b"))) | (
        _mobile("b") & (pl.col("known_b") | pl.col("in_homeland_b") | pl.col("exit_a"))
    )
    return phone & ((meeting & (same_or_unknown("geo_country") | known)) | city)


def same_provider() -> pl.Expr:
    """Both legs come from one operator (else one wide network) and, as far as known, one city."""
    known = pl.col("asn_a").is_not_null() & pl.col("asn_b").is_not_null()
    wide = (_wide("a") == _wide("b")).fill_null(value=False)
    operator = pl.when(known).then(pl.col("asn_a") == pl.col("asn_b")).otherwise(wide)
    return operator & same_or_unknown("geo_city")


def _wide(side: str) -> pl.Expr:
    """The first 16 bits of an IPv4 network, the first 32 of an IPv6 one."""
    network = pl.col(f"ip_network_{side}")
    four = network.str.extract(r"^(\d+\.\d+)\.")
    six = network.str.extract(r"^([0-9a-f]+:[0-9a-f]+):")
    return pl.coalesce(four, six)


def reconnect() -> pl.Expr:
    """The later leg follows in the same meeting within three minutes, or up to five before the drop was noticed."""
    meeting = (pl.col("meeting_id_a") == pl.col("meeting_id_b")).fill_null(value=False)
    client = (pl.col("client_agent_a") == pl.col("client_agent_b")).fill_null(value=False)
    gap = pl.col("joined_time_b") - pl.col("end_a")
    return meeting & client & (gap <= RECONNECT) & (gap >= -LATE_DROP)
