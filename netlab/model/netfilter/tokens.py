"""nft's text as words and signs."""

from __future__ import annotations

import re
from typing import NamedTuple

_TOKEN = re.compile(
    r"""(?P<space>(?:[ \t\r]|\\\n|\#[^\n]*)+)
    | (?P<end>[\n;])
    | (?P<string>"[^"\n]*")
    | (?P<sign>[!<>=]=|[{},=<>()&|^!])
    | (?P<word>[^\s{},;=<>()&|^!"\#\\]+)""",
    re.VERBOSE,
)


class NotRead(Exception):
    """This text isn't understood."""


class Token(NamedTuple):
    """A word or sign, and where it stands; ``quoted`` is what stood in quotation marks."""

    text: str
    start: int
    stop: int
    quoted: bool = False


def tokens(text: str) -> list[Token]:
    """Cut a text; newlines and semicolons are ``;``. Raises `NotRead`."""
    found: list[Token] = []
    place = 0
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            raise NotRead(text[place:].partition("\n")[0])
        start, place = place, match.end()
        if match.lastgroup == "string":
            found.append(Token(match.group()[1:-1], start, place, True))
        elif match.lastgroup == "end":
            found.append(Token(";", start, place))
        elif match.lastgroup != "space":
            found.append(Token(match.group(), start, place))
    return found


class Cursor:
    """A place in a list of tokens. Taking what isn't there raises `NotRead`."""

    def __init__(self, found: list[Token]) -> None:
        self._found = found
        self._place = 0

    def peek(self, ahead: int = 0) -> str:
        """What comes next; empty at the end. Quoted text is never a key word: it has its quotation mark."""
        place = self._place + ahead
        if place >= len(self._found):
            return ""
        token = self._found[place]
        return f'"{token.text}' if token.quoted else token.text

    def take(self) -> Token:
        if self._place >= len(self._found):
            raise NotRead("it ends too early")
        self._place += 1
        return self._found[self._place - 1]

    def word(self) -> str:
        """The next token's text, quoted or not."""
        return self.take().text

    def skip(self, *texts: str) -> bool:
        """Take these tokens, if they come next."""
        if any(self.peek(ahead) != text for ahead, text in enumerate(texts)):
            return False
        self._place += len(texts)
        return True

    def expect(self, *texts: str) -> None:
        """Take these tokens; `NotRead` where something else comes."""
        if not self.skip(*texts):
            raise NotRead(f"{self.peek() or 'the end'} instead of {' '.join(texts)}")

    def ends(self) -> None:
        """Take newlines and semicolons."""
        while self.skip(";"):
            pass

    def statement(self) -> list[Token]:
        """Everything up to a newline or semicolon, or a closing brace, that isn't inside of braces."""
        taken: list[Token] = []
        depth = 0
        while (text := self.peek()) and (depth or text not in (";", "}")):
            depth += (text == "{") - (text == "}")
            token = self.take()
            if text != ";":
                taken.append(token)
        return taken

    def block(self) -> Cursor:
        """A block in braces, without them."""
        self.expect("{")
        first, depth = self._place, 1
        while depth:
            text = self.peek()
            self.take()
            depth += (text == "{") - (text == "}")
        return Cursor(self._found[first : self._place - 1])
