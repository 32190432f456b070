"""The code of templates made before: what a template says, not when it was read, decides what is rendered."""

from pathlib import Path

import pytest
from jinja2 import DictLoader, Environment

from auditor.errors import ReportError
from auditor.reports.compiled import FOLDER, NAME, Compiled
from auditor.reports.compiling import compiled
from auditor.reports.formats import FORMATS, Options
from auditor.reports.templates import environment, filled
from auditor.resources import resource
from tests.reports.audit_factory import audit_of


def test_the_packaged_code_is_that_of_the_packaged_templates() -> None:
    """`python -m auditor.reports.compiling` writes it anew after a template or Jinja has changed."""
    assert (resource(FOLDER) / NAME).read_bytes() == compiled(resource(FOLDER))


def test_an_error_has_the_same_place_with_the_code_and_without() -> None:
    plain = environment(None)
    plain.bytecode_cache = None
    names = [path.name for path in resource(FOLDER).glob("*.css.j2")]
    assert names
    for name in names:
        values = {"paint": dict.fromkeys(("font", "accent", "ink", "grey", "line", "panel"), "#123456")}
        with pytest.raises(ReportError) as told:
            filled(environment(None), name, values)
        with pytest.raises(ReportError) as again:
            filled(plain, name, values)
        assert str(told.value) == str(again.value)
        assert f"{name}:" in str(told.value)


def test_an_own_template_of_a_packaged_name_is_read_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "macros.j2").write_text(
        (resource(FOLDER) / "macros.j2").read_text(encoding="utf-8").replace('class="eyebrow"', 'class="brow"')
        + "{% macro heading(h) %}<h2>own {{ h.title }}</h2>{% endmacro %}",
        encoding="utf-8",
    )
    written = FORMATS["html"].render(audit_of(1), Options(templates=tmp_path)).decode()
    assert "<h2>own Executive summary</h2>" in written


def test_nothing_is_ever_put_in() -> None:
    templates = Environment(loader=DictLoader({"macros.j2": "one {{ 1 + 1 }}"}), bytecode_cache=Compiled())
    assert templates.get_template("macros.j2").render() == "one 2"
    assert (resource(FOLDER) / NAME).read_bytes() == compiled(resource(FOLDER))
