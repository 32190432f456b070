"""Pseudonyms: the same word for the same person, address or meeting everywhere in one report."""

from __future__ import annotations

import base64
import hmac
import ipaddress
import re
import unicodedata
from collections.abc import Iterator

EMAIL = re.compile(r"[^\s@<>“”\"'(),;:]+@[^\s@<>“”\"'(),;:]+")
_TOKEN = re.compile(r"[^\s<>“”\"'(),;:]+")
ADDRESS = re.compile(
    r"(?<![\w.:])(?:\d{1,3}(?:\.\d{1,3}){3}|(?=[0-9A-Fa-f:]*:[0-9A-Fa-f:]*:)[0-9A-Fa-f:]{2,}(?:\d{1,3}(?:\.\d{1,3}){3})?)"
    r"(?:/\d{1,3})?(?![\w:])"
)
PHONE = re.compile(r"\+?\d[\d ()./-]{5,}\d")

_FIRST_LETTERS = 8
_LEAST = 3
"""Shorter texts are not looked for in prose: they stand in any word."""
TIME = re.compile(r"\d{4}-\d\d-\d\d")
_MEETING = re.compile(r"\b[0-9A-Za-z]+_I_\d+\b")
"""The id of one meeting, as Webex makes it."""


class Pseudonyms:
    """Words made of a label and of a keyed hash, lengthened until no two originals share one.

    Every text that was replaced is kept, so that what is left of it elsewhere can be found.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._words: dict[tuple[str, str], str] = {}
        self._taken: set[str] = set()
        self._people: dict[str, str] = {}
        self._named: set[str] = set()
        self._first: dict[str, str] = {}
        self._originals: dict[str, tuple[int, str]] = {}
        self._lengths: dict[str, set[int]] = {}

    def someone(self, name: str) -> None:
        """From now on the name is known as a person's, wherever it stands."""
        self._named.add(_normal(name))

    def same_person(self, name: str, email: str) -> None:
        """From now on the name stands for the person with this address, unless it already stands for another."""
        key = _normal(name)
        known = self._people.setdefault(key, _normal(email))
        if known != _normal(email):
            self._people[key] = key

    def word(self, label: str, original: str) -> str:
        """The pseudonym of the original under its label, such as `person-7QK4M2XA`."""
        normal = _normal(original)
        if label == "person":
            normal = self._people.get(normal, normal)
        known = self._words.get((label, normal))
        if known is None:
            digest = base64.b32encode(self.digest(f"{label}\0{normal}")).decode().rstrip("=")
            length = _FIRST_LETTERS
            known = f"{label}-{digest[:length]}"
            while known in self._taken:
                length += 4
                known = f"{label}-{digest[:length]}"
            self._taken.add(known)
            self._words[label, normal] = known
            self._first.setdefault(normal, known)
        self._keep(original, known)
        return known

    def _keep(self, original: str, word: str) -> None:
        """From now on the original is found in prose, and by its first letters."""
        if len(original) < _LEAST or original in self._originals:
            return
        self._originals[original] = (len(self._originals), word)
        self._lengths.setdefault(original[:_LEAST], set()).add(len(original))

    def digest(self, text: str) -> bytes:
        """The keyed SHA-256 of the text."""
        return hmac.digest(self._key, text.encode("utf-8", "surrogatepass"), "sha256")

    def _token(self, token: str) -> str:
        """The token, or the pseudonym of the person whose address it is."""
        bare = token.rstrip(".")
        return self.word("person", bare) + token[len(bare) :] if "@" in token[1:-1] else token

    def fingerprint(self, fingerprint: str) -> str:
        """A fingerprint nobody can guess values from: 64 hex digits of the keyed hash."""
        return self.digest(f"fingerprint\0{fingerprint}").hex()

    def address(self, original: str) -> str:
        """The pseudonym of an address with its network's, of a network alone, or of text that is neither."""
        text = original.strip()
        try:
            if "/" in text:
                return self.word("network", str(ipaddress.ip_network(text, strict=False)))
            parsed = ipaddress.ip_address(text)
        except ValueError:
            return self.word("address", text)
        mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
        parsed = mapped or parsed
        network = ipaddress.ip_network(f"{parsed}/{24 if parsed.version == 4 else 48}", strict=False)
        word = self.word("address", str(parsed))
        self._keep(text, word)
        return f"{word} in {self.word('network', str(network))}"

    def guessed(self, original: str) -> str:
        """The pseudonym of a text of which only its look tells what it is, or that it is somebody's name."""
        text = original.strip()
        if EMAIL.fullmatch(text) or _normal(text) in self._named:
            return self.word("person", text)
        if ADDRESS.fullmatch(text):
            return self.address(text)
        if PHONE.fullmatch(text) and not TIME.match(text):
            return self.word("phone", text)
        return self.word("text", text)

    def known(self, text: str) -> str | None:
        """The pseudonym of a text that was replaced, however it is written; None when it was not."""
        normal = _normal(text)
        if normal in self._named:
            return self.word("person", text)
        return self._first.get(normal)

    def scrubbed(self, text: str) -> str:
        """Prose in which addresses, numbers and every text replaced so far are pseudonyms."""
        text = _TOKEN.sub(lambda found: self._token(found[0]), text)
        text = ADDRESS.sub(lambda found: self.address(found[0]) if _is_address(found[0]) else found[0], text)
        text = _MEETING.sub(lambda found: self.word("meeting", found[0]), text)
        text = PHONE.sub(lambda found: found[0] if TIME.match(found[0]) else self.word("phone", found[0]), text)
        done = (-len(text), -1)
        while found := [held for held in self._held(text) if held[0] > done]:
            done, original, word = min(found)
            text = text.replace(original, word)
        return text

    def _held(self, text: str) -> Iterator[tuple[tuple[int, int], str, str]]:
        """The originals that stand in the text and their pseudonyms, each with its place: the longest is first."""
        for at in range(len(text) - _LEAST + 1):
            for length in self._lengths.get(text[at : at + _LEAST], ()):
                original = text[at : at + length]
                place, word = self._originals.get(original, (0, original))
                if word != original:
                    yield (-len(original), place), original, word


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_interface(text)
    except ValueError:
        return False
    return True


def _normal(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip().casefold()
