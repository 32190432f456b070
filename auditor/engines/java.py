"""The Java that Spark runs on."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from auditor.frozen import dataclass

OLDEST = 17
"""The oldest Java that Spark 4 runs on."""

_VERSION = re.compile(r'version "(\d+)(?:\.(\d+))?')


@dataclass(frozen=True, slots=True)
class Java:
    """An installed Java: its program, its major version, None when it does not tell one."""

    program: str
    version: int | None

    @property
    def serves(self) -> bool:
        """Whether Spark runs on it."""
        return self.version is not None and self.version >= OLDEST


def java(environment: Mapping[str, str]) -> Java | None:
    """The Java of `JAVA_HOME`, else of the path, as Spark looks for it; None when there is none."""
    home = environment.get("JAVA_HOME")
    program = str(Path(home) / "bin" / "java") if home else shutil.which("java", path=environment.get("PATH"))
    if program is None or shutil.which(program) is None:
        return None
    try:
        asked = subprocess.run(  # noqa: S603 - the Java that Spark would start, asked for its version
            [program, "-version"], capture_output=True, text=True, check=False, timeout=60
        )
    except (OSError, subprocess.TimeoutExpired):
        return Java(program, None)
    return Java(program, major(asked.stderr + asked.stdout))


def major(told: str) -> int | None:
    """The major version in what `java -version` prints.

    >>> major('openjdk version "17.0.15" 2025-04-15'), major('java version "1.8.0_402"'), major("no")
    (17, 8, None)
    """
    found = _VERSION.search(told)
    if found is None:
        return None
    return int(found[2] or 1) if found[1] == "1" else int(found[1])
