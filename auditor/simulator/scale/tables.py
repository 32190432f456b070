"""A company as the tables rules read, straight from its columns: no pages, no HTTP, no import."""

from __future__ import annotations

import polars as pl

from auditor.simulator.scale.made import Made
from auditor.simulator.scale.records import attendees, meetings, participants
from auditor.tables.schema import TABLES

PAGE = 1000


def frames(made: Made) -> dict[str, pl.LazyFrame]:
    """Attendees, meetings and participants in the tables' schemas.

    An attendee row's lineage tells its leg: `leg = 1000 · int(page, 16) + item`.
    """
    known = meetings(made)
    site = pl.lit(made.scale.site_url)
    came = attendees(made, known).select(
        site_url=site, meeting_id="meeting_id", meeting_number="meeting_number", meeting_title="title",
        display_name="name", email=pl.col("email").str.to_lowercase(), joined_time="joined", left_time="left",
        duration=pl.duration(minutes="minutes"), participant_type="role", ip_address="ip", client_agent="agent",
        phone_number="phone", registered="registered", invited="invited", **_lineage("leg"),
    )  # fmt: skip
    held = known.with_row_index("row").select(
        site_url=site, meeting_id="meeting_id", meeting_number="meeting_number", title="title", start_time="began",
        end_time="ended", duration=pl.col("ended") - pl.col("began"), host_email="host_email",
        host_display_name="host_name",
        scheduled_type=pl.when("webinar").then(pl.lit("webinar")).otherwise(pl.lit("meeting")),
        service_type=pl.when("webinar").then(pl.lit("eventcenter")).otherwise(pl.lit("meetingcenter")),
        total_participants="people", total_invitee="invitees", peak_attendee="peak", total_registered="registered",
        total_participants_voip="voip", total_participants_call_in="call_in", **_lineage("row"),
    )  # fmt: skip
    people = participants(made, known).select(
        participant_id="identity", host="is_host", co_host="co_host", email=pl.col("email").str.to_lowercase(),
        display_name="name", invitee="invited", meeting_start_time="began", joined_time="joined", left_time="left",
        site_url=site, meeting_id="meeting_id", host_email="host_email", **_lineage("row"),
    )  # fmt: skip
    made_tables = {"attendees": came, "meetings": held, "participants": people}
    return {name: _conformed(frame, name).lazy() for name, frame in made_tables.items()}


def _lineage(number: str) -> dict[str, pl.Expr]:
    place = pl.col(number).cast(pl.Int64)
    digits = pl.Series([f"{page:064x}" for page in range(1 << 13)])

    def page(found: pl.Series) -> pl.Series:
        return digits.gather(found.cast(pl.UInt32))

    return {
        "page": (place // PAGE).map_batches(page, return_dtype=pl.String(), is_elementwise=True),
        "item": place % PAGE,
    }


def _conformed(frame: pl.DataFrame, table: str) -> pl.DataFrame:
    schema = TABLES[table].schema
    return frame.select(
        (pl.col(name) if name in frame.columns else pl.lit(None)).cast(dtype).alias(name)
        for name, dtype in schema.items()
    )
