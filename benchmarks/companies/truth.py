"""What was planted in a company, by the records a finding cites."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from auditor.model.finding import Finding
from auditor.simulator.scale import Made
from auditor.simulator.scale.made import behaviour
from auditor.simulator.scale.tables import PAGE


@dataclass(frozen=True, slots=True)
class Truth:
    """By leg and by participant: what was planted, and what kind of join it was."""

    legs: list[tuple[int | None, str | None, str]]
    rights: pl.DataFrame
    episodes: Mapping[str, int]

    @classmethod
    def of(cls, made: Made, tables: Mapping[str, pl.LazyFrame]) -> Truth:
        legs = made.legs.select("plant", "cause", behaviour=behaviour(pl.col("plant")))
        rights = tables["participants"].select("page", "item", "meeting_id", "email").collect()
        known = made.rights.join(made.people.select("who", "email"), on="who").select("email", "plant")
        counted = legs.filter(pl.col("plant").is_not_null()).group_by("behaviour").agg(pl.col("plant").n_unique())
        episodes = dict(counted.iter_rows())
        if made.rights.height:
            episodes["ghost-host"] = made.rights["plant"].n_unique()
        named = rights.filter(pl.col("email").is_in(known["email"].implode())).join(known.unique("email"), on="email")
        return cls(list(legs.select("plant", "behaviour", "cause").iter_rows()), named, episodes)

    def plants(self, finding: Finding, table: str) -> list[tuple[int | None, str | None, str]]:
        """Plant, behaviour and kind of join of each record of a finding."""
        if table == "participants":
            keys = {(record.page, record.item) for record in finding.records}
            rows = self.rights.filter(
                pl.struct("page", "item").is_in(pl.Series([{"page": p, "item": i} for p, i in keys]).implode())
            )
            return [(plant, "ghost-host", "partner") for plant in rows["plant"]] or [(None, None, "partner")]
        return [
            self.legs[int(record.page.removeprefix("sha256:"), 16) * PAGE + record.item] for record in finding.records
        ]
