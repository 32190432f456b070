import tarfile
import zipfile
from pathlib import Path

from auditor import __version__

CHECKOUT = Path(__file__).parents[2]
DATA = ("rules", "report_templates", "sample_data")


def shipped(tree: Path, folder: str) -> set[str]:
    """Files of a data folder as the wheel must hold them."""
    return {
        f"auditor/_data/{path.relative_to(tree)}"
        for path in (tree / folder).rglob("*")
        if path.is_file() and not path.name.startswith(".")
    }


def test_wheel_holds_every_file_of_the_data_folders(wheel, tree):
    names = set(zipfile.ZipFile(wheel).namelist())
    for folder in DATA:
        assert shipped(tree, folder)
        assert shipped(tree, folder) <= names


def test_data_folders_hold_no_code():
    assert not [path for folder in DATA for path in (CHECKOUT / folder).rglob("*.py")]


def test_wheel_holds_nothing_but_the_package_and_its_metadata(wheel):
    tops = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert tops == {"auditor", f"webex_auditor-{__version__}.dist-info"}


def test_wheel_carries_the_licences_and_its_types(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert f"webex_auditor-{__version__}.dist-info/licenses/LICENSE" in names
    assert f"webex_auditor-{__version__}.dist-info/licenses/THIRD-PARTY.md" in names
    assert "auditor/py.typed" in names


def test_two_builds_of_one_tree_are_the_same_bytes(wheel, build, tree, tmp_path):
    assert build("wheel", tmp_path, tree).read_bytes() == wheel.read_bytes()


def test_wheel_from_the_source_distribution_equals_the_wheel(wheel, sdist, build, tmp_path):
    with tarfile.open(sdist) as archive:
        archive.extraction_filter = getattr(tarfile, "data_filter", None)  # Python 3.11.4 and newer
        archive.extractall(tmp_path / "source")
    (source,) = (tmp_path / "source").iterdir()
    again = build("wheel", tmp_path / "wheel", source)
    assert again.read_bytes() == wheel.read_bytes()


def test_source_distribution_leaves_tests_and_locks_out(sdist):
    with tarfile.open(sdist) as archive:
        tops = {name.split("/")[1] for name in archive.getnames()}
    assert tops == {
        "auditor", "rules", "report_templates", "sample_data", "CHANGELOG.md", "LICENSE", "README.md", "THIRD-PARTY.md",
        "pyproject.toml", "PKG-INFO", ".gitignore",
    }  # fmt: skip
