"""Rules judged by Spark: it reads, shuffles and retries, the workers run the same Polars code (extra `spark`)."""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from hashlib import sha256
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from auditor.engines import apart
from auditor.engines.java import OLDEST, java
from auditor.engines.parcels import Parcel
from auditor.engines.work import VERSIONS, Piece, Work, judged, sent
from auditor.errors import AuditorError, ConfigError
from auditor.frozen import dataclass

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import SparkSession

    from auditor.engines.engine import Engine

_SCHEMA = "bucket int, head string, body binary"
_OTHERS = "a worker runs other versions"
_SILENCE = """\
appender.none.type = Null
appender.none.name = none
rootLogger.level = off
rootLogger.appenderRef.none.ref = none
"""
"""Spark's log holds tracebacks, and those values of tables; a configuration in SPARK_CONF_DIR brings it back."""

_ALONE = {
    "spark.ui.enabled": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
}
"""A Spark of this machine alone opens no port to others."""

_DEFAULTS = {
    "spark.ui.showConsoleProgress": "false",
    "spark.driver.maxResultSize": "0",
    "spark.sql.execution.arrow.maxRecordsPerBatch": "8",
    "spark.rpc.message.maxSize": "512",
}
_ALWAYS = {
    "spark.sql.adaptive.enabled": "false",  # which would put buckets together
    "spark.sql.session.timeZone": "UTC",
    "spark.executorEnv.POLARS_MAX_THREADS": "1",
    "spark.executorEnv.TZ": "UTC",
}


@contextmanager
def engine(master: str, *, environment: MutableMapping[str, str], say: Callable[[str], None]) -> Iterator[Engine]:
    """The engine on a Spark master, such as `local[2]` or `spark://host:7077`; Spark is stopped at the end.

    `environment` is the process's own, from which Spark takes the Python of its workers. Raises `ConfigError` when
    PySpark or Java is missing, and when Spark does not start.
    """
    _check(environment)
    environment.setdefault("PYSPARK_PYTHON", sys.executable)
    if master.startswith("local"):
        environment.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    with tempfile.TemporaryDirectory() as folder:
        options = _options(master, environment, Path(folder))
        with _started(master, options) as session:
            yield partial(apart.run, cluster=Spark(session, Path(folder)), say=say)


@dataclass(frozen=True, slots=True)
class Spark:
    """The workers of a Spark session. `folder` is for what is sent to them as files."""

    session: SparkSession
    folder: Path

    @property
    def workers(self) -> int:
        """How many tasks run at a time."""
        return max(2, int(self.session.sparkContext.defaultParallelism))

    def parcels(self, work: Work, pieces: Sequence[Piece]) -> Iterable[Parcel]:
        """`sent` applied to every piece and `judged` to every bucket, by the workers."""
        told = replace(work, databases=tuple(map(self._shipped, work.databases)))
        spread = partial(_sent, work=told, pieces=tuple(pieces))
        gathered = partial(_judged, work=told)
        # the number of a piece is its partition's only row
        numbers = self.session.range(0, len(pieces), 1, numPartitions=len(pieces))
        with _understood():
            found = (
                numbers.mapInArrow(spread, _SCHEMA)
                .repartitionById(work.bucket_count, "bucket")
                .mapInArrow(gathered, _SCHEMA)
                .toArrow()
            )
        for batch in found.to_batches():
            yield from _parcels(batch)

    def _shipped(self, path: Path) -> Path:
        """The name under which every worker finds the file."""
        name = f"{sha256(str(path).encode()).hexdigest()[:16]}{path.suffix}"
        shutil.copyfile(path, self.folder / name)
        self.session.sparkContext.addFile(str(self.folder / name))
        return Path(name)


def _sent(batches: Iterable[pa.RecordBatch], *, work: Work, pieces: Sequence[Piece]) -> Iterator[pa.RecordBatch]:
    """The first step, on a worker."""
    mine = _here(work)
    for batch in batches:
        for number in batch.column(0).to_pylist():
            yield from map(_batch, sent(mine, pieces[number]))


