"""Templates: the packaged folder, an operator's folder before it, and an environment that can do little."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from jinja2 import (
    BaseLoader,
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    PrefixLoader,
    StrictUndefined,
    TemplateError,
    TemplateNotFound,
    TemplateSyntaxError,
)
from jinja2.sandbox import ImmutableSandboxedEnvironment

from auditor.errors import ConfigError, ReportError
from auditor.reports.compiled import Compiled
from auditor.reports.words import Words, load_words
from auditor.resources import resource


class _Folder(FileSystemLoader):
    """A folder of templates in UTF-8."""

    def get_source(self, environment: Environment, template: str) -> tuple[str, str, Callable[[], bool]]:
        try:
            return super().get_source(environment, template)
        except UnicodeDecodeError as error:
            line = error.object.count(b"\n", 0, error.start) + 1
            file = str(Path(self.searchpath[0]) / template)
            raise TemplateSyntaxError("file is not UTF-8", line, template, file) from error


def folders(own: Path | None) -> tuple[Path, ...]:
    """Where templates, fonts and words are looked for, in this order."""
    if own is not None and not own.is_dir():
        raise ConfigError(f"{own}: is no folder of templates")
    packaged = resource("report_templates")
    return (packaged,) if own is None else (own, packaged)


def words(own: Path | None) -> Words:
    """The catalogue, an operator's entries over the packaged ones."""
    return load_words(folders(own))


def environment(own: Path | None) -> ImmutableSandboxedEnvironment:
    """Templates by name; `auditor/NAME` is always the packaged one, so that an own file can extend it.

    Text is escaped wherever it stands, an unknown name is an error, files outside the folders are out of reach.
    """
    paths = folders(own)
    loaders: list[BaseLoader] = [_Folder(path) for path in paths]
    return ImmutableSandboxedEnvironment(
        loader=ChoiceLoader([*loaders, PrefixLoader({"auditor": _Folder(paths[-1])})]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=False,
        auto_reload=False,
        bytecode_cache=Compiled(),
    )


def filled(templates: ImmutableSandboxedEnvironment, name: str, values: Mapping[str, object]) -> str:
    """The template with the values; what is wrong in it is a `ReportError` with file and line."""
    try:
        return templates.get_template(name).render(values)
    except TemplateNotFound as error:
        told = f"the folders of templates hold no '{error.message or name}'"
        raise ReportError(f"{_place(error, name)}: {told}") from error
    except TemplateError as error:
        raise ReportError(f"{_place(error, name)}: {error.message or type(error).__name__}") from error
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        place = _place(error, name)
        if Path(place).is_relative_to(resource("report_templates")):  # ours: no mistake of an operator
            raise
        raise ReportError(f"{place}: {error}") from error


def _place(error: Exception, name: str) -> str:
    """File and line of the template that failed: of a syntax error its own, else the deepest template frame."""
    line = getattr(error, "lineno", None)
    file = getattr(error, "filename", None) or getattr(error, "name", None)
    if line is None:
        frame = error.__traceback__
        while frame is not None:
            code = frame.tb_frame.f_code
            if code.co_filename.endswith((".j2", ".html", ".css")):
                line, file = frame.tb_lineno, code.co_filename
            frame = frame.tb_next
    return f"{file or name}:{line}" if line is not None else str(file or name)
