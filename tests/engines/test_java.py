"""Java is found as Spark finds it; what is missing is said before Spark is started."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

import pytest

from auditor.cli.examined import spark
from auditor.engines.java import Java, java
from tests.audit.small import small_archive

without_extra = pytest.mark.skipif(find_spec("pyspark") is not None, reason="the extra spark is installed here")


def installed(folder: Path, words: str) -> Path:
    """A Java that tells the version as `words`."""
    program = folder / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\necho '{words}' >&2\n", encoding="ascii")
    program.chmod(0o755)
    return program


def test_java_home_comes_before_the_path(tmp_path):
    mine = installed(tmp_path / "home", 'openjdk version "21.0.1" 2023-10-17')
    other = installed(tmp_path / "path", 'openjdk version "11.0.1" 2018-10-16')
    assert java({"JAVA_HOME": str(tmp_path / "home"), "PATH": str(other.parent)}) == Java(str(mine), 21)
    assert java({"PATH": str(other.parent)}) == Java(str(other), 11)


@pytest.mark.parametrize(
    ("words", "serves"),
    [
        ('openjdk version "17.0.15" 2025-04-15', True),
        ('java version "1.8.0_402"', False),
        ("segmentation fault", False),
    ],
)
def test_only_a_java_that_tells_a_new_version_serves(words, serves, tmp_path):
    program = installed(tmp_path, words)
    found = java({"PATH": str(program.parent)})
    assert found is not None
    assert found.serves is serves


def test_no_java_is_none(tmp_path):
    assert java({"PATH": str(tmp_path)}) is None
    assert java({"JAVA_HOME": str(tmp_path), "PATH": "/usr/bin"}) is None


def test_doctor_tells_which_java_there_is(tmp_path):
    (tmp_path / "none").mkdir()
    old = installed(tmp_path / "old", 'java version "1.8.0_402"')
    new = installed(tmp_path / "new", 'openjdk version "17.0.15"')
    first = next(spark({"PATH": str(tmp_path / "none")}))
    assert first.state != "ok"
    assert first.detail.startswith("not found; only --engine spark needs it")
    assert f"{old} is version 8" in next(spark({"PATH": str(old.parent)})).detail
    assert next(spark({"PATH": str(new.parent)})).detail == f"17, {new}"


@pytest.mark.parametrize("engine", ["spark", "spark=", "ray=1"])
def test_an_engine_that_is_none_is_refused_before_anything_is_read(engine, auditor):
    done = auditor("check", "--archive", "none", "--engine", engine)
    assert done.returncode == 2
    assert f"unknown engine '{engine}'; local, or spark=MASTER as in spark=local[2]" in done.stderr


@without_extra
def test_without_the_extra_the_message_says_what_to_install(auditor, tmp_path):
    small_archive(tmp_path / "archive")
    done = auditor("check", "--archive", "archive", "--engine", "spark=local[2]", "--format", "json=audit.json")
    assert done.returncode == 2
    assert "--engine spark needs the extra spark" in done.stderr
    assert "pip install 'webex-auditor[spark]'" in done.stderr
    assert not (tmp_path / "audit.json").exists()


@pytest.mark.soak
@pytest.mark.skipif(find_spec("pyspark") is None, reason="without the extra Java is not asked for: make spark")
def test_without_java_the_message_says_what_to_install(auditor, tmp_path):
    small_archive(tmp_path / "archive")
    environment = {"JAVA_HOME": str(tmp_path), "PATH": os.environ["PATH"]}
    done = auditor("check", "--archive", "archive", "--engine", "spark=local[2]", env=environment)
    assert done.returncode == 2
    assert "--engine spark needs Java 17 or newer, and JAVA_HOME names none" in done.stderr
