"""`auditor.yaml`, read."""

from __future__ import annotations

import base64
from datetime import timedelta
from pathlib import Path

import pytest

from auditor.documents import plain
from auditor.errors import ConfigError, ConfigFileError
from auditor.settings import Settings, load

PNG = b"\x89PNG\r\n\x1a\n rest"

WHOLE = """\
sites: [Example.webex.com]
lists:
  internal_domains: [Example.COM]
  trusted_domains: [" audit.example "]
  office_networks: {file: lists/egress.csv, column: cidr}
collect: {settle: 24h, also: [invitees, settings], proxy: null, ca_file: null}
rules: {paths: [rules/], exclude: [CHN-004], min_status: test}
params: {IDN-002: {min_overlap: 5m}}
severity: {ATT-003: info}
geoip: {city: data/city.mmdb, asn: data/asn.mmdb}
report: {title: Third quarter, organisation: Example, prepared_for: The board,
  classification: internal, logo: logo.png, max_findings_per_rule: 50}
waivers: waivers.yaml
fail_on: medium
allow_python_rules: true
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "auditor.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def mistakes(folder: Path, text: str) -> list[str]:
    path = written(folder, text)
    with pytest.raises(ConfigFileError) as caught:
        load(path)
    return [str(problem).removeprefix(f"{path}:") for problem in caught.value.problems]


@pytest.fixture
def whole(tmp_path: Path) -> Settings:
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists/egress.csv").write_text("name,cidr\noffice, 203.0.113.0/24\n\nhome,198.51.100.0/24\n")
    (tmp_path / "logo.png").write_bytes(PNG)
    return load(written(tmp_path, WHOLE))


def test_every_key_is_read(whole: Settings, tmp_path: Path) -> None:
    assert whole.sites == ("example.webex.com",)
    assert whole.collect.settle == timedelta(hours=24)
    assert whole.collect.also == ("invitees", "settings")
    assert (whole.collect.proxy, whole.collect.ca_file) == (None, None)
    assert whole.rules.paths == (tmp_path / "rules",)
    assert [name.text for name in whole.rules.exclude] == ["CHN-004"]
    assert whole.rules.min_status == "test"
    assert plain(whole.params["IDN-002"]) == {"min_overlap": "5m"}
    assert whole.severity["ATT-003"].text == "info"
    assert whole.geoip.city == tmp_path / "data/city.mmdb"
    assert whole.report.title == "Third quarter"
    assert whole.report.max_findings_per_rule == 50
    assert whole.waivers == tmp_path / "waivers.yaml"
    assert whole.fail_on == "medium"
    assert whole.allow_python_rules


def test_lists_are_trimmed_and_domains_lower_cased(whole: Settings) -> None:
    assert whole.lists == {
        "internal_domains": ("example.com",),
        "trusted_domains": ("audit.example",),
        "office_networks": ("203.0.113.0/24", "198.51.100.0/24"),
    }


def test_the_logo_becomes_a_data_url(whole: Settings) -> None:
    assert whole.report.logo == f"data:image/png;base64,{base64.b64encode(PNG).decode()}"


def test_an_empty_file_gives_the_defaults(tmp_path: Path) -> None:
    assert load(written(tmp_path, "# nothing\n")).digest == load(None).digest == Settings().digest


def test_a_list_file_without_column_holds_an_item_a_line(tmp_path: Path) -> None:
    (tmp_path / "vips.txt").write_text("# people\n\n ceo@example.com \ncfo@example.com\n")
    settings = load(written(tmp_path, "lists: {vips: {file: vips.txt}}"))
    assert settings.lists["vips"] == ("ceo@example.com", "cfo@example.com")


def test_a_null_list_is_not_configured(tmp_path: Path) -> None:
    assert load(written(tmp_path, "lists: {vips: }")).lists == {}


def test_an_empty_list_is_configured(tmp_path: Path) -> None:
    assert load(written(tmp_path, "lists: {vips: []}")).lists == {"vips": ()}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sitez: []", "1:1: unknown key 'sitez'; did you mean 'sites'?"),
        ("sites: example.webex.com", "1:8: expected list, got text"),
        (
            "sites: ['https://example.webex.com']",
            "1:9: 'https://example.webex.com' is no site such as example.webex.com",
        ),
        ("sites: [a.example, A.example]", "1:20: site 'a.example' is listed twice"),
        ("lists: {x: 3}", "1:12: expected list or {file, column}, got integer"),
        ("lists: {x: [a, null]}", "1:16: expected text, got null"),
        ("lists: {x: [a, ' ']}", "1:16: an item must not be blank"),
        ("lists: {x: {column: a}}", "1:12: missing key 'file'"),
        ("lists: {x: {file: gone.csv}}", "1:19: 'gone.csv' cannot be read: No such file or directory"),
        ("collect: {settle: soon}", "1:19: 'soon' is no duration such as 90s, 1h30m or 24h"),
        ("collect: {settle: 24}", "1:19: expected text, got integer"),
        ("collect: {also: [invites]}", "1:18: also must be one of invitees, settings; did you mean 'invitees'?"),
        ("collect: {proxy: proxy:3128}", "1:18: expected an address such as http://proxy.example.com:3128"),
        (
            "rules: {min_status: stabel}",
            "1:21: min_status must be one of stable, test, experimental; did you mean 'stable'?",
        ),
        ("params: {IDN-002: 5m}", "1:19: expected map, got text"),
        (
            "severity: {ATT-003: hgh}",
            "1:21: severity must be one of critical, high, medium, low, info; did you mean 'high'?",
        ),
        ("report: {max_findings_per_rule: 0}", "1:33: value 0 is outside 1..10000000"),
        ("report: {max_findings_per_rule: true}", "1:33: expected integer, got boolean"),
        ("report: {title: ' '}", "1:17: 'title' must not be blank"),
        ("report: {timezone: Europe/Berln}", "1:20: unknown time zone 'Europe/Berln'; did you mean 'Europe/Berlin'?"),
        ("report: {accent: blue}", "1:18: expected a colour such as '#12395b'"),
        ("collect: {proxy: 'http://[::1'}", "1:18: expected an address such as http://proxy.example.com:3128"),
        ("collect: {proxy: 'http://a:99999999'}", "1:18: expected an address such as http://proxy.example.com:3128"),
        *(
            (text, f"1:{column}: 'a\\u0000b' holds a character that no path holds")
            for text, column in (
                (r'collect: {ca_file: "a\0b"}', 20),
                (r'rules: {paths: ["a\0b"]}', 17),
                (r'geoip: {asn: "a\0b"}', 14),
                (r'report: {logo: "a\0b"}', 16),
                (r'waivers: "a\0b"', 10),
                (r'lists: {a: {file: "a\0b"}}', 19),
            )
        ),
        ("waivers: [a]", "1:10: expected text, got list"),
        ("report: {logo: [a]}", "1:16: expected text, got list"),
        ("report: {logo: .}", "1:16: '.' cannot be read: Is a directory"),
        ("report: {logo: gone.png}", "1:16: 'gone.png' cannot be read: No such file or directory"),
        ("report: {logo: auditor.yaml}", "1:16: 'auditor.yaml' is neither PNG nor SVG"),
        ("fail_on: always", "1:10: fail_on must be one of critical, high, medium, low, info, never"),
        ("allow_python_rules: 'true'", "1:21: expected boolean, got text"),
        ("sites: []\nsites: []", "2:1: duplicate key 'sites' (first on line 1)"),
        ("- a", "1:1: expected map, got list"),
        ("{}\n---\n{}", "3:1: the file must hold one document"),
    ],
)
def test_a_mistake_is_shown_where_it_stands(tmp_path: Path, text: str, message: str) -> None:
    assert mistakes(tmp_path, text) == [message]


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    found = mistakes(tmp_path, "fail_on: x\nsitez: []\ncollect: {settle: 1}\nreport: 3\n")
    assert [line.split(" ")[0] for line in found] == ["1:10:", "2:1:", "3:19:", "4:9:"]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("name,cdir\na,b\n", "lists: {x: {file: x.csv, column: cidr}}"),
    ],
)
def test_an_unknown_column_of_a_list_file_is_named(tmp_path: Path, table: str, message: str) -> None:
    (tmp_path / "x.csv").write_text(table)
    assert mistakes(tmp_path, message) == ["1:34: x.csv has no column 'cidr'; did you mean 'cdir'?"]


@pytest.mark.parametrize("row", ["a,", "a"])
def test_an_empty_cell_of_a_list_file_is_shown_in_that_file(tmp_path: Path, row: str) -> None:
    (tmp_path / "x.csv").write_text(f"name,cidr\n{row}\n")
    with pytest.raises(ConfigFileError) as caught:
        load(written(tmp_path, "lists: {x: {file: x.csv, column: cidr}}"))
    assert str(caught.value) == "x.csv:2:1: 'cidr' is empty here"


@pytest.mark.parametrize("content", [b"\xff\xfe", b'cidr\n"open'])
def test_a_list_file_that_is_no_text_is_a_mistake(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.csv").write_bytes(content)
    with pytest.raises(ConfigFileError, match=r"not UTF-8|no CSV"):
        load(written(tmp_path, "lists: {x: {file: x.csv, column: cidr}}"))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path / "gone.yaml")


def test_the_digest_follows_values_and_not_paths(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    for folder in ("a", "b"):
        (tmp_path / folder / "x.txt").write_text("one\n")
    a = load(written(tmp_path / "a", "lists: {x: {file: x.txt}}\nrules: {paths: [r]}"))
    b = load(written(tmp_path / "b", "lists: {x: [one]}\nwaivers: other.yaml"))
    assert a.digest == b.digest
    (tmp_path / "a/x.txt").write_text("two\n")
    assert load(tmp_path / "a/auditor.yaml").digest != b.digest


@pytest.mark.parametrize(
    "text",
    ["sites: [a.example]", "fail_on: low", "params: {A: {b: 1}}", "severity: {A: low}", "report: {title: x}"],
)
def test_every_value_changes_the_digest(tmp_path: Path, text: str) -> None:
    assert load(written(tmp_path, text)).digest != Settings().digest


def test_what_is_too_large_is_refused(tmp_path: Path) -> None:
    (tmp_path / "logo.png").write_bytes(PNG + bytes(3 << 20))
    assert mistakes(tmp_path, "report: {logo: logo.png}") == ["1:16: 'logo.png' is larger than 2 MiB"]
    (tmp_path / "x.txt").write_bytes(b"a\n" * (9 << 20))
    assert mistakes(tmp_path, "lists: {x: {file: x.txt}}") == ["1:19: 'x.txt' is larger than 16 MiB"]


def test_an_svg_logo_is_known_by_its_content(tmp_path: Path) -> None:
    (tmp_path / "logo").write_text('<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>')
    logo = load(written(tmp_path, "report: {logo: logo}")).report.logo
    assert logo is not None
    assert logo.startswith("data:image/svg+xml;base64,")
