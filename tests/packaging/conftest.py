"""The wheel, built once from the checkout and installed where no source is in reach."""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
FOLDERS = ("auditor", "rules", "report_templates", "sample_data")
FILES = ("pyproject.toml", "README.md", "LICENSE", "THIRD-PARTY.md", "CHANGELOG.md", ".gitignore")


@dataclass(frozen=True)
class Installed:
    """A fresh environment that holds the wheel and sees the dependencies of the running one."""

    folder: Path

    @property
    def site_packages(self) -> Path:
        return next(self.folder.glob("lib/python*/site-packages"))

    def __call__(self, *arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
        return self._run([self.folder / "bin" / "auditor", *arguments], cwd=cwd)

    def python(self, code: str, *, cwd: Path) -> subprocess.CompletedProcess[str]:
        return self._run([self.folder / "bin" / "python", "-c", code], cwd=cwd)

    @staticmethod
    def _run(command: list[str | Path], *, cwd: Path) -> subprocess.CompletedProcess[str]:
        env = {name: value for name, value in os.environ.items() if name in {"HOME", "LANG", "TZ"}}
        env["PATH"] = "/usr/bin:/bin"
        return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False, timeout=300)


def built(target: str, folder: Path, source: Path) -> Path:
    """The `wheel` or `sdist` of the source tree, written into the folder."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", target, "--directory", folder],
        cwd=source,
        check=True,
        capture_output=True,
    )
    return next(path for path in folder.iterdir() if path.suffix in {".whl", ".gz"})


def installed(wheel: Path, folder: Path) -> Installed:
    """The wheel alone, put into an environment before the other packages come into sight."""
    venv.create(folder, with_pip=False)
    environment = Installed(folder)
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "--python",
            folder / "bin" / "python",
            "install",
            "--no-deps",
            "--no-index",
            wheel,
        ],
        check=True,
        capture_output=True,
    )
    # A path in a .pth file is added as it is; the .pth files in there, one of which names the checkout, are not read.
    (environment.site_packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    return environment


@pytest.fixture(scope="session")
def build() -> Callable[..., Path]:
    return built


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a build needs of the checkout, and nothing else; it stays as it is while the tests run."""
    copy = tmp_path_factory.mktemp("tree")
    for name in FOLDERS:
        shutil.copytree(CHECKOUT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in FILES:
        shutil.copy2(CHECKOUT / name, copy)
    return copy


@pytest.fixture(scope="session")
def wheel(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built("wheel", tmp_path_factory.mktemp("wheel"), tree)


@pytest.fixture(scope="session")
def sdist(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built("sdist", tmp_path_factory.mktemp("sdist"), tree)


@pytest.fixture(scope="session")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return installed(wheel, tmp_path_factory.mktemp("environment") / "venv")