def _judged(batches: Iterable[pa.RecordBatch], *, work: Work) -> Iterator[pa.RecordBatch]:
    """The second step, on a worker: the parcels of a partition are those of one bucket."""
    mine = _here(work)
    parcels = chain.from_iterable(map(_parcels, batches))
    for first in parcels:
        yield from map(_batch, judged(mine, first.bucket, chain([first], parcels)))


def _here(work: Work) -> Work:
    """The work as this worker can do it. Raises `RuntimeError` when it runs other versions than the driver."""
    if work.versions != VERSIONS:
        raise RuntimeError(f"{_OTHERS}: {', '.join(VERSIONS)}; the driver {', '.join(work.versions)}.")
    if not work.databases:
        return work
    from pyspark import SparkFiles

    return replace(work, databases=tuple(Path(SparkFiles.get(str(path))) for path in work.databases))


def _batch(parcel: Parcel) -> pa.RecordBatch:
    """One row a batch, so that no batch outgrows what Arrow and Java can hold."""
    import pyarrow as pa

    schema = pa.schema([("bucket", pa.int32()), ("head", pa.string()), ("body", pa.binary())])
    return pa.RecordBatch.from_pylist(
        [{"bucket": parcel.bucket, "head": parcel.head, "body": parcel.body}], schema=schema
    )


def _parcels(batch: pa.RecordBatch) -> Iterator[Parcel]:
    for row in batch.to_pylist():
        yield Parcel(row["bucket"], row["head"], row["body"])


def _check(environment: Mapping[str, str]) -> None:
    """Nothing when Spark can be started here."""
    try:
        import pyarrow as pa
        import pyspark
    except ModuleNotFoundError as missing:
        raise ConfigError(
            f"--engine spark needs the extra spark ({missing.name} is missing): pip install 'webex-auditor[spark]'"
        ) from None
    del pa, pyspark
    found = java(environment)
    if found is None:
        where = "JAVA_HOME names none" if environment.get("JAVA_HOME") else "none is on the path"
        raise ConfigError(f"--engine spark needs Java {OLDEST} or newer, and {where}: install one, such as OpenJDK")
    if not found.serves:
        told = "does not tell its version" if found.version is None else f"is Java {found.version}"
        raise ConfigError(f"--engine spark needs Java {OLDEST} or newer; {found.program} {told}")


def _options(master: str, environment: Mapping[str, str], folder: Path) -> Mapping[str, str]:
    """What Spark is told beside `_ALWAYS`: nothing under `spark-submit`, which has its own ways to be told."""
    if "PYSPARK_GATEWAY_PORT" in environment:
        return {}
    options = _DEFAULTS | (_ALONE if master.startswith("local") else {})
    if "SPARK_CONF_DIR" in environment:
        return options
    path = folder / "log4j2.properties"
    path.write_text(_SILENCE, encoding="ascii")
    return options | {"spark.driver.extraJavaOptions": f"-Dlog4j2.configurationFile={path}"}


@contextmanager
def _started(master: str, options: Mapping[str, str]) -> Iterator[SparkSession]:
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.appName("auditor").master(master)
    for name, value in {**options, **_ALWAYS}.items():
        builder = builder.config(name, value)
    with _understood(f"Spark did not start on {master}; is it the address of a master that can be reached from here?"):
        session = builder.getOrCreate()
    try:
        yield session
    finally:
        session.stop()


@contextmanager
def _understood(words: str | None = None) -> Iterator[None]:
    """What Spark says went wrong, in one line, `words` where they are given; values of a table are no part of it."""
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    try:
        yield
    except (PySparkException, Py4JError, RuntimeError) as error:
        raise AuditorError(words or _reason(str(error))) from error


def _reason(text: str) -> str:
    lacking = re.search(r"No module named '(\w+)", text)
    if lacking is not None:
        return f"the Python of Spark's workers lacks {lacking[1]}; install there what runs here: {', '.join(VERSIONS)}"
    other = re.search(rf"{_OTHERS}: [^\n]*?\.(?=\n|$)", text)
    if other is not None:
        return other[0]
    kinds = re.findall(r"\b(?:[a-z]+\.)+([A-Z]\w*(?:Exception|Error))\b", text)
    return f"Spark did not finish ({kinds[-1] if kinds else 'no reason given'}); run again with -vv for its words"
