"""A population as files: the API's own JSON, one record a line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from auditor.simulator.population.sample import Population
from auditor.simulator.times import written
from auditor.simulator.wire import Json, Record, encoded


def files(made: Population) -> dict[str, bytes]:
    """The bytes of each file by its name."""
    sites: list[Json] = [{"siteUrl": made.recipe.site_url, "default": True}]
    facts: Record = {
        "siteUrl": made.recipe.site_url,
        "now": written(made.recipe.now),
        "seed": made.recipe.seed,
        "users": made.recipe.users,
        "days": made.recipe.days,
    }
    return {
        "simulation.json": encoded(facts) + b"\n",
        "sites.json": encoded({"sites": sites}) + b"\n",
        "attendees.json": _lines(made.attendees),
        "usage.json": _lines(made.usage),
        "participants.json": _lines(made.participants),
        "people.json": _lines(made.people),
        "labels.json": _lines(made.labels),
    }


def write(made: Population, folder: Path) -> tuple[Path, ...]:
    """The files written, in the folder, which is made when it is not there."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, content in files(made).items():
        path = folder / name
        path.write_bytes(content)
        paths.append(path)
    return tuple(paths)


def _lines(records: Sequence[Record]) -> bytes:
    return b'{"items":[\n' + b",\n".join(encoded(record) for record in records) + b"\n]}\n"
