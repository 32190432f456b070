"""What travels between machines: rows on their way to a bucket, and what was found in a part."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from zlib import crc32

import polars as pl

from auditor.frozen import dataclass
from auditor.rules.judging.merging import Part, with_pages
from auditor.rules.outcome import Crashed, Judged, NotEvaluated
from auditor.tables.distinct import mapped
from auditor.tables.schema import TEXT

_ROWS_A_PARCEL = 200_000
_BUCKET = "__bucket"


@dataclass(frozen=True, slots=True)
class Parcel:
    """`body` is a frame as Arrow IPC; `head` is JSON: of rows their table, piece and place, of a part its rule."""

    bucket: int
    head: str
    body: bytes

    @property
    def fields(self) -> dict[str, object]:
        """What the head says."""
        found: dict[str, object] = json.loads(self.head)
        return found

    def frame(self) -> pl.DataFrame:
        """The frame in the body."""
        return pl.read_ipc(io.BytesIO(self.body))


def bucket_numbers(keys: pl.Series, count: int, *, nulls: int) -> pl.Series:
    """The bucket of each key, the same on every machine and in every version; `nulls` is that of a null."""

    def number_of(text: str) -> int:
        return crc32(text.encode()) % count

    if keys.dtype.is_temporal():
        keys = keys.to_physical()
    elif keys.dtype.is_float():
        keys = (
            keys.to_frame("key").select(pl.when(pl.col("key") == 0).then(0.0).otherwise("key")).to_series()
        )  # no -0.0
    texts = keys.cast(pl.String).alias("key").to_frame()
    number = mapped(pl.col("key"), number_of, pl.Int64())
    return texts.select(number.fill_null(nulls).cast(pl.Int64)).to_series()


def packed(rows: pl.DataFrame, numbers: pl.Series, *, table: str, piece: int, first: int) -> Iterator[Parcel]:
    """The rows by bucket, in their order; bucket numbers begin at `first`."""
    parts = rows.with_columns(numbers.alias(_BUCKET)).partition_by(_BUCKET, as_dict=True, include_key=False)
    for (number,), part in parts.items():
        for place, some in enumerate(part.iter_slices(_ROWS_A_PARCEL)):
            head = json.dumps({"table": table, "piece": piece, "place": place})
            yield Parcel(first + int(number), head, _written(some))


def told(rule_id: str, part: Part, *, bucket: int) -> Parcel:
    """What judging a part of a rule's rows gave."""
    fields: dict[str, object] = {"rule": rule_id}
    if isinstance(part, Judged):
        fields |= {"population": part.population, "not_evaluable": part.not_evaluable, "periods": part.periods}
        return Parcel(bucket, json.dumps(fields), _written(with_pages(part.hits, TEXT, records=TEXT)))
    if isinstance(part, NotEvaluated):
        fields |= {"reason": str(part), "not_evaluable": part.not_evaluable, "periods": part.periods}
    else:
        fields |= {"crashed": str(part)}
    return Parcel(bucket, json.dumps(fields), b"")


def heard(parcel: Parcel) -> tuple[str, Part]:
    """The rule and the part that `told` put into a parcel."""
    fields = json.loads(parcel.head)
    rule_id, periods = str(fields["rule"]), int(fields.get("periods", 0))
    if "crashed" in fields:
        return rule_id, Crashed(fields["crashed"])
    if "reason" in fields:
        return rule_id, NotEvaluated(fields["reason"], not_evaluable=int(fields["not_evaluable"]), periods=periods)
    population, lost = int(fields["population"]), int(fields["not_evaluable"])
    return rule_id, Judged(parcel.frame(), population, lost, periods=periods)


def _written(rows: pl.DataFrame) -> bytes:
    file = io.BytesIO()
    rows.write_ipc(file, compression="lz4")
    return file.getvalue()
