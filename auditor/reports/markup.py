"""The text of a rendered template as a tree: read as XML, which is fifty times quicker than reading it as HTML."""

from __future__ import annotations

import re
from xml.etree.ElementTree import Element, ParseError, XMLParser

_DOCTYPE = re.compile(r"\s*<!doctype html>", re.IGNORECASE)
_VOID = re.compile(r"<(area|base|br|col|embed|hr|img|input|link|meta|source|track|wbr)\b([^<>]*?)/?>")
_SVG = "{http://www.w3.org/2000/svg}"


def tree(text: str) -> Element | None:
    """The tree an HTML parser makes of the packaged templates, or None when the text is no XML.

    >>> [child.tag for child in tree("<!doctype html><html><p>one<br>two</p><svg/></html>")]
    ['p', '{http://www.w3.org/2000/svg}svg']
    """
    parser = XMLParser()  # noqa: S314 - our own templates, in which every value is escaped
    try:
        parser.feed(_VOID.sub(r"<\1\2/>", _DOCTYPE.sub("", text, count=1)))
        root: Element = parser.close()
    except (ParseError, UnicodeEncodeError):
        return None
    for drawing in list(root.iter("svg")):
        for element in drawing.iter():
            element.tag = _SVG + element.tag
    return root
