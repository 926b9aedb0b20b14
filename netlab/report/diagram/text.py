"""Text in a picture: how wide it will be, and how it gets into markup without doing harm."""

from __future__ import annotations

from xml.sax.saxutils import quoteattr as _quote

#: Advance of one character of a monospaced font, as a part of its size (DejaVu, Menlo, SF Mono: 0.602).
MONO = 0.605
#: A generous mean for proportional fonts.
SANS = 0.6


def width(text: str, size: float, *, mono: bool = True) -> float:
    """About how wide the text is, in the units of the size; wide (East Asian) characters count double."""
    cells = sum(2 if ord(character) > 0x2E7F else 1 for character in text)
    return cells * size * (MONO if mono else SANS)


def shorten(text: str, most: int) -> str:
    """The text, its middle left out where it has more characters than ``most``."""
    if len(text) <= most:
        return text
    keep = most - 1
    return f"{text[: keep - keep // 2]}…{text[len(text) - keep // 2 :]}"


def clean(text: str) -> str:
    """One line that XML can hold: control characters and lone surrogates become spaces."""
    return "".join(
        character if character.isprintable() or character == " " else " "
        for character in text.encode("utf-8", "replace").decode()
    )


def escape(text: str) -> str:
    """Character data of XML or HTML."""
    return clean(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def attribute(text: str) -> str:
    """An attribute's value, quotes included."""
    return _quote(clean(text))
