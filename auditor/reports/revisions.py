"""What was appended to a PDF after it was written, and whether it is more than signatures. Needs the extra `sign`."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING

from auditor.reports.pdf_file import entry, pages, read, reading

if TYPE_CHECKING:
    from pyhanko.pdf_utils.generic import DictionaryObject, PdfObject, Reference
    from pyhanko.pdf_utils.reader import PdfFileReader

_ROOT = {"/AcroForm", "/DSS", "/Extensions", "/Perms", "/Version"}
_INFO = {"/ModDate", "/Producer"}
_FORM = {"/Fields", "/SigFlags"}


def additions(reader: PdfFileReader, first: bytes) -> tuple[str, ...]:
    """What the file changes of the PDF it begins with, `first`, in words; nothing for signatures and their proofs.

    A signature may add an entry to the catalogue, a field to a page and to the form, and a date to the metadata.
    """
    before = read(first)
    with reading("the list of changes"):
        return tuple(dict.fromkeys(_changes(reader, before)))


def visible_fields(reader: PdfFileReader) -> int:
    """How many form fields have a place on a page where something can be seen of them."""
    with reading("the fields"):
        return sum(_has_area(note) for page in pages(reader) for note in _notes(page) if note["/Subtype"] == "/Widget")


def _changes(reader: PdfFileReader, before: PdfFileReader) -> Iterator[str]:
    known, old = reader.xrefs, before.xrefs
    last = old.total_revisions - 1
    if known.hybrid_xrefs_present or known.total_revisions <= last:
        yield "the file is not read by the tables of the report it begins with"
        return
    if known.get_startxref_for_revision(last) != before.last_startxref:
        yield "the file is not read by the tables of the report it begins with"
        return
    if reader.root_ref.idnum != before.root_ref.idnum:
        yield "the catalogue is another one"
        return
    if known.total_revisions == last + 1:
        yield "bytes stand that belong to nothing"
    shown = {getattr(page.container_ref, "idnum", 0) for page in pages(before)}
    held = {ref for revision in range(last + 1) for ref in old.explicit_refs_in_revision(revision)}
    for revision in range(last + 1, known.total_revisions):
        if any(freed in held for freed in known.refs_freed_in_revision(revision)):
            yield "an object was removed"
        for changed in sorted(known.explicit_refs_in_revision(revision) & held, key=lambda ref: ref.idnum):
            yield from _change(reader, before, changed, shown=shown)
    yield from _form(reader, before)


def _change(reader: PdfFileReader, before: PdfFileReader, changed: Reference, *, shown: set[int]) -> Iterator[str]:
    old, new = before.get_object(changed), reader.get_object(changed)
    if changed.idnum == before.root_ref.idnum:
        yield from (f"the catalogue's entry {key} was changed" for key in _differing(old, new) - _ROOT)
    elif changed.idnum in shown:
        differing = _differing(old, new)
        yield from (f"the entry {key} of a page was changed" for key in differing - {"/Annots"})
        if "/Annots" in differing:
            yield from _annotations(old, new)
    elif changed.idnum == _number(before.trailer_view, "/Info"):
        yield from (f"the entry {key} of the information was changed" for key in _differing(old, new) - _INFO)
    elif changed.idnum == _number(before.root, "/AcroForm"):
        yield from (f"the entry {key} of the form was changed" for key in _differing(old, new) - _FORM)
    elif changed.idnum not in {_number(before.root, "/Metadata"), _fields(before)} and _written(old) != _written(new):
        yield "an object was replaced"


def _annotations(old: DictionaryObject, new: DictionaryObject) -> Iterator[str]:
    """What was laid over a page beside fields of signatures."""
    held = [_written(note) for note in _references(old)]
    now = [_written(note) for note in _references(new)]
    if now[: len(held)] != held:
        yield "what lies over a page was changed"
    elif any(not _is_signature(note) for note in list(_notes(new))[len(held) :]):
        yield "something was laid over a page"


def _form(reader: PdfFileReader, before: PdfFileReader) -> Iterator[str]:
    """What the form has beside fields of signatures, those that were there first."""
    form = entry(reader.root, "/AcroForm")
    fields = (form and entry(form, "/Fields")) or ()
    if (form and "/XFA" in form) or any(not _is_signature(fields[at]) for at in range(len(fields))):
        yield "a form was added"
    old = entry(before.root, "/AcroForm")
    there = [_written(field) for field in (old and entry(old, "/Fields")) or ()]
    if [_written(field) for field in fields][: len(there)] != there:
        yield "a signature's field was removed"


def _fields(reader: PdfFileReader) -> int | None:
    """The number of the list of fields, which are looked at one by one."""
    form = entry(reader.root, "/AcroForm")
    return _number(form, "/Fields") if form else None


def _is_signature(field: DictionaryObject) -> bool:
    """Whether it is a signature's field that does nothing when it is touched."""
    return "/FT" in field and field["/FT"] == "/Sig" and not {"/A", "/AA", "/Kids"} & field.keys()


def _references(page: DictionaryObject) -> list[PdfObject]:
    return list(entry(page, "/Annots") or ())


def _notes(page: DictionaryObject) -> Iterator[DictionaryObject]:
    notes = entry(page, "/Annots") or ()
    return (notes[at] for at in range(len(notes)))


def _has_area(note: DictionaryObject) -> bool:
    left, low, right, high = (float(note["/Rect"][at]) for at in range(4))
    return left != right and low != high


def _number(of: DictionaryObject, key: str) -> int | None:
    """The number of the object the entry refers to."""
    return getattr(of.raw_get(key), "idnum", None) if key in of else None


def _differing(old: PdfObject, new: PdfObject) -> set[str]:
    """The keys of two dictionaries under which they differ; one that is none of both differs in all."""
    from pyhanko.pdf_utils.generic import DictionaryObject

    if not isinstance(old, DictionaryObject) or not isinstance(new, DictionaryObject):
        return {"/Type"}
    return {
        str(key)
        for key in old.keys() | new.keys()
        if key not in old or key not in new or _written(old.raw_get(key)) != _written(new.raw_get(key))
    }


def _written(value: PdfObject) -> bytes:
    out = io.BytesIO()
    value.write_to_stream(out, None)
    return out.getvalue()
