"""WeasyPrint without two costs that grow with the machine and with the square of a report."""

from __future__ import annotations

import ctypes.util
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib import import_module


def ready() -> None:
    """Imports WeasyPrint, in half the time where a compiler is installed.

    It looks for its libraries under the names they have on every system. For each that Linux does not know, the
    standard library asks ldconfig, a compiler and a linker, some eighty programs in all, until the name of the file
    itself comes, which needs none of them. Where that is not enough, whoever uses WeasyPrint imports it as usual.
    """
    if sys.platform == "linux" and "weasyprint" not in sys.modules:
        with suppress(OSError), _replaced(ctypes.util, "find_library", lambda _: None):
            import weasyprint  # noqa: F401 - for its effect


@contextmanager
def pages_known() -> Iterator[None]:
    """Within it a PDF words how a page is referred to when the page is added.

    The library words it for all pages again and again, once for every tag.
    """
    pydyf = import_module("pydyf")

    class Known(pydyf.PDF):  # type: ignore[misc, name-defined] # the library has no types
        """A PDF that remembers how its pages are referred to."""

        def __init__(self) -> None:
            super().__init__()
            self._known: list[bytes] = []

        def add_page(self, page: object) -> None:
            """Adds the page and remembers it."""
            super().add_page(page)
            self._known.append(b"%d 0 R" % self.pages["Kids"][-3])

        @property
        def page_references(self) -> Sequence[bytes]:
            """How each page is referred to."""
            return self._known

    with _replaced(pydyf, "PDF", Known):
        yield


@contextmanager
def _replaced(place: object, name: str, stand_in: object) -> Iterator[None]:
    was = getattr(place, name)
    setattr(place, name, stand_in)
    try:
        yield
    finally:
        setattr(place, name, was)
